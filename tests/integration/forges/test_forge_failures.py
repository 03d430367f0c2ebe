"""Whatever a forge does wrong ends in one typed error, and a second try completes."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import ForgeError
from notebook_executor.git.repository import Repository
from notebook_executor.review.forges.addresses import address_of
from notebook_executor.review.forges.choosing import Chosen, ForgeSettings, choose_forge
from notebook_executor.review.forges.protocol import Forge
from notebook_executor.review.forges.speaking import Pace
from tests.integration.forges.proposals import QUICK
from tests.integration.forges.server import TOKEN, Fault, ForgeState, How
from tests.integration.repositories import git

_PULLS = "/pulls$"


@pytest.fixture
def forge(chosen: Chosen) -> Forge:
    return chosen.forge


@pytest.fixture
def branch(first: Path, bare: Path) -> str:
    git(first, "checkout", "--quiet", "-b", "change")
    git(first, "commit", "--quiet", "--allow-empty", "-m", "second")
    git(first, "push", "--quiet", str(bare), "change")
    return "change"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "refused"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (409, "conflict"),
        (413, "too_large"),
        (418, "refused"),
        (422, "invalid"),
        (423, "locked"),
        (301, "redirected"),
        (307, "redirected"),
        (500, "unavailable"),
        (503, "unavailable"),
    ],
)
def test_a_refusal_is_told_and_a_second_try_completes(
    forge: Forge, server: ForgeState, branch: str, status: int, expected: str
) -> None:
    elsewhere = {"Location": f"{server.url}/elsewhere"} if status < 400 else {}
    server.faults.append(Fault("POST", _PULLS, status=status, headers=elsewhere))

    with pytest.raises(ForgeError, match=f"refused to open the pull request: {status}") as caught:
        forge.open_pull(branch, "main", "A title", "A body")

    error = caught.value
    assert (error.kind, error.details["status"]) == (expected, status)
    assert error.settled is (status < 500)
    assert "out of order" in error.message
    assert error.hint
    assert not server.pulls
    assert len(server.calls("POST", _PULLS)) == 1  # one that changes something is not repeated
    assert forge.open_pull(branch, "main", "A title", "A body").number


@pytest.mark.parametrize("how", ["drop after", "half", "not json"])
def test_a_pull_request_whose_answer_was_lost_is_found(
    forge: Forge, server: ForgeState, branch: str, how: How
) -> None:
    server.faults.append(Fault("POST", _PULLS, how))

    found = forge.open_pull(branch, "main", "A title", "A body")

    assert found.number == server.pulls[0]["number"]
    assert len(server.pulls) == 1


def test_one_that_was_not_carried_out_is_an_error(
    forge: Forge, server: ForgeState, branch: str
) -> None:
    server.faults.append(Fault("POST", _PULLS, "drop"))

    with pytest.raises(ForgeError, match="could not be asked to open the pull request") as caught:
        forge.open_pull(branch, "main", "A title", "A body")

    assert (caught.value.kind, caught.value.settled) == ("unreachable", False)
    assert forge.open_pull(branch, "main", "A title", "A body").number


@pytest.mark.parametrize("how", ["drop", "half", "answer"])
def test_a_question_is_asked_again(forge: Forge, server: ForgeState, branch: str, how: How) -> None:
    server.faults.append(Fault("GET", _PULLS, how, status=502, times=2))

    assert forge.find_pull(branch, "main") is None
    assert len(server.calls("GET", _PULLS)) == 3


def test_it_is_asked_three_times_at_most(forge: Forge, server: ForgeState, branch: str) -> None:
    server.faults.append(Fault("GET", _PULLS, status=503, times=9))

    with pytest.raises(ForgeError, match="503"):
        forge.find_pull(branch, "main")

    assert len(server.calls("GET", _PULLS)) == 3


@pytest.mark.parametrize(("status", "tries"), [(429, 3), (403, 3), (500, 1), (404, 1)])
def test_only_what_may_pass_is_asked_again(
    forge: Forge, server: ForgeState, branch: str, status: int, tries: int
) -> None:
    headers = {"X-RateLimit-Remaining": "0"} if status == 403 else {}
    server.faults.append(Fault("GET", _PULLS, status=status, headers=headers, times=9))

    with pytest.raises(ForgeError):
        forge.find_pull(branch, "main")

    assert len(server.calls("GET", _PULLS)) == tries


def test_a_limit_is_waited_for_if_it_is_soon_over(
    forge: Forge, server: ForgeState, branch: str
) -> None:
    server.faults.append(Fault("POST", _PULLS, status=429, headers={"Retry-After": "0"}))

    assert forge.open_pull(branch, "main", "A title", "A body").number
    server.pulls.clear()
    server.faults.append(Fault("POST", _PULLS, status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(ForgeError, match="in 3600 s") as caught:
        forge.open_pull(branch, "main", "A title", "A body")

    assert (caught.value.kind, caught.value.details["retry_after"]) == ("rate_limited", 3600.0)


@pytest.mark.parametrize("how", ["not json", "silence"])
def test_what_is_no_answer(
    repository: Repository, server: ForgeState, kind: Any, branch: str, how: How
) -> None:
    server.faults.append(Fault("GET", _PULLS, how, times=9))
    pace = Pace(waits=(), silence=1.0) if how == "silence" else QUICK
    chosen = choose_forge(
        address_of(server.remote), repository, ForgeSettings(kind=kind),
        environment={"NBX_FORGE_TOKEN": TOKEN}, pace=pace,
    )  # fmt: skip

    with chosen.forge as forge, pytest.raises(ForgeError) as caught:
        forge.find_pull(branch, "main")

    assert caught.value.kind == ("malformed" if how == "not json" else "timeout")


def test_a_redirect_is_not_followed(forge: Forge, server: ForgeState, kind: str) -> None:
    location = {"Location": f"{server.url}/elsewhere"}
    server.faults.append(Fault("GET", "/repos/", status=302, headers=location))

    with pytest.raises(ForgeError, match="302") as caught:
        forge.repository()

    assert caught.value.kind == "redirected"
    assert len(server.seen) == 2  # what it is, and this


def test_the_token_is_in_no_error(forge: Forge, server: ForgeState, branch: str) -> None:
    server.faults.append(Fault("POST", _PULLS, status=401, message=f"{TOKEN} is not known"))

    with pytest.raises(ForgeError, match="is not known") as caught:
        forge.open_pull(branch, "main", "A title", "A body")

    told = f"{caught.value!r} {caught.value} {caught.value.details} {forge!r} {vars(forge)}"
    assert TOKEN not in told
    assert "NBX_FORGE_TOKEN" in caught.value.hint


def test_nobody_listens(repository: Repository, kind: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/team/fleet.git"
        with pytest.raises(ForgeError, match="say what it is") as caught:
            choose_forge(address_of(url), repository, ForgeSettings(), environment={}, pace=QUICK)
        assert caught.value.kind == "unreachable"

        chosen = choose_forge(
            address_of(url), repository, ForgeSettings(kind=kind),
            environment={"NBX_FORGE_TOKEN": TOKEN}, pace=QUICK,
        )  # fmt: skip
        with chosen.forge as forge, pytest.raises(ForgeError, match="refused") as caught:
            forge.open_pull("change", "main", "A title", "A body")

    assert (caught.value.kind, caught.value.settled) == ("unreachable", True)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes a certificate")
def test_a_certificate_that_nobody_trusts(
    repository: Repository, tmp_path: Path, kind: Any
) -> None:
    with _tls_server(tmp_path) as port:
        chosen = choose_forge(
            address_of(f"https://localhost:{port}/team/fleet.git"), repository,
            ForgeSettings(kind=kind), environment={"NBX_FORGE_TOKEN": TOKEN}, pace=QUICK,
        )  # fmt: skip
        with chosen.forge as forge, pytest.raises(ForgeError, match="no secure conn") as caught:
            forge.repository()

    assert caught.value.kind == "tls"


@contextmanager
def _tls_server(folder: Path) -> Iterator[int]:
    """Something that shows a certificate of its own making to whoever calls, until the end."""
    files = [folder / "key.pem", folder / "certificate.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=localhost", "-keyout", str(files[0]), "-out", str(files[1])],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    called, _ = listening.accept()
                except OSError:
                    return
                with called:
                    try:
                        context.wrap_socket(called, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
