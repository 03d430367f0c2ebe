"""What a project starts and stops its server with, as far as reading its scripts can tell."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMANDS = ("bootstrap", "start", "stop", "restart", "status", "logs")

_APP = Path("scripts", "app.sh")
_ELSEWHERE = ("app.sh", "bin/app.sh", "bin/app", "scripts/app", "run.sh", "start.sh", "jupyter.sh")
_RECIPES = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "Taskfile.yml")
_SETTINGS = (".envrc", ".env")
_MOST_BYTES = 200_000
_MOST_FILES = 50
_DELEGATES = re.compile(r"-m\s+notebook_executor\.lifecycle\b|nbx\s+server\b")
_LABELS = re.compile(
    r"^[ \t]*\(?[ \t]*((?:[\"']?[\w-]+[\"']?[ \t]*\|[ \t]*)*[\"']?[\w-]+[\"']?)[ \t]*\)",
    re.MULTILINE,
)
_FUNCTIONS = re.compile(
    r"^[ \t]*(?:function[ \t]+)?(?:cmd_|do_|app_)?([\w-]+)[ \t]*\(\)", re.MULTILINE
)
_TARGETS = re.compile(r"^([\w.-]+)[ \t]*:(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Scripts:
    """The scripts of a project.

    Attributes:
        app: ``scripts/app.sh``; None where there is none.
        elsewhere: What looks as if it were in its place, relative to the root.
        commands: What ``app`` can be asked for.
        targets: What the recipes of make, just and others are called.
        text: All of them, without whole lines of comment.
        delegates: Whether they leave the server to ``notebook_executor.lifecycle``.
    """

    app: Path | None
    elsewhere: tuple[str, ...]
    commands: frozenset[str]
    targets: frozenset[str]
    text: str
    delegates: bool

    def says(self, pattern: str) -> bool:
        """Whether a regular expression matches somewhere, in any case."""
        return re.search(pattern, self.text, re.IGNORECASE) is not None


def read_scripts(root: Path) -> Scripts:
    """Read the scripts of a project; what cannot be read is not there."""
    app = root / _APP
    own = _without_comments(_content(app))
    recipes = "\n".join(_content(root / name) for name in _RECIPES)
    files = [*_in_folder(app.parent), *(root / name for name in (*_ELSEWHERE, *_SETTINGS))]
    rest = "\n".join(_content(path) for path in files if path != app)
    text = "\n".join([own, _without_comments(rest), _without_comments(recipes)])
    return Scripts(
        app=app if app.is_file() else None,
        elsewhere=tuple(name for name in (*_ELSEWHERE, *_RECIPES) if (root / name).is_file()),
        commands=frozenset(_commands(own)),
        targets=frozenset(_TARGETS.findall(recipes)),
        text=text,
        delegates=_DELEGATES.search(text) is not None,
    )


def _commands(text: str) -> Iterator[str]:
    for labels in _LABELS.findall(text):
        yield from (label.strip(" \t\"'") for label in labels.split("|"))
    yield from _FUNCTIONS.findall(text)


def _in_folder(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())[:_MOST_FILES]
    except OSError:
        return []


def _content(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError:
        return ""
    # A line may go on in the next one.
    return "" if b"\0" in content else content.decode("utf-8", "replace").replace("\\\n", " ")


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))


def is_executable(path: Path) -> bool:
    return os.access(path, os.X_OK)
