"""The log of a project's server: how it grows, and how it is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from notebook_executor.lifecycle.project import log as server_log
from notebook_executor.lifecycle.project.log import FollowedLog, open_log, tail


def _append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_what_earlier_servers_wrote_is_kept_and_not_taken_for_this_ones(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "jupyter.log"
    path.parent.mkdir()
    _append(path, b"of the first\n")

    log = open_log(path)
    os.write(log.descriptor, b"one\ntwo\nthree\n")
    os.close(log.descriptor)

    assert (log.warning, log.tail(2)) == ("", "two\nthree")
    assert log.tail(10) == "one\ntwo\nthree"
    assert tail(path, 10) == "of the first\none\ntwo\nthree"
    assert list(path.parent.iterdir()) == [path]


def test_a_large_log_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_log, "_LARGEST_BYTES", 10)
    path = tmp_path / "jupyter.log"
    for text in (b"the oldest one", b"an older one", b"new"):
        log = open_log(path)
        os.write(log.descriptor, text)
        os.close(log.descriptor)

    assert path.read_bytes() == b"new"
    assert (tmp_path / "jupyter.log.1").read_bytes() == b"an older one"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_log_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "jupyter.log"
    path.mkdir()

    log = open_log(path)

    assert os.write(log.descriptor, b"lost") == 4
    os.close(log.descriptor)
    assert log.warning == f"nothing is logged, for {path} cannot be written: Is a directory"
    assert log.tail(5) == ""


def test_a_tail_is_lines_of_anything(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert tail(path, 3) == ""
    _append(path, b"\xff\xfe\n" + b"x" * 200_000 + b"\nlast")
    assert tail(path, 1) == "last"
    assert tail(path, 0) == ""
    assert len(tail(path, 3)) < 70_000


def test_a_log_is_followed_over_its_rotation(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with FollowedLog(path) as missing:
        assert missing.read() == b""
        _append(path, b"begun\n")
        assert missing.read() == b"begun\n"
    with FollowedLog(path) as followed, FollowedLog(path, since=3) as earlier:
        assert (followed.read(), earlier.read()) == (b"", b"un\n")
        _append(path, b"before\n")
        path.replace(tmp_path / "log.1")
        _append(path, b"after\n")
        assert followed.read() == b"before\nafter\n"
        assert followed.read() == b""
