"""Which projects a machine has: noted once, read whatever lies there, forgotten when gone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from notebook_executor.lifecycle.project.registered import (
    forget_vanished,
    register_project,
    registered_projects,
    state_directory,
)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBX_STATE_DIR", str(tmp_path / "state"))


def project(tmp_path: Path, name: str) -> Path:
    root = tmp_path / name
    root.mkdir()
    return root


def roots() -> list[Path]:
    return [found.root for found in registered_projects()]


def test_a_project_is_noted_once_and_its_file_then_left_alone(tmp_path: Path) -> None:
    root = project(tmp_path, "a b\nü\udcff")

    assert register_project(root)
    (file,) = state_directory().iterdir()
    before = file.stat()
    assert register_project(root)

    assert roots() == [root]
    assert list(state_directory().iterdir()) == [file]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_two_ways_to_a_project_are_one_project(tmp_path: Path) -> None:
    root = project(tmp_path, "project")
    (tmp_path / "link").symlink_to(root)

    register_project(tmp_path / "link")
    register_project(root / ".." / "project")

    assert roots() == [root]


def test_a_folder_that_is_gone_is_forgotten_and_said(tmp_path: Path) -> None:
    gone, kept = project(tmp_path, "gone"), project(tmp_path, "kept")
    register_project(gone)
    register_project(kept)
    gone.rmdir()

    assert [found.root for found in forget_vanished()] == [gone]
    assert roots() == [kept]
    assert forget_vanished() == []


@pytest.mark.parametrize("where", ["NBX_STATE_DIR", "XDG_STATE_HOME", "HOME"])
def test_where_projects_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    for name in ("NBX_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(where, str(tmp_path / "there"))

    expected = {
        "NBX_STATE_DIR": tmp_path / "there" / "projects",
        "XDG_STATE_HOME": tmp_path / "there" / "notebook_executor" / "projects",
        "HOME": tmp_path / "there" / ".local" / "state" / "notebook_executor" / "projects",
    }
    assert state_directory() == expected[where]


def test_a_relative_state_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBX_STATE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "state")

    assert state_directory().is_relative_to(tmp_path)


def test_a_place_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NBX_STATE_DIR", str(tmp_path / "file"))

    assert not register_project(tmp_path)
    assert registered_projects() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"root": 7}',
        b'{"root": "relative"}',
        b'{"root": "/nul\\u0000"}',
        b'{"root": "/elsewhere"}',
        b'{"root": "/\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_note_is_passed_over(tmp_path: Path, content: bytes) -> None:
    register_project(tmp_path)
    (state_directory() / "0.json").write_bytes(content)

    assert roots() == [tmp_path]


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    register_project(tmp_path)
    (state_directory() / "1.json").mkdir()
    os.mkfifo(state_directory() / "2.json")
    (state_directory() / "3.json").symlink_to("nowhere")

    assert roots() == [tmp_path]


def test_the_file_says_what_others_may_read(tmp_path: Path) -> None:
    register_project(tmp_path)

    (file,) = state_directory().iterdir()
    record = json.loads(file.read_text("utf-8"))
    assert record["schema"] == 1
    assert record["root"] == str(tmp_path)
    assert set(record) == {"schema", "root", "registered_at"}
