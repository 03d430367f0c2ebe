"""``nbx schedule check``: what is wrong with files of entries, before anything is due."""

from __future__ import annotations

import sys

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.schedule_options import Project, paths_argument, problem_line
from notebook_executor.cli.screen import Screen, write_json


@click.command(epilog="Exit code 2 when something is wrong.")
@paths_argument
@root_option
@json_option
def check(paths: tuple[str, ...], root: str | None, as_json: bool) -> ExitCode:
    """Check entries, and what they refer to: notebooks, parameters, templates, kernels, places.

    Nothing is run. PATHs are files of entries and folders of them [default: schedules].
    """
    from notebook_executor.schedule.checking import check_entries
    from notebook_executor.schedule.loading import load_entries

    project = Project.of(root)
    loaded = load_entries(project.paths(paths))
    problems = check_entries(loaded, project.root)
    if as_json:
        names = [entry.name for entry in loaded.entries]
        report = {"ok": not problems, "entries": names, "files": loaded.files, "problems": problems}
        write_json(sys.stdout, report)
    else:
        screen = Screen(sys.stdout)
        for problem in problems:
            screen.line(problem_line(problem), "bad")
            if problem.hint:
                screen.line(f"  hint: {problem.hint}")
        screen.line(_summary(len(loaded.entries), len(loaded.files), len(problems)))
    return ExitCode.USAGE if problems else ExitCode.SUCCESS


def _summary(entries: int, files: int, problems: int) -> str:
    found = f"{_counted(entries, 'valid entry', 'valid entries')} in {_counted(files, 'file')}"
    return f"{found}, {_counted(problems, 'problem')}" if problems else f"{found}, nothing wrong"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"
