"""Is git set up for notebooks here: its attributes, a clone's settings, and what it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from notebook_executor.findings import Finding
from notebook_executor.git import drivers
from notebook_executor.git.repository import GitError, NoRepositoryError, Repository
from notebook_executor.git.tracked import (
    ATTRIBUTES,
    PROBE,
    Tracked,
    attributes,
    contents,
    stripped_by_rule,
    tracked_notebooks,
)

Stripped = Callable[[bytes, str], bool]

RULES = (
    "*.ipynb filter=nbstripout diff=jupyternotebook merge=jupyternotebook",
    "**/runs/**/*.ipynb !filter !diff !merge",
)
_RUNS = (PurePath("runs", PROBE), PurePath("nbx-probe", "runs", "nbx-probe", PROBE))
_NO_GLOBAL = ("-c", "core.attributesFile=/dev/null")
_NAMED = 5
_SETTING = re.compile(r"(?:^|\s)[-!]?(?:filter|diff|merge|binary)(?:[=\s]|$)")
_EXECUTED = b"""{"cells": [{"cell_type": "code", "execution_count": 1, "id": "a", "metadata": {},
"outputs": [{"name": "stdout", "output_type": "stream", "text": ["1"]}], "source": ["print(1)"]}],
"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
"""


def fix(folder: Path) -> Iterator[Finding]:
    """Set up the clone that a folder is in, and tell what was written into ``.git/config``.

    Raises:
        GitError: That cannot be written.
        UsageError: There is no ``nbx`` that git could call.
    """
    try:
        repository = Repository.of(folder)
    except NoRepositoryError as error:
        yield Finding("git", "ok", f"{error.message}; there is nothing to set up")
        return
    changes = drivers.configure(repository)
    for name, value in changes.items():
        yield Finding("git", "ok", f"set {name} = {value}")
    if not changes:
        yield Finding("git", "ok", "set up already")


def examine(folder: Path, stripped: Stripped) -> Iterator[Finding]:
    """Look at how git treats the notebooks of the repository that a folder is in.

    Runs the filter, on a notebook of ours; writes nothing.

    Args:
        folder: Where to begin.
        stripped: Tells of a notebook's content, and its path, whether it is stripped.
    """
    try:
        repository = Repository.of(folder)
    except NoRepositoryError:
        yield Finding("git", "ok", "no working tree here")
        return
    except GitError as error:
        yield Finding("git", "warning", error.message, error.hint)
        return
    except OSError as error:
        yield Finding("git", "warning", f"cannot be run: {error}", "Install git.")
        return
    notebooks = tracked_notebooks(repository)
    chosen, ruled = stripped_by_rule(repository, notebooks)
    if not (notebooks or ruled):
        yield Finding("git", "ok", "tracks no notebooks here")
        return
    # Where the attributes lie in a folder below the top, they are those of the notebooks there.
    sample = next((n.path for n in chosen if not _is_run(n.path)), PROBE)
    yield _attributes(repository, notebooks, sample)
    yield from _settings(repository, sample if ruled else None)
    yield _contents(repository, chosen, stripped)


def _attributes(repository: Repository, notebooks: Iterable[Tracked], sample: str) -> Finding:
    topic = "git attributes"
    probes = [str(PurePath(sample).parent / name) for name in _RUNS]
    runs = [*probes, *(n.path for n in notebooks if "runs" in PurePath(n.path).parts[:-1])]
    found = attributes(repository, [sample, *runs])
    other = [
        f"{name}={value}" for name, value in ATTRIBUTES.items() if found[sample][name] != value
    ]
    lines = f"Write into .gitattributes, in this order, at its end: {' and '.join(RULES)}"
    if other:
        return Finding(topic, "warning", f"notebooks have not: {', '.join(other)}", lines)
    ruled = [path for path in runs if set(found[path].values()) != {"unspecified"}]
    if not ruled:
        return Finding(topic, "ok", "notebooks are stripped, those below runs/ are not")
    which = "executed notebooks below runs/" if ruled[0] in probes else ruled[0]
    text = f"{which} would be stripped, or merged as sources: "
    why, advice = _overridden(repository, ruled[0])
    return Finding(topic, "warning", text + why, advice or lines)


def _is_run(path: str) -> bool:
    return "runs" in PurePath(path).parts[:-1]


def _overridden(repository: Repository, path: str) -> tuple[str, str]:
    """Why the exception for runs does not hold for a path; and what to do, if it is not a rule."""
    info = Path(repository.text("rev-parse", "--git-path", "info/attributes"))
    place = repository.top / info
    if place.is_file() and any(_SETTING.search(line) for line in _rules(place)):
        advice = "Take what it says of notebooks out of it: .gitattributes says all that is needed."
        return f"{place} overrides .gitattributes", advice
    without = attributes(repository, [path], *_NO_GLOBAL)
    if set(without[path].values()) == {"unspecified"}:
        name = repository.run("config", "--get", "core.attributesFile").stdout.decode().strip()
        advice = "Take what it says of notebooks out of it, or add the exception to .gitattributes."
        return f"{name or 'your own attributes file of git'} says so", advice
    if any(line.split()[0] == RULES[1].split()[0] for line in _rules(repository.top)):
        return "the exception for runs/ stands before the rule that it is an exception to", ""
    return "there is no exception for them", ""


def _rules(place: Path) -> list[str]:
    """The lines of an attributes file that say something."""
    path = place / ".gitattributes" if place.is_dir() else place
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _settings(repository: Repository, sample: str | None) -> Iterator[Finding]:
    there = drivers.present(repository)
    yield _filter(repository, there, sample)
    yield _driver("git diff", there, "diff.jupyternotebook.", "notebooks are compared as JSON")
    yield _driver("git merge", there, "merge.jupyternotebook.", "notebooks are merged line by line")


_FIX = "nbx doctor --fix sets it up."


def _filter(repository: Repository, there: Mapping[str, str], sample: str | None) -> Finding:
    topic = "git filter"
    commands = [there.get(f"filter.nbstripout.{name}") for name in ("process", "clean")]
    command = next(filter(None, commands), None)
    if command is None:
        text = "this clone has none: outputs are committed, and nobody is told"
        return Finding(topic, "warning", text, _FIX)
    if sample is not None and (said := _failure(repository, sample)):
        return Finding(topic, "problem", f"{command} does not strip: {said}", _FIX)
    return _judged(topic, there, "filter.nbstripout.")


def _failure(repository: Repository, path: str) -> str:
    """Why a notebook with outputs would not be stripped when it is added; empty when it would."""
    probe = ("hash-object", "--stdin", "--path", path)
    done = repository.run(*probe, stdin=_EXECUTED)
    if done.code != 0:
        return done.complaint
    whole = repository.text("hash-object", "--stdin", "--no-filters", stdin=_EXECUTED)
    return "outputs stay" if done.stdout.decode().strip() == whole else ""


def _driver(topic: str, there: Mapping[str, str], section: str, otherwise: str) -> Finding:
    if not any(name.startswith(section) for name in there):
        return Finding(topic, "warning", f"this clone has no driver: {otherwise}", _FIX)
    return _judged(topic, there, section)


def _judged(topic: str, there: Mapping[str, str], section: str) -> Finding:
    wrong = drivers.complaints(there, section)
    if wrong:
        return Finding(topic, "warning", "; ".join(wrong), _FIX)
    folders = (drivers.folder_of(name, there[name]) for name in there if name.startswith(section))
    return Finding(topic, "ok", f"nbx of {next(filter(None, folders))}")


def _contents(repository: Repository, notebooks: Iterable[Tracked], stripped: Stripped) -> Finding:
    topic = "git notebooks"
    listed = list(notebooks)
    try:
        found = [n.path for n, data in contents(repository, listed) if not stripped(data, n.path)]
    except GitError as error:
        return Finding(topic, "warning", error.message)
    if not found:
        return Finding(topic, "ok", f"{len(listed)} are tracked as sources, none with outputs")
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Finding(
        topic,
        "warning",
        f"tracked with outputs: {', '.join(found[:_NAMED])}{more}",
        "With the filter set up, git add --renormalize . strips them.",
    )
