"""The tools that read, write and change files, and what keeps them where they belong."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from hermes_runtime.confinement import Confinement
from notebook_executor.errors import ToolDeniedError, ToolError
from tests.tool_calls import call_builtin, new_call, run_call

_INSIDE = {"files": {"read": ["inside"], "write": ["inside"]}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder ``inside`` that tools may use, and a secret beside it."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.txt").write_text("secret\n")
    (tmp_path / "inside-too").mkdir()
    (tmp_path / "inside-too" / "secret.txt").write_text("secret\n")
    return tmp_path


def _read(place: Path, path: str, **arguments: Any) -> dict[str, Any]:
    told: dict[str, Any] = call_builtin("read_file", place, _INSIDE, path=path, **arguments)
    return told


def _write(place: Path, path: str, content: str) -> dict[str, Any]:
    told: dict[str, Any] = call_builtin("write_file", place, _INSIDE, path=path, content=content)
    return told


def _patch(place: Path, path: str, old: str, new: str, **arguments: Any) -> dict[str, Any]:
    told: dict[str, Any] = call_builtin(
        "patch", place, _INSIDE, path=path, old=old, new=new, **arguments
    )
    return told


# Reading


def test_lines_are_numbered(place: Path) -> None:
    (place / "inside" / "a.txt").write_text("one\ntwo é\n\nfour")
    assert _read(place, "inside/a.txt") == {
        "content": "1|one\n2|two é\n3|\n4|four",
        "total_lines": 4,
        "file_size": 16,
        "truncated": False,
    }


def test_a_part_says_where_to_read_on(place: Path) -> None:
    (place / "inside" / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 11)))
    told = _read(place, "inside/a.txt", offset=3, limit=2)
    assert told["content"] == "3|line 3\n4|line 4"
    assert (told["total_lines"], told["truncated"]) == (10, True)
    assert told["hint"] == "Read on with offset=5."
    assert not _read(place, "inside/a.txt", offset=9, limit=2)["truncated"]
    assert _read(place, "inside/a.txt", offset=99)["content"] == ""


def test_an_empty_file_has_no_lines(place: Path) -> None:
    (place / "inside" / "a.txt").write_text("")
    assert _read(place, "inside/a.txt")["total_lines"] == 0


def test_a_very_long_line_is_cut(place: Path) -> None:
    (place / "inside" / "a.txt").write_text("x" * 3_000_000 + "\nend\n")
    told = _read(place, "inside/a.txt")
    assert len(told["content"]) == 1_000_002
    assert (told["total_lines"], told["truncated"]) == (2, True)


def test_bytes_that_are_no_utf8_are_replaced(place: Path) -> None:
    (place / "inside" / "a.txt").write_bytes(b"caf\xe9\n")
    assert _read(place, "inside/a.txt")["content"] == "1|caf\ufffd"


def test_what_is_no_text_is_refused(place: Path) -> None:
    (place / "inside" / "a.bin").write_bytes(b"\x7fELF\0\0")
    with pytest.raises(ToolError, match="not a text file"):
        _read(place, "inside/a.bin")
    with pytest.raises(ToolError, match="is a folder"):
        _read(place, "inside")
    with pytest.raises(ToolError, match="No such file"):
        _read(place, "inside/none.txt")
    with pytest.raises(ToolError, match="no path"):
        _read(place, "inside/a\0b")
    with pytest.raises(ToolError, match="offset"):
        _read(place, "inside/a.bin", offset=0)


def test_a_pipe_does_not_block(place: Path) -> None:
    os.mkfifo(place / "inside" / "pipe")
    with pytest.raises(ToolError, match="not a regular file"):
        _read(place, "inside/pipe")
    with pytest.raises(ToolError, match="pipe"):
        _write(place, "inside/pipe", "x")


# Staying inside


@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "inside/../secret.txt",
        "inside/./.././secret.txt",
        "inside-too/secret.txt",
        "/etc/passwd",
        "inside/link.txt",
        "inside/folder/secret.txt",
        "inside/folder/../secret.txt",
        "/proc/self/root/etc/passwd",
        "/proc/self/cwd/secret.txt",
        "",
        ".",
    ],
)
def test_what_leads_out_is_denied(place: Path, path: str) -> None:
    (place / "inside" / "link.txt").symlink_to(place / "secret.txt")
    (place / "inside" / "folder").symlink_to("..")
    with pytest.raises(ToolDeniedError, match="may not be read"):
        _read(place, path)
    with pytest.raises(ToolDeniedError, match="may not be written"):
        _write(place, path, "overwritten")
    assert (place / "secret.txt").read_text() == "secret\n"
    assert (place / "inside-too" / "secret.txt").read_text() == "secret\n"


def test_links_that_stay_inside_are_followed(place: Path) -> None:
    (place / "inside" / "deep").mkdir()
    (place / "inside" / "deep" / "a.txt").write_text("a\n")
    (place / "inside" / "link.txt").symlink_to(place / "inside" / "deep" / "a.txt")
    assert _read(place, "inside/link.txt")["content"] == "1|a"
    assert _read(place, "inside/deep/../link.txt")["content"] == "1|a"
    _write(place, "inside/link.txt", "b\n")
    assert (place / "inside" / "link.txt").is_symlink()
    assert (place / "inside" / "deep" / "a.txt").read_text() == "b\n"


def test_a_hard_link_is_not_read_and_its_other_name_not_written(place: Path) -> None:
    (place / "inside" / "hard.txt").hardlink_to(place / "secret.txt")
    with pytest.raises(ToolDeniedError, match="hard links"):
        _read(place, "inside/hard.txt")
    with pytest.raises(ToolDeniedError, match="hard links"):
        _patch(place, "inside/hard.txt", "secret", "public")
    _write(place, "inside/hard.txt", "mine\n")
    assert (place / "inside" / "hard.txt").read_text() == "mine\n"
    assert (place / "secret.txt").read_text() == "secret\n"


def test_a_root_is_what_it_was_when_the_run_began(place: Path) -> None:
    call = new_call("read_file", place, _INSIDE, path="inside/secret.txt")
    (place / "inside").rmdir()
    (place / "inside").symlink_to(place)
    with pytest.raises(ToolDeniedError):
        run_call(call)


def test_a_policy_without_roots_allows_no_file(place: Path) -> None:
    for policy in ({}, {"files": {"read": ["inside"]}}, {"files": {"write": ["inside"]}}):
        with pytest.raises(ToolDeniedError):
            call_builtin("patch", place, policy, path="inside/a.txt", old="a", new="b")
    with pytest.raises(ToolDeniedError) as denied:
        call_builtin("read_file", place, {}, path="inside/a.txt")
    assert denied.value.hint == "files.read: nothing"


def test_a_folder_that_becomes_a_link_is_never_a_way_out(place: Path) -> None:
    """One thread swaps a folder for a link to the outside and back, others read and write."""
    inside = place / "inside"
    (inside / "real").mkdir()
    (inside / "real" / "secret.txt").write_text("harmless\n")
    (inside / "out").symlink_to(place)
    (inside / "moving").symlink_to("real")
    done = threading.Event()
    reading = Confinement([os.path.realpath(inside)], "read")

    def swap() -> None:
        while not done.is_set():
            for target in ("out", "real"):
                (inside / "next").symlink_to(target)
                (inside / "next").replace(inside / "moving")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(2000):
            try:
                with reading.open(str(inside / "moving" / "secret.txt")) as file:
                    seen.add(file.read())
            except Exception as error:
                seen.add(type(error).__name__.encode())
    finally:
        done.set()
        swapper.join()
    assert b"secret\n" not in seen


def test_components_that_become_links_after_they_were_resolved_are_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = place / "inside"
    (inside / "folder").mkdir()
    (inside / "folder" / "secret.txt").write_text("harmless\n")
    resolve = Confinement.resolve

    def and_then_swap(self: Confinement, path: str) -> str:
        real = resolve(self, path)
        if not (inside / "folder").is_symlink():
            (inside / "folder").rename(inside / "moved")
            (inside / "folder").symlink_to(place)
        return real

    monkeypatch.setattr(Confinement, "resolve", and_then_swap)
    with pytest.raises(ToolError, match="Not a directory"):
        _read(place, "inside/folder/secret.txt")
    with pytest.raises(ToolError, match=r"may not|Not a directory"):
        _write(place, "inside/folder/secret.txt", "x")
    assert (place / "secret.txt").read_text() == "secret\n"


# Writing


def test_a_file_is_written_with_its_folders(place: Path) -> None:
    told = _write(place, "inside/new/deep/a.txt", "é\n")
    assert told == {"path": "inside/new/deep/a.txt", "bytes_written": 3}
    assert (place / "inside" / "new" / "deep" / "a.txt").read_text() == "é\n"
    assert [one.name for one in (place / "inside" / "new" / "deep").iterdir()] == ["a.txt"]


def test_permissions_of_a_file_stay(place: Path) -> None:
    script = place / "inside" / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    _write(place, "inside/run.sh", "new")
    assert script.stat().st_mode & 0o777 == 0o750


def test_what_cannot_be_written_is_said(place: Path) -> None:
    with pytest.raises(ToolError, match="Is a directory"):
        _write(place, "inside", "x")
    (place / "inside" / "plain").write_text("")
    with pytest.raises(ToolError, match="Not a directory"):
        _write(place, "inside/plain/a.txt", "x")
    with pytest.raises(ToolError, match="surrogates"):
        _write(place, "inside/a.txt", "\ud800")
    with pytest.raises(ToolError, match="too long"):
        _write(place, f"inside/{'x' * 300}", "x")


# Patching


def test_a_piece_is_replaced_and_shown(place: Path) -> None:
    (place / "inside" / "a.py").write_text("a = 1\nb = 2\n")
    told = _patch(place, "inside/a.py", "b = 2", "b = 3")
    assert (told["path"], told["replaced"]) == ("inside/a.py", 1)
    assert told["diff"] == "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n"
    assert (place / "inside" / "a.py").read_text() == "a = 1\nb = 3\n"


def test_line_endings_stay(place: Path) -> None:
    (place / "inside" / "a.txt").write_bytes(b"a\r\nb\r\n")
    _patch(place, "inside/a.txt", "b", "c")
    assert (place / "inside" / "a.txt").read_bytes() == b"a\r\nc\r\n"


@pytest.mark.parametrize(
    ("old", "message", "hint"),
    [
        ("missing", "does not contain", "to the letter"),
        ("x =  1", "does not contain", "white space"),
        ("x = 1\ny = 9", "does not contain", "in line 1"),
        ("z", "3 times \\(lines 3, 4, 5\\)", "replace_all"),
        ("", "old is empty", ""),
        ("same", "are the same", ""),
    ],
)
def test_what_does_not_fit_is_refused(place: Path, old: str, message: str, hint: str) -> None:
    content = "x = 1\ny = 2\nz\nz\nz\nsame\n"
    (place / "inside" / "a.txt").write_text(content)
    with pytest.raises(ToolError, match=message) as refused:
        _patch(place, "inside/a.txt", old, "same")
    assert hint in refused.value.hint
    assert (place / "inside" / "a.txt").read_text() == content


def test_windows_line_ends_are_named(place: Path) -> None:
    (place / "inside" / "a.txt").write_bytes(b"a\r\nb\r\n")
    with pytest.raises(ToolError) as refused:
        _patch(place, "inside/a.txt", "a\nb", "c")
    assert r"\r\n" in refused.value.hint


def test_all_places_are_replaced_when_asked(place: Path) -> None:
    (place / "inside" / "a.txt").write_text("z z\nz\n")
    assert _patch(place, "inside/a.txt", "z", "y", replace_all=True)["replaced"] == 3
    assert (place / "inside" / "a.txt").read_text() == "y y\ny\n"


def test_a_file_that_is_not_utf8_is_left_alone(place: Path) -> None:
    (place / "inside" / "a.txt").write_bytes(b"caf\xe9 a\n")
    with pytest.raises(ToolError, match="not UTF-8"):
        _patch(place, "inside/a.txt", "a", "b")
    assert (place / "inside" / "a.txt").read_bytes() == b"caf\xe9 a\n"
