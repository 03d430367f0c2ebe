"""``nbx schedule tick``, ``serve``, ``run``, ``pause`` and ``resume``, as cron and systemd do."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, Refused, StartNbx
    from tests.integration.gated import Gate

_BEFORE, _SIX, _AFTER = "2026-03-01T05:59:00Z", "2026-03-01T06:00:00Z", "2026-03-01T06:01:00Z"
_PATIENCE = 110.0


def write(root: Path, *entries: dict[str, Any], name: str = "some.yaml") -> None:
    whole = [
        {"path": "notebook.ipynb", "schedule": "0 6 * * *", "commit": {"enabled": False}, **entry}
        for entry in entries
    ]
    (root / "schedules").mkdir(exist_ok=True)
    (root / "schedules" / name).write_text(yaml.safe_dump(whole))


def test_tick_runs_what_is_due_once_and_tells_of_failure_alone(
    tmp_path: Path, nbx: Nbx, make_notebook: MakeNotebook
) -> None:
    make_notebook("print('fine')")
    write(tmp_path, {"name": "good"}, {"name": "bad", "path": "none.ipynb"})
    first = nbx("schedule", "tick", "--now", _BEFORE, "--quiet")
    due = nbx("schedule", "tick", "--now", _SIX, "--quiet")
    again = nbx("schedule", "tick", "--now", _AFTER)

    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    assert due.returncode == 1
    assert "bad (2026-03-01" in due.stdout
    assert "good" not in due.stdout
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_tick_says_each_step_in_json(tmp_path: Path, nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("print('fine')")
    write(tmp_path, {"name": "good", "schedule": _SIX})
    done = nbx("schedule", "tick", "--now", _SIX, "--json")

    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["kind"] for step in steps] == ["started", "finished"]
    assert (steps[1]["claim"]["state"], steps[1]["result"]["status"]) == ("success", "success")
    assert steps[1]["result"]["trigger"]["scheduled_at"] == _SIX


def test_a_mistake_in_a_file_is_told_and_keeps_no_other_entry(tmp_path: Path, nbx: Nbx) -> None:
    write(tmp_path, {"name": "good", "schedule": _SIX, "path": "none.ipynb"})
    (tmp_path / "schedules/wrong.yaml").write_text("name: wrong\npth: x\n")
    done = nbx("schedule", "tick", "--now", _SIX, "-q")

    assert done.returncode == 1
    assert "wrong.yaml:2:1: there is no field 'pth'" in done.stderr
    assert "good" in done.stdout
    assert nbx("schedule", "tick", "--now", _AFTER).returncode == 2


def test_no_entries_at_all_are_a_mistake(tmp_path: Path, nbx: Nbx) -> None:
    done = nbx("schedule", "tick")
    assert done.returncode == 2
    assert "There is no" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tick", "--now", "soon"), "soon"),
        (("run", "nobody"), "There is no"),
        (("pause", "nobody"), "There is no"),
        (("serve", "--grace", "-1"), "--grace"),
    ],
)
def test_what_cannot_be_is_refused(refused: Refused, arguments: tuple[str, ...], told: str) -> None:
    assert told in refused("schedule", *arguments)


def test_run_pause_and_resume(tmp_path: Path, nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("print('fine')")
    write(tmp_path, {"name": "good"})
    paused = nbx("schedule", "pause", "good", "--reason", "for now", "--json")
    ran = nbx("schedule", "run", "good", "--json")
    resumed = nbx("schedule", "resume", "good")

    assert json.loads(paused.stdout) == {"entry": "good", "paused": True, "changed": True}
    assert json.loads(ran.stdout.splitlines()[-1])["claim"]["manual"] is True
    assert ran.returncode == 0
    assert resumed.stdout == "good is running\n"


def test_a_name_that_is_nearly_one_is_told(tmp_path: Path, refused: Refused) -> None:
    write(tmp_path, {"name": "good"})
    for command in ("run", "pause", "resume"):
        assert "Did you mean good?" in refused("schedule", command, "god")


@pytest.mark.parametrize("patient", [True, False])
def test_serve_stops_cleanly_and_tells_systemd(
    tmp_path: Path,
    start_nbx: StartNbx,
    environment: dict[str, str],
    make_notebook: MakeNotebook,
    gate: Gate,
    patient: bool,
) -> None:
    make_notebook(gate.source, "import os\nassert 'NOTIFY_SOCKET' not in os.environ")
    write(tmp_path, {"name": "good", "schedule": _SIX, "starting_deadline": "1h"})
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(_PATIENCE)
        process = start_nbx(
            *("schedule", "serve", "--json", "--clock", f"{_SIX},1", "--grace", "50"),
            env={**environment, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000000"},
        )
        assert systemd.recv(100) == b"READY=1\nSTATUS=1 entries"
        gate.wait()
        process.send_signal(signal.SIGTERM)
        while (told := systemd.recv(100)) != b"STOPPING=1":
            assert told == b"WATCHDOG=1"
        if patient:
            gate.open()
        else:
            process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=_PATIENCE)

    assert (process.returncode, stderr) == (0, "")
    claim = json.loads(stdout.splitlines()[-1])["claim"]
    assert claim["state"] == ("success" if patient else "cut off")


def test_a_tick_that_is_terminated_says_so(
    tmp_path: Path, start_nbx: StartNbx, make_notebook: MakeNotebook, gate: Gate
) -> None:
    make_notebook(gate.source)
    write(tmp_path, {"name": "good", "schedule": _SIX})
    process = start_nbx("schedule", "tick", "--now", _SIX)
    gate.wait()
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=_PATIENCE)

    assert process.returncode == 143
    assert "cut off" in stdout
    assert "the scheduler was stopped" in stdout


def test_serve_reads_what_has_changed(tmp_path: Path, start_nbx: StartNbx) -> None:
    entry = {"schedule": "every 1s", "path": "none.ipynb", "catch_up": "none"}
    write(tmp_path, {"name": "first", **entry})
    process = start_nbx("schedule", "serve", "--json")
    assert process.stdout is not None

    def until(word: str) -> None:
        for line in process.stdout or ():
            if word in line:
                return
        pytest.fail(f"{word} did not come")

    until('"entry":"first"')
    (tmp_path / "schedules/wrong.yaml").write_text("name: [")
    until("wrong.yaml")
    write(tmp_path, {"name": "second", **entry}, name="other.yaml")
    until('"entry":"second"')
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0
