"""Ports that somebody else has, or takes in between."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.project.serving import PATIENCE, ServedProject, served


@contextmanager
def taken(port: int = 0) -> Iterator[int]:
    """A port that is listened on; by another program, if one was faster."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            listener.listen()
            port = listener.getsockname()[1]
        yield port


def test_two_projects_that_start_at_the_same_instant_both_come_up(tmp_path: Path) -> None:
    with served(tmp_path / "one") as one, served(tmp_path / "two") as two:
        starts = [project.begin("start", "--json") for project in (one, two)]
        told = [json.loads(start.communicate(timeout=PATIENCE)[0]) for start in starts]

        assert told[0]["port"] != told[1]["port"]
        assert told[0]["pid"] != told[1]["pid"]
        assert [project.ask("api/status")["kernels"] for project in (one, two)] == [0, 0]
        assert one.call("stop").returncode == 0
        assert two.status()["state"] == "running"


def test_a_port_that_is_stolen_between_probe_and_bind_is_left(project: ServedProject) -> None:
    gate = project.gate()
    start = project.begin("start", "--json")
    probed = project.noted()["port"]

    with taken(probed):
        gate.touch()
        out, err = start.communicate(timeout=PATIENCE)

    assert start.returncode == 0, err
    assert json.loads(out)["port"] != probed
    assert "is not available" in project.log
    assert project.noted()["port"] == json.loads(out)["port"]


def test_a_port_that_was_asked_for_is_the_only_one(project: ServedProject) -> None:
    with taken() as port:
        done = project.call("start", "--port", str(port))

    assert done.returncode == 1
    assert f"The port {port} is not to be had" in done.stderr
    assert not project.pid_file.exists()
