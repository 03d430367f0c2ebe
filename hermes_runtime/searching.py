"""Searching the lines of files, or their names.

ripgrep, where there is one, only names the files that hold a literal piece of the expression. What
is a match is always decided here, so that the results are the same without it.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from hermes_runtime.confinement import Confinement
from hermes_runtime.text_files import is_binary
from hermes_runtime.tool_errors import ToolError

_LONGEST_LINE = 500  # characters that are shown of a line
_MOST_BYTES = 50_000_000  # larger files are not searched
_RIPGREP_SECONDS = 60.0
_RIPGREP = (
    "--no-config",
    "--files-with-matches",
    "--fixed-strings",
    "--null",
    # More than we take, and never less: binary files, ignored ones, and bytes as they are.
    "--text",
    "--encoding=none",
    "--no-ignore",
    "--no-messages",
)


class Search(NamedTuple):
    """What is looked for.

    Attributes:
        pattern: A regular expression; a glob when it is names that are looked for.
        path: The folder or file, an absolute path.
        shown: What stands for that path in the results.
        target: ``content`` or ``files``.
        file_glob: What the name of a file must be like.
        limit: How many matches are told.
        context: How many lines before and after a match are told.
    """

    pattern: str
    path: str
    shown: str = "."
    target: str = "content"
    file_glob: str | None = None
    limit: int = 50
    context: int = 0


def search(files: Confinement, wanted: Search, ripgrep: str | None = None) -> dict[str, Any]:
    """Search.

    Args:
        files: What may be read. What is below a folder but may not is passed over.
        wanted: What for.
        ripgrep: Its program; None to do without.

    Returns:
        ``matches``, ``total_count``, ``truncated``. Of content a match is ``path``, ``line``,
        ``content``, and ``before`` and ``after`` where context is wanted; of files, a path.
    """
    found = _names(files, wanted) if wanted.target == "files" else _lines(files, wanted, ripgrep)
    matches, total = [], 0
    for match in found:
        total += 1
        if total <= wanted.limit:
            matches.append(match)
    return {"matches": matches, "total_count": total, "truncated": total > len(matches)}


def search_apart(payload: dict[str, Any]) -> dict[str, Any]:
    """Search below ``roots`` for what is ``wanted``, in a process that is there for this alone."""
    files = Confinement(payload["roots"], "read")
    return search(files, Search(**payload["wanted"]), find_ripgrep())


def find_ripgrep() -> str | None:
    """The program, where there is one; what is relative on the PATH is the notebook's."""
    folders = filter(os.path.isabs, os.environ.get("PATH", os.defpath).split(os.pathsep))
    return shutil.which("rg", path=os.pathsep.join(folders))


def _names(files: Confinement, wanted: Search) -> Iterator[str]:
    for path in files.walk(wanted.path):
        if _fits(path, wanted.pattern) and _fits(path, wanted.file_glob):
            yield _shown(path, wanted)


def _fits(path: str, glob: str | None) -> bool:
    return glob is None or fnmatch.fnmatchcase(os.path.basename(path), glob)


def _shown(path: str, wanted: Search) -> str:
    relative = os.path.relpath(path, os.path.realpath(wanted.path))
    return os.path.normpath(os.path.join(wanted.shown, relative))


def _lines(files: Confinement, wanted: Search, ripgrep: str | None) -> Iterator[dict[str, Any]]:
    try:
        expression = re.compile(wanted.pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ToolError(
            f"the pattern is no regular expression: {error}",
            hint="Put a backslash before what is meant literally.",
        ) from None
    files.resolve(wanted.path)
    candidates = _candidates(wanted, ripgrep) if ripgrep else None
    for path in files.walk(wanted.path):
        if _fits(path, wanted.file_glob) and (candidates is None or path in candidates):
            yield from _matches(files, path, expression, wanted)


def _matches(
    files: Confinement, path: str, expression: re.Pattern[str], wanted: Search
) -> Iterator[dict[str, Any]]:
    try:
        with files.open(path) as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES or is_binary(file):
                return
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except (OSError, ToolError):
        return
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines):
        if expression.search(line):
            yield _match(lines, number, _shown(path, wanted), wanted.context)


def _match(lines: list[str], number: int, shown: str, context: int) -> dict[str, Any]:
    told = {"path": shown, "line": number + 1, "content": lines[number][:_LONGEST_LINE]}
    if context:
        around = (max(0, number - context), number), (number + 1, number + 1 + context)
        for name, (start, stop) in zip(("before", "after"), around):
            told[name] = [line[:_LONGEST_LINE] for line in lines[start:stop]]
    return told


def _candidates(wanted: Search, ripgrep: str) -> set[str] | None:
    """The files that a match can be in; None where that cannot be told."""
    literal = required_literal(wanted.pattern)
    real = os.path.realpath(wanted.path)
    if not literal or not os.path.isdir(real):
        return None
    try:
        done = subprocess.run(
            [ripgrep, *_RIPGREP, "--regexp", literal, "--", real],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_RIPGREP_SECONDS,
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    # 1: no match; 2: something could not be searched, and that may be what we want.
    if done.returncode not in (0, 1):
        return None
    return {os.fsdecode(name) for name in done.stdout.split(b"\0")}


_ANYTHING = set(".^$*+?{}[]()|\\")


def required_literal(pattern: str) -> str:
    """The longest text that every match of a regular expression holds, as far as it is plain.

    Empty where none is found, as of an expression with alternatives, groups or flags.
    """
    if set("\n\r\0\ufffd") & set(pattern):
        return ""
    runs: deque[str] = deque([""])
    at = 0
    while at < len(pattern):
        text, length = _literal_at(pattern, at)
        if not text and pattern[at] in "|(":
            return ""
        if not text:
            runs.append("")
            length = _passed(pattern, at)
        elif pattern[at + length : at + length + 1] in ("*", "?", "{", "+"):
            # What is repeated may be there less often, or more.
            runs.append("")
        else:
            runs[-1] += text
        at += length
    return max(runs, key=len)


def _literal_at(pattern: str, at: int) -> tuple[str, int]:
    """The character that stands for itself here, and how much of the pattern that is."""
    character = pattern[at]
    if character not in _ANYTHING:
        return character, 1
    following = pattern[at + 1 : at + 2]
    if character == "\\" and following and not following.isalnum():
        return following, 2
    return "", 1


def _passed(pattern: str, at: int) -> int:
    """How much of the pattern something takes that does not stand for itself."""
    if pattern[at] == "\\":
        # \x41, \u00e9, \N{…} and the like: what follows must not be taken for text.
        return len(pattern) - at if pattern[at + 1 : at + 2] in "xuUN0123456789" else 2
    if pattern[at] == "[":
        end = pattern.find("]", at + 2 + (pattern[at + 1 : at + 2] == "^"))
        return len(pattern) - at if end < 0 else end + 1 - at
    if pattern[at] == "{":
        end = pattern.find("}", at)
        return 1 if end < 0 else end + 1 - at
    return 1
