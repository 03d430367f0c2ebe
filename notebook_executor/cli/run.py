"""``nbx run``: runs a notebook, with papermill's flags."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from notebook_executor.cli.exits import ExitCode, of_result
from notebook_executor.cli.options import BriefCommand
from notebook_executor.cli.params import show_parameters
from notebook_executor.cli.progress import Follower, view_for
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.run_options import RunOptions, run_options
from notebook_executor.cli.screen import Screen, write_bytes, write_json
from notebook_executor.cli.signals import Terminated
from notebook_executor.cli.summary import show_result

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.execution.request import RunRequest
    from notebook_executor.executor import NotebookExecutor
    from notebook_executor.models import ExecutionResult


@click.command(cls=BriefCommand)
@run_options
def run(**given: Any) -> ExitCode:
    """Run NOTEBOOK, and write what came out to OUTPUT.

    "-" is standard input or output. Without OUTPUT, the executed notebook goes to
    runs/NOTEBOOK/RUN-ID.ipynb in the project.
    """
    options = RunOptions(**given)
    options.refuse_contradictions()
    source = _read_stdin() if options.from_stdin else absolute(options.notebook)
    with open_executor(options.root, **options.settings) as executor:
        if options.help_notebook:
            return _show_help(executor, source)
        request = options.request(source)
        if options.grid:
            from notebook_executor.cli.sweep import run_grid

            return run_grid(options, executor, request)
        if options.prepare_only:
            return _prepare(executor, request)
        return _run(options, executor, request)


def _read_stdin() -> NotebookNode:
    from notebook_executor.documents.reading import parse_notebook

    return parse_notebook(sys.stdin.buffer.read(), "standard input")


def _show_help(executor: NotebookExecutor, source: NotebookNode | str) -> ExitCode:
    from notebook_executor.documents.parameters_cell import read_parameters

    notebook = executor.read_notebook(source) if isinstance(source, str) else source
    show_parameters(Screen(sys.stdout), read_parameters(notebook))
    return ExitCode.SUCCESS


def _prepare(executor: NotebookExecutor, request: RunRequest) -> ExitCode:
    from notebook_executor.execution.prepare_only import prepare_notebook

    prepared = prepare_notebook(request, executor.root, executor.settings)
    if isinstance(request.output_path, str):
        executor.write_notebook(prepared, request.output_path)
    else:
        _write_stdout(prepared)
    return ExitCode.SUCCESS


def _run(options: RunOptions, executor: NotebookExecutor, request: RunRequest) -> ExitCode:
    view = view_for(options.progress_bar, brief=options.brief, outputs=options.log_output)
    follower = Follower(view)
    try:
        with view or nullcontext():
            result = executor.run(replace(request, on_event=follower))
    except (KeyboardInterrupt, Terminated):
        recorded = _recorded(executor, follower.run_id)
        if recorded is not None:
            _report(options, recorded)
        raise
    _report(options, result)
    return of_result(result)


def _recorded(executor: NotebookExecutor, run_id: str | None) -> ExecutionResult | None:
    """The result of a run that was interrupted, from its record."""
    from notebook_executor.errors import UsageError
    from notebook_executor.execution.records import find_record

    if run_id is None:
        return None
    try:
        return find_record(executor.root, run_id, executor.settings.state_dir).read()
    except UsageError:
        return None


def _report(options: RunOptions, result: ExecutionResult) -> None:
    if options.to_stdout and result.notebook is not None:
        _write_stdout(result.notebook)
    if options.as_json:
        write_json(sys.stdout, result)
    elif options.llm is not None:
        Screen(sys.stdout).line(result.for_llm(options.llm))
    else:
        show_result(Screen(sys.stderr if options.to_stdout else sys.stdout), result)


def _write_stdout(notebook: NotebookNode) -> None:
    from notebook_executor.documents.writing import serialise

    write_bytes(sys.stdout, serialise(notebook))
