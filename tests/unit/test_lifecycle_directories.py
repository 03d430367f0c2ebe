"""Private directories: short enough for sockets, in a place that can be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.directories import bases, new_directory_path

_LONGEST = 103


def test_paths_are_short_unique_and_not_made_yet(tmp_path: Path) -> None:
    made = {new_directory_path() for _ in range(100)}

    assert len(made) == 100
    for path in made:
        assert path.is_absolute()
        assert not path.exists()
        assert len(os.fsencode(path / "s-5")) <= _LONGEST
        assert path.parent == Path(os.environ["TMPDIR"])


def test_where_the_temporary_directory_will_not_do_tmp_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    for unfit in (long, tmp_path / "missing", tmp_path / "ä" / ("ü" * 45)):
        monkeypatch.setenv("TMPDIR", str(unfit))
        assert bases() == [unfit, Path("/tmp")]
        assert new_directory_path().parent == Path("/tmp")


def test_bytes_count_and_not_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty characters that are more than a hundred bytes."""
    wide = Path("/tmp") / ("😀" * 24)
    monkeypatch.setenv("TMPDIR", str(wide))
    monkeypatch.setattr(os, "access", lambda *_: True)

    assert new_directory_path().parent == Path("/tmp")


def test_a_relative_temporary_directory_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", "t")

    assert bases()[0] == tmp_path / "t"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "")

    assert bases() == [Path("/tmp")]


def test_where_there_is_no_place_each_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/" + "x" * 200)
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(KernelStartError, match="too long for a socket") as caught:
        new_directory_path()

    assert "/tmp: it cannot be written" in caught.value.message
    assert "TMPDIR" in caught.value.hint
