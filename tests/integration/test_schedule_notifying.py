"""Somebody is told: a real program reads the notice, a real address is sent it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notebook_executor.commands import run_command
from notebook_executor.schedule import notifying
from notebook_executor.schedule.notice import Notice
from notebook_executor.schedule.notifying import call_command, call_heartbeats, call_webhook
from tests.integration.receiver import Receiver, receiving
from tests.integration.stock import wait_until

NOTICE = Notice(
    occasion="alert",
    name="fleet-health",
    scheduled_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
    attempt=1,
    status="success",
    text="fleet-health raises an alert\n'ünïcode' $(touch made)",
    alert="health_score < 0.8",
    scraps={"health_score": 0.75},
    run_id="20261120T060001Z-7f3a2c",
    output_path="/project/runs/fleet.ipynb",
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting between tries."""
    monkeypatch.setattr(notifying, "_WAITS", (0.0, 0.0))


def test_a_command_reads_the_notice(tmp_path: Path) -> None:
    assert call_command("cat > told.json", NOTICE, tmp_path) is None
    assert Notice.model_validate_json((tmp_path / "told.json").read_text("utf-8")) == NOTICE


def test_a_command_has_the_most_useful_of_it_in_its_environment(tmp_path: Path) -> None:
    command = 'printf "%s|" "$NBX_OCCASION" "$NBX_NAME" "$NBX_STATUS" "$NBX_RUN_ID" > told'
    assert call_command(f'{command}; printf "%s" "$NBX_TEXT" >> told', NOTICE, tmp_path) is None

    told = (tmp_path / "told").read_text("utf-8")
    assert told == f"alert|fleet-health|success|{NOTICE.run_id}|{NOTICE.text}"
    assert not (tmp_path / "made").exists()


def test_a_list_is_no_shells(tmp_path: Path) -> None:
    program = "import sys; open('told', 'w').write(sys.argv[1])"
    assert call_command((sys.executable, "-c", program, "$HOME; x"), NOTICE, tmp_path) is None
    assert (tmp_path / "told").read_text("utf-8") == "$HOME; x"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("echo no mail today >&2; exit 3", "exit code 3: no mail today"),
        ("kill -9 $$", "exit code -9"),
        (("no-such-program",), "cannot be run"),
        (("nul\0l",), "cannot be run"),
    ],
)
def test_a_command_that_fails_says_why(
    tmp_path: Path, command: str | tuple[str, ...], why: str
) -> None:
    assert why in str(call_command(command, NOTICE, tmp_path))


def test_a_command_that_hangs_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "_COMMAND_TIMEOUT", 0.3)
    os.mkfifo(tmp_path / "fifo")
    reading = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        told = call_command("sleep 600 > fifo & sleep 600 > fifo; wait", NOTICE, tmp_path)

        assert "its time was up" in str(told)
        # No data, but an end: nobody has it open for writing any more.
        wait_until(lambda: _ended(reading))
    finally:
        os.close(reading)


def _ended(reading: int) -> bool:
    try:
        return os.read(reading, 1) == b""
    except BlockingIOError:
        return False


def test_what_a_command_leaves_in_the_background_does_not_delay(tmp_path: Path) -> None:
    """The background process holds its streams open; it ends when the file that it reads does."""
    os.mkfifo(tmp_path / "fifo")
    command = ("/bin/sh", "-c", "cat fifo & echo started")

    done = run_command(command, timeout=60, cwd=tmp_path)

    assert (done.code, done.stdout) == (0, b"started\n")
    os.close(os.open(tmp_path / "fifo", os.O_WRONLY))


def test_much_output_is_cut_to_its_end() -> None:
    program = "print('x' * 3_000_000 + 'end')"
    done = run_command((sys.executable, "-c", program), timeout=60)
    assert len(done.stdout) < 30_000
    assert done.stdout.endswith(b"end\n")


def test_a_webhook_is_sent_the_notice(receiver: Receiver) -> None:
    assert call_webhook(f"{receiver.url}/hook?x=1", {"X-Token": "t"}, NOTICE) is None

    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/hook?x=1")
    assert Notice.model_validate(request.json()) == NOTICE
    assert request.headers["x-token"] == "t"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == ("fleet-health/2026-11-20T06:00:00+00:00/alert")


@pytest.mark.usefixtures("at_once")
def test_a_server_that_has_a_moment_of_weakness_is_tried_again(receiver: Receiver) -> None:
    receiver.answers = [(503, {}), (429, {"Retry-After": "0"})]

    assert call_webhook(receiver.url, {}, NOTICE) is None

    assert len(receiver.requests) == 3
    assert len({request.headers["idempotency-key"] for request in receiver.requests}) == 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("answers", "tried", "why"),
    [
        ([500] * 3, 3, "answered 500"),
        ([404], 1, "answered 404"),
        ([302], 1, "answered 302"),
        ([503, 401], 2, "answered 401"),
    ],
)
def test_what_cannot_be_delivered_is_told_without_the_secret(
    receiver: Receiver, answers: list[int], tried: int, why: str
) -> None:
    receiver.answers = [(status, {"Location": "/elsewhere"}) for status in answers]

    problem = str(call_webhook(f"{receiver.url}/services/secret", {"X": "secret"}, NOTICE))

    assert problem == f"the webhook at 127.0.0.1: {why}"
    assert len(receiver.requests) == tried


@pytest.mark.usefixtures("at_once")
def test_a_server_that_never_answers(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "_ANSWER", 0.2)
    receiver.answers = [(0, {})] * 3

    assert "no answer (ReadTimeout)" in str(call_webhook(receiver.url, {}, NOTICE))


@pytest.mark.usefixtures("at_once")
def test_an_address_where_nobody_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        address = f"http://127.0.0.1:{bound.getsockname()[1]}/secret"
    told = str(call_webhook(address, {}, NOTICE))
    assert told.startswith("the webhook at 127.0.0.1: no answer (")
    assert "secret" not in told


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://[::1/secret", {}),
        ("http://", {}),
        ("http://host:port/secret", {}),
        ("http://127.0.0.1:9/", {"X": "secret\nX-Other: 1"}),
        ("http://127.0.0.1:9/", {"X": "sécret"}),
        ("http://127.0.0.1:9/", {"not a name": "secret"}),
    ],
)
@pytest.mark.usefixtures("at_once")
def test_an_address_that_is_none(url: str, headers: dict[str, str]) -> None:
    problem = call_webhook(url, headers, NOTICE)
    assert problem is not None
    assert "cret" not in problem


def test_heartbeats_are_called_once_each(receiver: Receiver) -> None:
    urls = [f"{receiver.url}/a", f"{receiver.url}/b", f"{receiver.url}/a"]
    receiver.answers = [(200, {}), (404, {})]

    assert call_heartbeats(urls) == ["the heartbeat at 127.0.0.1: answered 404"]

    assert [(each.method, each.path) for each in receiver.requests] == [
        ("GET", "/a"),
        ("GET", "/b"),
    ]


def test_the_json_of_a_notice_is_fixed() -> None:
    assert list(json.loads(NOTICE.to_json())) == [
        *("schema", "occasion", "name", "scheduled_at", "attempt", "status", "text", "alert"),
        *("error", "scraps", "left_out", "run_id", "started_at", "duration_seconds"),
        *("output_path", "commit"),
    ]
