"""What a server needs before it starts: folders, a token, a port, the lock."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from notebook_executor.errors import ServerError, UsageError
from notebook_executor.lifecycle.project import ports
from notebook_executor.lifecycle.project.becoming import server_arguments, server_environment
from notebook_executor.lifecycle.project.locking import StopRequests, locked
from notebook_executor.lifecycle.project.places import (
    ensure_token,
    make_folders,
    place_for_pid_file,
    read_token,
)
from notebook_executor.lifecycle.project.ports import candidates, check_port, is_free
from notebook_executor.lifecycle.project.settings import Project, read_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = read_project(tmp_path, {})
    make_folders(found)
    return found


def test_folders_are_made_once_and_the_runtime_one_is_private(project: Project) -> None:
    assert make_folders(project) == []
    assert project.runtime.stat().st_mode & 0o777 == 0o700

    project.runtime.chmod(0o755)
    assert make_folders(project) == [project.runtime]
    assert project.runtime.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / ".ipython").write_text("a file")

    with pytest.raises(ServerError, match=r"\.ipython cannot be made"):
        make_folders(read_project(tmp_path, {}))


def test_a_token_stays_as_long_as_it_is_secret(project: Project) -> None:
    token = ensure_token(project)
    assert ensure_token(project) == token == read_token(project)

    project.token_file.chmod(0o644)
    assert read_token(project) is None
    assert ensure_token(project) != token
    assert project.token_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", ["", "short", "with a space in between", "ü" * 20, "a" * 20 + "\n"]
)
def test_what_is_no_token_is_replaced(project: Project, content: str) -> None:
    project.token_file.write_text(content, encoding="utf-8")
    project.token_file.chmod(0o600)

    assert len(ensure_token(project)) == 48


def test_a_link_is_no_token(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("a" * 48)
    elsewhere.chmod(0o600)
    project.token_file.symlink_to(elsewhere)

    assert ensure_token(project) != "a" * 48
    assert elsewhere.read_text() == "a" * 48


def test_the_pid_file_goes_where_there_is_room(project: Project) -> None:
    assert place_for_pid_file(project) == project.logs
    project.logs.rmdir()
    project.logs.write_text("a file")
    assert place_for_pid_file(project) == project.root / ".run"
    (project.root / ".run").rmdir()
    (project.root / ".run").write_text("another")
    with pytest.raises(ServerError, match="PID file cannot be written"):
        place_for_pid_file(project)


def test_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(ServerError, match=f"port {port} is not to be had"):
            next(candidates(port))
        monkeypatch.setattr(ports, "PORTS", range(port, port + 1))
        with pytest.raises(ServerError, match=f"No port from {port} to {port} is free"):
            next(candidates(None))


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(UsageError, match="is not a port"):
        check_port(port)


def test_one_at_a_time_has_the_lock(project: Project) -> None:
    refused = pytest.raises(ServerError, match="Another start or stop")
    with locked(project, 0), refused, locked(project, 0):
        pass
    with locked(project, 0):
        pass


def test_a_stop_is_heard_of_by_those_that_began_before(project: Project) -> None:
    before = StopRequests(project)
    assert not before.came

    StopRequests(project).ask()
    after = StopRequests(project)
    assert (before.came, after.came) == (True, False)

    StopRequests(project).ask()
    assert after.came, "within the same tick of the clock"


def test_neither_command_line_nor_environment_has_a_token(project: Project) -> None:
    token = ensure_token(project)
    environment = server_environment(project, {"JUPYTER_TOKEN": "another", "PATH": "/bin"})

    assert "JUPYTER_TOKEN" not in environment
    assert environment["PATH"] == "/bin"
    assert environment["JUPYTER_TOKEN_FILE"] == str(project.token_file)
    assert environment.items() >= project.isolation.items()
    words = [*server_arguments(project, 8888), *environment.values()]
    assert not any(token in word for word in words)
    assert ("--allow-root" in words) == (os.geteuid() == 0)
