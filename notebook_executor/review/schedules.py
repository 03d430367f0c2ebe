"""The head's schedules: what they give a notebook, and whether that still takes it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.parameters_cell import read_parameters
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.review.models import ParameterProblem
from notebook_executor.review.policy import FILE
from notebook_executor.review.subject import Finding, Scene, Subject
from notebook_executor.schedule.checking import check_parameters
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.loading import Loaded, load_entries
from notebook_executor.schedule.problems import Problem
from notebook_executor.schedule.templates import render
from notebook_executor.text import one_line

if TYPE_CHECKING:
    from datetime import datetime

FOLDER = "schedules"
_RUN_ID = "review"
_WARNING_CHARS = 300


class Schedules:
    """The entries below a project's ``schedules/``.

    Args:
        project: The project's folder, laid out.
        top: The repository's, likewise: what paths are told relative to.
    """

    def __init__(self, project: Path, top: Path) -> None:
        self._project, self._top = project, top
        folder = project / FOLDER
        self.loaded = load_entries([folder]) if folder.is_dir() else Loaded()

    def using(self, path: str) -> list[Entry]:
        """The entries that run a notebook, those that are not suspended first."""
        found = [one for one in self.loaded.entries if posixpath.normpath(one.path) == path]
        return sorted(found, key=lambda one: one.suspend)

    def problems_with(self, entry: Entry, subject: Subject) -> list[ParameterProblem]:
        """What of the entry's parameters the notebook would refuse."""
        if subject.notebook is None:
            source = self.loaded.source(entry.name)
            missing = source.problem(entry.name, f"there is no {entry.path} any more", "path")
            return [self.told(missing)]
        declared = read_parameters(subject.notebook)
        source = self.loaded.source(entry.name)
        found = check_parameters(entry, source, declared, self._project)
        return [self.told(problem) for problem in found]

    def warnings(self) -> list[str]:
        """The mistakes for which entries could not be read."""
        told = map(self.told, self.loaded.problems)
        return [f"{one.file}:{one.line}: {one.message}" for one in told]

    def place_of(self, entry: Entry) -> str:
        file = os.path.relpath(self.loaded.source(entry.name).file, self._top)
        return f"{file}, entry {entry.name}"

    def told(self, problem: Problem) -> ParameterProblem:
        return ParameterProblem(
            file=os.path.relpath(problem.file, self._top),
            line=problem.line,
            entry=problem.entry,
            message=problem.message,
            hint=problem.hint or None,
        )


def check_schedules(subject: Subject, scene: Scene) -> Finding:
    """Do the schedules that run it give it what it takes? Also: what will it be run with here?"""
    gone = subject.change.change == "deleted"
    if subject.notebook is None and not gone:
        return Finding("skipped", subject.absence)
    entries = scene.schedules.using(subject.inside)
    moved = subject.change.change == "renamed"
    before = scene.comparison.in_project(subject.change.base_path or "") if moved else None
    stale = scene.schedules.using(before) if before else []
    problems: list[ParameterProblem] = []
    try:
        for entry in entries:
            problems += scene.schedules.problems_with(entry, subject)
        if not gone:
            _choose_parameters(subject, scene, entries)
            subject.warnings += _without_effect(subject)
    except DocumentError as error:  # the parameters cell is no Python
        subject.parameters_fit = False
        return Finding("failed", error.message, error.hint)
    problems += [_stale(scene, entry, subject) for entry in stale]
    subject.problems = tuple(problems)
    if problems:
        subject.parameters_fit = subject.parameters_from in (None, FILE, _CALLER)
        return _failed(problems)
    if not entries:
        return Finding("ok" if not gone else "skipped", "no schedule uses it")
    names = ", ".join(entry.name for entry in entries)
    return Finding("ok", f"fit what the schedule gives: {names}")


_CALLER = "the caller"


def _choose_parameters(subject: Subject, scene: Scene, entries: list[Entry]) -> None:
    given = scene.options.parameters.get(subject.inside)
    if given is not None:
        subject.parameters, subject.parameters_from = dict(given), _CALLER
    elif subject.rules.parameters is not None:
        subject.parameters, subject.parameters_from = subject.rules.parameters, FILE
    elif entries:
        _take_from(entries[0], subject, scene)


def _take_from(entry: Entry, subject: Subject, scene: Scene) -> None:
    """What the entry would have given when the base was committed: the same at every review."""
    at: datetime = scene.comparison.at
    place = scene.schedules.place_of(entry)
    try:
        given: dict[str, Any] = dict(render(entry, at, _RUN_ID, os.environ).parameters)
    except UsageError as error:
        subject.warnings.append(f"{place}: {error.message}; its defaults are used instead.")
        return
    subject.parameters, subject.parameters_from = given, place


def _without_effect(subject: Subject) -> Iterator[str]:
    """The defaults that the change has changed, and that this review's run was not given."""
    if subject.notebook is None or subject.before is None:
        return
    old, new = read_parameters(subject.before), read_parameters(subject.notebook)
    for name in old.keys() & new.keys() & subject.parameters.keys():
        was, now = old[name].default_source, new[name].default_source
        if was != now:
            yield one_line(
                f"The default of {name} was {was or 'none'}, is {now or 'none'}; it was run with "
                f"{subject.parameters[name]!r}, which {subject.parameters_from} gives.",
                _WARNING_CHARS,
            )


def _stale(scene: Scene, entry: Entry, subject: Subject) -> ParameterProblem:
    problem = scene.schedules.loaded.source(entry.name).problem(
        entry.name, f"{entry.path} is {subject.inside} now", "path"
    )
    return scene.schedules.told(problem)


def _failed(problems: list[ParameterProblem]) -> Finding:
    first = problems[0]
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    place = f"{first.file}:{first.line}: entry {first.entry}: {first.message}{more}"
    return Finding("failed", place, first.hint or "")
