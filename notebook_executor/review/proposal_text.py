"""What a proposal writes: its branch's name, the pull request's text, the comment, the status."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from notebook_executor.errors import UsageError
from notebook_executor.markdown import prose
from notebook_executor.review import report_words as words
from notebook_executor.review.forges.protocol import Link, Pull, State, Status
from notebook_executor.review.models import Review
from notebook_executor.review.report_markdown import MARKER
from notebook_executor.text import clip, one_line

END_MARKER = "<!-- /nbx-review -->"
# Not a review's: the comment that CI renews with its own report stays beside this one.
COMMENT_MARKER = "<!-- nbx-proposal -->"
CONTEXT = "nbx/review"
_LONGEST = 65_000  # forges cut a text at 65,536 characters
_LONGEST_TITLE = 250
_LEAST = 2000  # characters that a report needs
_NAME = 48
_STATES: dict[str, State] = {
    "pass": "success",
    "nothing_to_compare": "success",
    "differs": "failure",
    "fail": "failure",
}


def checked_title(title: str) -> str:
    """The title, without space around it.

    Raises:
        UsageError: It is none.
    """
    plain = title.strip()
    if not plain or len(plain) > _LONGEST_TITLE or not plain.isprintable():
        raise UsageError(
            "A title is one line of text",
            hint=f"At most {_LONGEST_TITLE} characters that can be printed.",
        )
    return plain


def checked_body(body: str) -> str:
    """The text above the report, without space around it.

    Raises:
        UsageError: It leaves no room for the report.
    """
    plain = body.strip()
    _room(plain, "")
    return plain


def branch_name(path: str, title: str) -> str:
    """The branch that proposals of this title for this notebook are on."""
    digest = hashlib.sha256(f"{path}\0{title}".encode("utf-8", "replace")).hexdigest()[:8]
    told = f"{PurePosixPath(path).stem} {title}".lower()
    name = re.sub(r"[^a-z0-9]+", "-", told)[:_NAME].strip("-")
    return f"nbx/{name}-{digest}" if name else f"nbx/{digest}"


def pull_text(body: str, review: Review) -> str:
    """The text that a pull request is opened with."""
    return _joined(body, "", review)


def renewed_text(pull: Pull, review: Review) -> str:
    """A pull request's text with another report; the rest is its people's, and stays.

    Raises:
        UsageError: The rest leaves no room for the report.
    """
    before, found, after = pull.body.replace("\r\n", "\n").partition(MARKER)
    after = after.partition(END_MARKER)[2] if found else ""
    return _joined(before.strip(), after.strip(), review)


def _joined(before: str, after: str, review: Review) -> str:
    report = f"{review.to_markdown(_room(before, after)).strip()}\n\n{END_MARKER}"
    return "\n\n".join(part for part in (before, report, after) if part) + "\n"


def _room(before: str, after: str) -> int:
    """How many characters the report may have between texts of people."""
    room = _LONGEST - len(before) - len(after) - len(END_MARKER) - 10
    if room < _LEAST:
        raise UsageError(
            f"The text is too long: {len(before) + len(after)} characters leave no room for the "
            "report",
            hint=f"A pull request's text has some {_LONGEST} characters.",
        )
    return room


def comment_text(review: Review, commit: str, links: Iterable[Link]) -> str:
    """The comment that links what was kept; a later one replaces it."""
    lines = [f"- [{prose(link.name)}]({link.url})" for link in links]
    told = f"**Review of {commit[:10]}: {prose(words.headline(review))}**"
    return "\n\n".join(part for part in (COMMENT_MARKER, told, "\n".join(lines)) if part) + "\n"


def pending(url: str) -> Status:
    return Status("pending", CONTEXT, "executed; the report is on its way", url)


def final(review: Review, url: str) -> Status:
    told = clip(one_line(words.headline(review), 140), 140)
    return Status(_STATES[review.verdict], CONTEXT, told, url)
