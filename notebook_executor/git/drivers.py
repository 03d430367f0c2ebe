"""What makes git treat notebooks as notebooks: settings of a clone's own ``.git/config``.

git never copies settings from one clone to another. Each of ours calls ``nbx`` with the folder that
it was found in first on the path: a clone keeps working with the environment that set it up,
whatever is activated; and where that folder is gone, because the environment was moved or removed,
with any other ``nbx`` on the path.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

from notebook_executor.errors import UsageError
from notebook_executor.git.repository import GitError, Repository

_TRIES = 150
_PAUSE = 0.1  # seconds
_LOCKED = re.compile(r"could not lock config file .*: File exists")
_OURS = re.compile(r"PATH=(?P<folder>.*):\"\$PATH\" nbx (?P<words>.*)", re.DOTALL)
_COMMANDS = {
    "filter.nbstripout.process": "strip --filter-process",
    "filter.nbstripout.clean": "strip --filter=%f",
    "diff.jupyternotebook.textconv": "show --textconv",
    # Of a driver that cannot be started git keeps ours, and nothing shows that theirs are missing.
    "merge.jupyternotebook.driver": "merge --git=%P --marker-size=%L %O %A %B"
    " || { c=$?; test $c -lt 126 && exit $c; git merge-file %A %O %B; }",
}
_PLAIN = {
    "filter.nbstripout.smudge": "cat",
    "filter.nbstripout.required": "true",
    # The name of a cell, in the line that says where a change is.
    "diff.jupyternotebook.xfuncname": "^(── .*)$",
    "merge.jupyternotebook.name": "notebooks, cell by cell",
}
# In these git looks for places to fill in.
_FILLED = {"filter.nbstripout.clean", "merge.jupyternotebook.driver"}


def wanted(folder: Path) -> dict[str, str]:
    """The settings, by name, for an ``nbx`` in this folder."""
    return {name: _command(name, words, folder) for name, words in _COMMANDS.items()} | _PLAIN


def _command(name: str, words: str, folder: Path) -> str:
    quoted = shlex.quote(str(folder))
    quoted = quoted.replace("%", "%%") if name in _FILLED else quoted
    return f'PATH={quoted}:"$PATH" nbx {words}'


def home() -> Path:
    """The folder of this environment's ``nbx``.

    Raises:
        UsageError: There is none, such as where the package is only on ``PYTHONPATH``.
    """
    places = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    found = next((place for place in places if _has_nbx(place)), None)
    if found is None and (elsewhere := shutil.which("nbx")):
        found = Path(os.path.abspath(elsewhere)).parent
    if found is None:
        raise UsageError(
            "There is no command nbx that git could call",
            hint="Install notebook_executor with pip, into an environment that stays.",
        )
    return found


def _has_nbx(folder: Path) -> bool:
    return os.access(folder / "nbx", os.X_OK)


def present(repository: Repository) -> dict[str, str]:
    """Those of our settings that git has a value for, wherever it has it from."""
    told = repository.run("config", "--null", "--get-regexp", r"^(filter|diff|merge)\.(nb|jupyter)")
    pairs = (entry.partition("\n") for entry in told.stdout.decode("utf-8", "replace").split("\0"))
    known = {**_COMMANDS, **_PLAIN}
    return {name: value for name, _, value in pairs if name in known}


def folder_of(name: str, value: str) -> Path | None:
    """The folder that a command of ours looks for ``nbx`` in first; None: it is not of ours."""
    found = _OURS.fullmatch(value)
    if found is None or found["words"] != _COMMANDS.get(name):
        return None
    quoted = found["folder"].replace("%%", "%") if name in _FILLED else found["folder"]
    try:
        words = shlex.split(quoted)
    except ValueError:
        return None
    return Path(words[0]) if len(words) == 1 else None


def complaints(there: Mapping[str, str], section: str) -> list[str]:
    """What of a section of the settings is missing, another's, or calls what is gone.

    Args:
        there: The settings that there are.
        section: What the names begin with.
    """
    names = [name for name in {**_COMMANDS, **_PLAIN} if name.startswith(section)]
    return [told for name in names if (told := _complaint(name, there.get(name)))]


def _complaint(name: str, value: str | None) -> str:
    if value is None:
        return f"{name} is missing"
    if name in _PLAIN:
        return "" if value == _PLAIN[name] else f"{name} is {value}"
    folder = folder_of(name, value)
    if folder is None:
        return f"{name} is not ours: {value}"
    return "" if _has_nbx(folder) else f"{name}: there is no nbx in {folder} any more"


def configure(repository: Repository) -> dict[str, str]:
    """Write the settings that are missing or others into the clone's ``.git/config``.

    Nothing else is written, and nothing where all is as it should be. Linked working trees share
    the file.

    Returns:
        What was set.

    Raises:
        GitError: The file cannot be written.
        UsageError: There is no ``nbx`` that git could call.
    """
    there = present(repository)
    changes = {k: v for k, v in wanted(home()).items() if there.get(k) != v}
    for name, value in changes.items():
        _set(repository, name, value)
    if changes:
        _check(repository, changes)
    return changes


def _check(repository: Repository, changes: Mapping[str, str]) -> None:
    there = present(repository)
    for name, value in changes.items():
        if there.get(name) != value:
            raise GitError(
                f"{name} was set, but something else counts more: {there.get(name)}",
                hint=f"git config --show-origin --get-all {name} shows where that is.",
                said="",
            )


def _set(repository: Repository, name: str, value: str) -> None:
    """Set one; whoever else is at it holds the file's lock for a moment, and git does not wait."""
    for _ in range(_TRIES):
        done = repository.run("config", "--local", "--replace-all", name, value)
        if done.code == 0:
            return
        if not _LOCKED.search(done.complaint):
            break
        time.sleep(_PAUSE)
    raise GitError(f"{name} cannot be set in {repository.top}: {done.complaint}", said="")
