"""What an entry refers to, checked before it is due: its notebook, templates, kernel and places."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.kernel_metadata import notebook_language, wanted_kernel
from notebook_executor.documents.parameters_cell import Parameters, read_parameters
from notebook_executor.documents.reading import read_notebook
from notebook_executor.errors import DocumentError, KernelStartError, ParameterError, UsageError
from notebook_executor.execution.parameters import check_names, check_required, check_types
from notebook_executor.lifecycle.kernelspecs import find_launch_spec
from notebook_executor.schedule.conditions import parse_condition
from notebook_executor.schedule.due import next_time
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.loading import Loaded
from notebook_executor.schedule.problems import Problem, Source
from notebook_executor.schedule.templates import fill, render_text, templates, variables
from notebook_executor.tools.policy_file import policy_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

_RUN_ID = "20260101T000000Z-000000"


class _Notebooks:
    """Notebooks that are read once, however many entries use them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[Path, NotebookNode | DocumentError] = {}

    def find(self, path: str) -> NotebookNode:
        """The notebook at a path below the root, or its error again.

        Raises:
            DocumentError: It cannot be read.
        """
        at = self._root / path
        if at not in self._read:
            try:
                self._read[at] = read_notebook(at)
            except DocumentError as error:
                self._read[at] = error
        found = self._read[at]
        if isinstance(found, DocumentError):
            raise found
        return found


def check_entries(loaded: Loaded, root: Path) -> list[Problem]:
    """What the entries that were loaded refer to, and is not there or does not fit.

    Nothing is run, and no kernel is started. Templates are filled in as of the next due time.

    Args:
        loaded: With its own problems, which are among those that are returned.
        root: What relative paths are relative to.
    """
    notebooks = _Notebooks(root)
    problems = list(loaded.problems)
    for entry in loaded.entries:
        problems += _Check(entry, loaded.source(entry.name), root).problems(notebooks)
    order = {file: number for number, file in enumerate(loaded.files)}
    return sorted(problems, key=lambda one: (order.get(one.file, 0), one.line, one.column))


def check_parameters(
    entry: Entry, source: Source, declared: Parameters, root: Path
) -> Iterator[Problem]:
    """What of an entry's parameters a notebook that declares these would refuse.

    Args:
        entry: The entry.
        source: Where it stands.
        declared: Its notebook's.
        root: What relative paths are relative to.
    """
    yield from _Check(entry, source, root).parameters(declared)


class _Check:
    def __init__(self, entry: Entry, source: Source, root: Path) -> None:
        self._entry, self._source, self._root = entry, source, root

    def problems(self, notebooks: _Notebooks) -> Iterator[Problem]:
        yield from self._unfilled()
        yield from self._notebook(notebooks)
        yield from self._places()
        yield from self._policy()
        yield from self._condition()

    def _problem(self, message: str, *path: str | int, **more: Any) -> Problem:
        return self._source.problem(self._entry.name, message, *path, **more)

    def _known(self) -> Mapping[str, Any]:
        """What templates know; a variable that is to come from the environment is there."""
        now = datetime.now(UTC)
        at = next_time(self._entry, now) or now
        return variables(self._entry, at, _RUN_ID, dict.fromkeys(self._entry.pass_env, "x"))

    def _unfilled(self) -> Iterator[Problem]:
        known = self._known()
        for path, text in templates(self._entry):
            try:
                render_text(text, known, path)
            except UsageError as error:
                yield self._problem(error.message, *path, hint=error.hint)

    def _notebook(self, notebooks: _Notebooks) -> Iterator[Problem]:
        try:
            notebook = notebooks.find(self._entry.path)
            declared = read_parameters(notebook)
        except DocumentError as error:
            yield self._problem(error.message, "path", hint=error.hint)
            return
        yield from self.parameters(declared)
        yield from self._kernel(notebook)

    def parameters(self, declared: Parameters) -> Iterator[Problem]:
        known = self._known()
        for name, value in self._entry.parameters.items():
            try:
                check_names(declared, {name: value})
                check_types(declared, {name: fill(value, known, ("parameters", name))})
            except ParameterError as error:
                unknown = name not in declared
                yield self._problem(error.message, "parameters", name, hint=error.hint, key=unknown)
            except UsageError:
                continue  # told of by _unfilled
        try:
            check_required(declared, self._entry.parameters)
        except ParameterError as error:
            yield self._problem(error.message, "parameters", hint=error.hint, key=True)

    def _kernel(self, notebook: NotebookNode) -> Iterator[Problem]:
        named = self._entry.kernel_name
        try:
            find_launch_spec(
                named, wanted=wanted_kernel(notebook), language=notebook_language(notebook)
            )
        except KernelStartError as error:
            path = "path" if named is None else "kernel_name"
            yield self._problem(error.message, path, hint=error.hint)

    def _places(self) -> Iterator[Problem]:
        cwd, output = self._entry.cwd, self._entry.output_path
        if cwd is not None and not (self._root / cwd).is_dir():
            yield self._problem(f"there is no folder {cwd}", "cwd")
        if output is None:
            return
        with contextlib.suppress(UsageError):  # told of by _unfilled
            told = _unwritable(render_text(output, self._known()), self._root)
            if told:
                yield self._problem(told, "output_path")

    def _policy(self) -> Iterator[Problem]:
        if self._entry.policy is None:
            return
        try:
            policy_of(self._entry.policy, self._root)
        except UsageError as error:
            yield self._problem(error.message, "policy", hint=error.hint)

    def _condition(self) -> Iterator[Problem]:
        if self._entry.alert_if is None:
            return
        try:
            parse_condition(self._entry.alert_if)
        except UsageError as error:
            yield self._problem(error.message, "alert_if", hint=error.hint)


def _unwritable(output: str, root: Path) -> str:
    """Why a notebook cannot be written to a path; empty if it can."""
    if not output.endswith(".ipynb") or "\0" in output:
        return f"{output!r:.200} does not end in .ipynb"
    folder = (root / output).parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is not a folder"
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written"
    return ""
