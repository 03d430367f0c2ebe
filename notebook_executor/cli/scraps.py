"""``nbx scraps``: the named outputs of an executed notebook, or of a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.project import absolute, open_executor, shown_path
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.cli.summary import show_scraps

if TYPE_CHECKING:
    from notebook_executor.executor import NotebookExecutor
    from notebook_executor.references import Scraps


@click.command()
@click.argument("notebook_or_run")
@json_option
@click.option("--save", metavar="DIR", help="Write tables, arrays, images and displays there.")
@root_option
def scraps(notebook_or_run: str, as_json: bool, save: str | None, root: str | None) -> None:
    """Show the scraps of an executed notebook, or of a run by its id, a prefix of it, or "last"."""
    found = _scraps(open_executor(root), notebook_or_run)
    if save is not None:
        from notebook_executor.execution.named_outputs import save_scraps

        for path in save_scraps(found, Path(absolute(save))):
            Screen(sys.stderr).line(f"saved {shown_path(str(path))}")
    if as_json:
        write_json(sys.stdout, found)
    elif found:
        show_scraps(Screen(sys.stdout), found)
    else:
        Screen(sys.stderr).line("There are no scraps.")


def _scraps(executor: NotebookExecutor, name: str) -> Scraps:
    if name.endswith(".ipynb") or os.sep in name or Path(name).exists():
        return executor.collect_outputs(absolute(name))
    from notebook_executor.errors import UsageError
    from notebook_executor.execution.records import find_record

    record = find_record(executor.root, name, executor.settings.state_dir)
    result = record.read()
    if result is None:
        raise UsageError(
            f"The run {record.run_id} has no result: it goes on, or it was cut off",
            hint=f"nbx runs show {record.run_id} tells which.",
        )
    return result.scraps
