"""``nbx run --grid``: a notebook at many points."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.progress import View, view_for
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.text import clip, one_line

if TYPE_CHECKING:
    from notebook_executor.cli.run_options import RunOptions
    from notebook_executor.execution.request import RunRequest
    from notebook_executor.executor import NotebookExecutor
    from notebook_executor.models import ExecutionResult
    from notebook_executor.sweeps.sweep import Sweep

_RANGE = re.compile(r"(-?\d+):(-?\d+)(?::([1-9]\d*))?")
_TITLE = 80
_MOST = 100_000


def run_grid(options: RunOptions, executor: NotebookExecutor, request: RunRequest) -> ExitCode:
    """Run the sweep that the command line asks for, and show it."""
    from notebook_executor.sweeps.points import make_points

    points = make_points(parse_grid(options.grid), None)
    view = view_for(options.progress_bar, brief=options.brief)
    sweep = executor.run_many(
        request, points, max_workers=options.jobs, stop_on_error=options.stop_on_error
    )
    try:
        with view or nullcontext():
            _follow(sweep, view, as_json=options.as_json)
    except BaseException as error:
        sweep.cancel(f"nbx was stopped ({type(error).__name__})")
        raise
    finally:
        _report(sweep, options)
    return ExitCode.SUCCESS if sweep.ok else ExitCode.NOTEBOOK_FAILED


def parse_grid(given: tuple[str, ...]) -> dict[str, list[Any]]:
    """The values of each name, from ``NAME=VALUES``.

    Raises:
        click.BadParameter: One of them is not of this form, or a name comes twice.
    """
    grid: dict[str, list[Any]] = {}
    for pair in given:
        name, equals, values = pair.partition("=")
        if not (name and equals and values):
            raise _bad(f"{pair!r} is not NAME=VALUES.")
        if name in grid:
            raise _bad(f"{name!r} is given twice.")
        grid[name] = _list_of(values) if values.startswith("[") else _values(values)
    return grid


def _list_of(text: str) -> list[Any]:
    from notebook_executor.errors import ParameterError
    from notebook_executor.execution.parameter_sources import gather_parameters

    try:
        values = gather_parameters(documents=[f"values: {text}"])["values"]
    except ParameterError as error:
        raise _bad(f"{text!r} is not a list in YAML.") from error
    if not isinstance(values, list) or not values:
        raise _bad(f"{text!r} is not a list of values.")
    return values


def _values(text: str) -> list[Any]:
    from notebook_executor.execution.parameter_sources import resolve

    found: list[Any] = []
    for part in text.split(","):
        numbers = _RANGE.fullmatch(part)
        found.extend(_range(part, numbers) if numbers else [resolve(part)])
    return found


def _range(text: str, numbers: re.Match[str]) -> range:
    """Whole numbers from the first to the last one, both included."""
    values = range(int(numbers[1]), int(numbers[2]) + 1, int(numbers[3] or 1))
    if not 0 < len(values[: _MOST + 1]) <= _MOST:
        raise _bad(f"{text!r} is a range of no values, or of more than {_MOST:,}.")
    return values


def _bad(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="--grid")


def _follow(sweep: Sweep, view: View | None, *, as_json: bool) -> None:
    """Show each point as it is done; as JSON a line each, on standard output."""
    if view is not None:
        view.started(len(sweep))
        view.cell_started(0, "starting")
    for number, result in enumerate(sweep, 1):
        if as_json:
            write_json(sys.stdout, result)
        if view is not None:
            status = result.error.kind if result.error else "ok"
            title = _title(result)
            view.cell_finished(number, title, status, result.duration_seconds)
            view.cell_started(number, title)


def _title(result: ExecutionResult) -> str:
    return one_line(
        " ".join(f"{name}={value}" for name, value in result.parameters.items()), _TITLE
    )


def _report(sweep: Sweep, options: RunOptions) -> None:
    if options.as_json:
        return
    screen = Screen(sys.stdout)
    if options.llm is not None:
        screen.line(clip(str(sweep), options.llm))
        return
    screen.line(sweep.summary(), "strong")
    screen.table(*sweep.table())
    failed = next((result for result in sweep.results if result.error), None)
    if failed is not None and failed.error is not None:
        screen.line(f"the first failure: {failed.error.message}", "bad")
        screen.line(f"hint: {failed.error.hint}")
