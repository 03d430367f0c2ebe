"""``nbx review --annotations github``: the review where a forge's CI shows it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from notebook_executor.cli.screen import Screen

if TYPE_CHECKING:
    from notebook_executor.review.models import Review

_SUMMARY = "GITHUB_STEP_SUMMARY"


@contextmanager
def annotating(found: Review, *, taken: bool) -> Iterator[None]:
    """Afterwards print the annotations, and append to the step's summary, where there is one.

    What is printed meanwhile cannot give commands to CI: notebooks print what they like.

    Args:
        found: The review.
        taken: Standard output is somebody's data; the annotations go to standard error.
    """
    from notebook_executor.review.annotations import annotated, silence

    screen = Screen(sys.stderr if taken else sys.stdout)
    begin, end = silence()
    screen.line(begin)
    yield
    screen.line(end)
    for one in annotated(found):
        screen.line(str(one))
    _summarise(found, screen)


def _summarise(found: Review, screen: Screen) -> None:
    """A summary that cannot be written is told, and does not change what the review has found."""
    from notebook_executor.review.annotations import Annotation, append_summary

    place = os.environ.get(_SUMMARY)
    if not place:
        return
    try:
        problem = "" if append_summary(found, place) else "there is no room in it any more"
    except OSError as error:
        problem = str(error)
    if problem:
        screen.line(str(Annotation("warning", "", None, "No step summary", problem)))
