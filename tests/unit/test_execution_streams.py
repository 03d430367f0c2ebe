"""Text of a stream: what a terminal would show, however it is cut into chunks, and bounded."""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.execution.streams import StreamText

_NOTE = re.compile(
    r"\n\[\.\.\. ([\d,]+) characters left out; the whole output is in (.+) \.\.\.\]\n"
)


def _shown(*chunks: str) -> str:
    stream = StreamText(None, lambda: pytest.fail("nothing is to be spilled"))
    for chunk in chunks:
        stream.append(chunk)
    assert stream.size == sum(map(len, chunks))
    assert not stream.lost
    return stream.text()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("", ""),
        ("a\nb", "a\nb"),
        ("\n\n", "\n\n"),
        ("crlf\r\nline\r\n", "crlf\nline\n"),
        ("abc\rx", "xbc"),
        ("abc\rxy\n", "xyc\n"),
        ("abc\r\r\rxy", "xyc"),
        ("long line\rshort\nnext", "shortline\nnext"),
        ("abc\r", "abc"),
        ("abc\r\n", "abc\n"),
        ("abc\b\bX", "aX"),
        ("\b\bab", "ab"),
        ("a\n\bb", "a\nb"),
        ("10%\r20%\r30%\n", "30%\n"),
        ("\x1b[31mred long\x1b[0m\r\x1b[32mgreen\x1b[0m", "\x1b[32mgreen\x1b[0m"),
        ("ä€😀\r12", "12😀"),
        ("a\x0bb\u2028c\x85d\x0ce\rZ", "Z\x0bb\u2028c\x85d\x0ce"),
    ],
)
def test_what_is_shown(sent: str, shown: str) -> None:
    assert _shown(sent) == shown
    assert _shown(*sent) == shown


_pieces = st.lists(st.sampled_from(["\r", "\n", "\b", "\r\n", "ab", "xyz", "\x1b[1m", "é", "q"]))


@given(pieces=_pieces, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_chunks_may_be_cut_anywhere(pieces: list[str], cuts: list[int]) -> None:
    sent = "".join(pieces)
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    chunks = [sent[start:end] for start, end in itertools.pairwise(edges)]

    assert _shown(*chunks) == _shown(sent)
    # Looking at the text on the way changes nothing.
    stream = StreamText(None, lambda: None)
    for chunk in chunks:
        stream.append(chunk)
        stream.text()
    assert stream.text() == _shown(sent)


@given(
    chunks=st.lists(st.text(st.characters(exclude_characters="\r\b"), max_size=30), max_size=30),
    limit=st.integers(1, 120),
)
def test_past_the_limit_head_and_tail_stay_and_the_file_has_it_all(
    chunks: list[str], limit: int
) -> None:
    sent = "".join(chunks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole.txt"
        asked: list[Path] = []
        stream = StreamText(limit, lambda: asked.append(path) or path)  # type: ignore[func-returns-value]
        for chunk in chunks:
            stream.append(chunk)
        stream.settle()
        text = stream.text()
        if len(sent) <= limit:
            assert (text, asked) == (sent, [])
            return
        assert asked == [path]
        assert path.read_bytes() == sent.encode("utf-8", "backslashreplace")

    note = _NOTE.search(text)
    assert note is not None
    head, tail = text[: note.start()], text[note.end() :]
    assert sent.startswith(head)
    assert sent.endswith(tail)
    assert note[2] == str(path)
    assert int(note[1].replace(",", "")) == len(sent) - len(head) - len(tail)
    assert len(head) + len(tail) == limit
    assert not stream.lost


def test_without_a_place_for_the_whole_something_is_lost_and_said() -> None:
    stream = StreamText(10, lambda: None)

    stream.append("0123456789")
    assert not stream.lost
    stream.append("x" * 100)

    assert stream.lost
    assert stream.text().startswith("0123\n[... 100 characters left out")
    assert "nowhere to write" in stream.text()
    assert stream.text().endswith("xxxxxx")


def test_what_is_cut_takes_a_byte_a_character_if_it_did_before(tmp_path: Path) -> None:
    stream = StreamText(100_000, lambda: tmp_path / "whole.txt")

    stream.append("x" * 200_000)
    stream.settle()

    assert sys.getsizeof(stream.text()) < 101_000


def test_a_progress_bar_of_any_length_is_shown_by_its_last_state(tmp_path: Path) -> None:
    path = tmp_path / "whole.txt"
    stream = StreamText(1000, lambda: path)

    for step in range(1000):
        stream.append(f"\r{step:4} of 1000")
    stream.settle()

    assert stream.text().endswith(" 999 of 1000")
    assert stream.size == 1000 * 13


def test_many_small_chunks_on_one_line_cost_what_they_are() -> None:
    """A hundred thousand dots: quadratic work would take minutes."""
    stream = StreamText(None, lambda: None)

    for _ in range(100_000):
        stream.append(".")

    assert stream.text() == "." * 100_000


@given(pieces=_pieces, settled=st.integers(0, 60), limit=st.one_of(st.none(), st.integers(1, 40)))
def test_a_stream_goes_on_after_it_was_settled(
    pieces: list[str], settled: int, limit: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a.txt", "b.txt")]
        whole, interrupted = (StreamText(limit, lambda path=path: path) for path in paths)  # type: ignore[misc]
        for number, piece in enumerate(pieces):
            whole.append(piece)
            if number == settled:
                interrupted.settle()
                interrupted.settle()
            interrupted.append(piece)
        whole.settle()
        interrupted.settle()

        assert interrupted.text().replace("b.txt", "a.txt") == whole.text()
        written = [path.read_bytes() if path.exists() else None for path in paths]
        assert written[0] == written[1]


def test_many_small_lines_take_little_more_room_than_their_text() -> None:
    stream = StreamText(None, lambda: None)
    tracemalloc.start()
    try:
        for number in range(100_000):
            stream.append(f"{number:07}\n")
        size, _ = tracemalloc.get_traced_memory()
        stream.settle()
        text = stream.text()
        settled, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size < 1.5 * len(text)
    assert settled < 1.1 * len(text)
