"""Which projects and ports the hub knows, and by what words it takes them."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import psutil
import pytest

from notebook_executor.lifecycle.project.registered import register_project
from tests.integration.hub.machine import Hub


def test_who_holds_a_port_is_told(tmp_path: Path, hub: Hub) -> None:
    held = _hold_one()
    with held:
        number = held.getsockname()[1]
        code, out, _ = hub("status", "--json")
        told = hub("status")[1]

    shown = json.loads(out)
    (port,) = [one for one in shown["ports"] if one["port"] == number]
    assert code == 0
    assert [one["port"] for one in shown["ports"]] == list(range(8888, 8900))
    assert (port["state"], port["pid"]) == ("other", os.getpid())
    assert port["user"] == psutil.Process().username()
    (row,) = [line for line in told.splitlines() if line.startswith(f"{number}  other")]
    assert str(os.getpid()) in row.split()


def _hold_one() -> socket.socket:
    for number in range(8888, 8900):
        try:
            return socket.create_server(("127.0.0.1", number))
        except OSError:
            continue
    pytest.skip("all ports from 8888 to 8899 are taken on this machine")


def test_a_folder_that_is_gone_is_forgotten_and_said_once(tmp_path: Path, hub: Hub) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    register_project(gone)
    gone.rmdir()

    assert hub("list")[2] == f"forgotten: {gone}, which is gone\n"
    assert hub("list")[2] == ""


def test_projects_of_one_name_have_to_be_told_apart(tmp_path: Path, hub: Hub) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder / "same").mkdir(parents=True)
        register_project(tmp_path / folder / "same")

    code, _, err = hub("stop", "same")
    assert code == 2
    assert "There are 2 projects that 'same' can mean" in err
    assert str(tmp_path / "b" / "same") in err
    assert hub("stop", tmp_path / "a" / "same")[0] == 0


@pytest.mark.parametrize("wanted", ["nobody-knows", ":1", "/nowhere/at/all", "1", "\udcff"])
def test_a_project_that_there_is_not_is_named(hub: Hub, wanted: str) -> None:
    code, out, err = hub("stop", wanted)

    assert (code, out) in ((2, ""), (0, ""))
    assert err.startswith(("error: There is no ", "No server of it runs."))


def test_a_project_says_its_name_even_if_its_pyproject_is_broken(project: Path, hub: Hub) -> None:
    register_project(project)
    (project / "pyproject.toml").write_text("[project\n")

    code, out, _ = hub("list", "--json")

    (line,) = [one for one in map(json.loads, out.splitlines()) if one["root"] == str(project)]
    assert code == 0
    assert (line["name"], line["state"], line["servers"]) == ("a project", "stopped", [])
