"""What CI shows of a review: at which lines, how much, and nothing that a notebook would say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.review.annotations import Annotation, annotated, append_summary, silence
from notebook_executor.review.models import CellReview, StepOutcome
from tests.reviews import PATH, differing, failing, passing, review

_COMMAND = re.compile(r"::(error|warning) (?P<properties>[^:]*)::(?P<message>.*)")


def parsed(command: str) -> tuple[dict[str, str], str]:
    """A command as a runner reads it: the properties and the message, without their escapes."""
    found = _COMMAND.fullmatch(command)
    assert found, command
    pairs = (pair.split("=", 1) for pair in found["properties"].split(","))
    properties = {name: _unescaped(value, ("%3A", ":"), ("%2C", ",")) for name, value in pairs}
    return properties, _unescaped(found["message"])


def _unescaped(text: str, *more: tuple[str, str]) -> str:
    for written, sign in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(written, sign)
    return text


def test_a_failing_cell_is_annotated_at_the_line_of_the_file() -> None:
    found = annotated(review(passing(), failing(), verdict="fail"))

    assert [(one.level, one.file, one.line) for one in found] == [
        ("error", PATH, 57),
        ("error", "schedules/fleet.yaml", 7),
    ]
    assert found[0].title == "does not execute: ZeroDivisionError"
    assert "division by zero\nCorrect the cell." in found[0].message
    assert str(found[0]).startswith(f"::error file={PATH},line=57,title=does not execute%3A Zero")


def test_without_a_line_of_the_failure_it_is_the_cells_or_none() -> None:
    cell = CellReview(index=2, id="c2", status="timeout", duration_seconds=1, line=40)
    assert annotated(review(failing(cells=[cell])))[0].line == 40
    alone = annotated(review(failing(cells=[], failed_cell=None)))[0]
    assert (alone.line, alone.title) == (None, "does not execute: cell_error")
    assert ",line=" not in str(alone)


def test_outputs_that_differ_are_warnings_at_their_cells() -> None:
    made = differing()
    placed = made.model_copy(update={"cells": [made.cells[0].model_copy(update={"line": 12})]})
    (found,) = annotated(review(placed))

    assert (found.level, found.file, found.line) == ("warning", PATH, 12)
    assert found.title == "cells[1] differs from its reference"
    assert "-b\n+c" in found.message


def test_a_step_that_failed_is_annotated_with_its_hint() -> None:
    step = StepOutcome(name="structure", status="failed", message="no cells", hint="Add one.")
    (found,) = annotated(review(passing(steps=[step])))
    assert (found.line, found.message) == (None, "no cells\nAdd one.")


def test_of_each_level_there_are_ten_and_the_last_counts_the_rest() -> None:
    bad = [failing(f"{n}.ipynb", problems=[]) for n in range(30)]
    found = annotated(review(*[differing(f"d{n}.ipynb") for n in range(10)], *bad))

    assert [one.level for one in found] == ["error"] * 10 + ["warning"] * 10
    assert found[9].title == "and 21 more like this"
    assert found[19].title != "and 1 more like this"


@given(
    title=st.text(st.sampled_from("a:,%\n\r=;☃"), min_size=1),
    message=st.text(st.sampled_from("a:,%\n\r=2530DA☃")),
    file=st.text(st.sampled_from("a b:,%="), min_size=1),
)
def test_a_runner_reads_what_was_meant(title: str, message: str, file: str) -> None:
    command = str(Annotation("error", file, 3, title, message))

    assert len(command.splitlines()) == 1
    properties, said = parsed(command)
    assert (properties["file"], properties["line"], said) == (file, "3", message)


def test_messages_have_a_bound() -> None:
    found = annotated(review(failing(text="x" * 100_000)))
    assert all(len(str(one)) < 5000 for one in found)


def test_commands_are_stopped_by_what_nobody_can_guess() -> None:
    begin, end = silence()
    assert begin.startswith("::stop-commands::")
    assert end == f"::{begin.removeprefix('::stop-commands::')}::"
    assert len(end) > 32
    assert silence() != (begin, end)


def test_the_summary_is_appended_as_far_as_there_is_room(tmp_path: Path) -> None:
    place = tmp_path / "summary.md"
    made = review(failing(text="é" * 5000))

    assert append_summary(made, place)
    alone = place.read_text()
    assert alone.startswith("<!-- nbx-review -->\n## ")
    place.write_text("before")
    assert append_summary(made, place)
    assert place.read_text() == f"before\n\n{alone}"

    place.write_bytes(b"x" * (2**20 - 8000))
    assert append_summary(made, place)
    assert 2**20 - 8000 < place.stat().st_size <= 2**20
    place.write_bytes(b"x" * (2**20 - 10))
    assert not append_summary(made, place)
    assert place.stat().st_size == 2**20 - 10


def test_a_summary_that_cannot_be_written_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        append_summary(review(), tmp_path)
