"""``nbx params``: what a notebook can be given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.options import json_option, notebook_argument, refuse_together
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write_json

if TYPE_CHECKING:
    from notebook_executor.documents.parameters_cell import Parameters


@click.command()
@notebook_argument
@json_option
@click.option("--schema", is_flag=True, help="Print their JSON Schema.")
def params(notebook: str, as_json: bool, schema: bool) -> None:
    """Show a notebook's parameters: types, defaults, choices, bounds, help."""
    refuse_together(json=as_json, schema=schema)
    found = open_executor(None).inspect_parameters(absolute(notebook))
    if schema:
        write_json(sys.stdout, found.json_schema())
    elif as_json:
        entries = {name: entry.model_dump(mode="json") for name, entry in found.items()}
        write_json(sys.stdout, entries)
    else:
        show_parameters(Screen(sys.stdout), found)


def show_parameters(screen: Screen, parameters: Parameters) -> None:
    if parameters.cell_index is None:
        screen.line("The notebook has no cell tagged 'parameters': it takes none.")
    elif not parameters.readable:
        screen.line("The parameters cell is not in Python: it may take any names.")
    elif not parameters:
        screen.line("The parameters cell declares none.")
    else:
        rows = [
            [
                entry.name,
                entry.type or "?",
                "required" if entry.required else entry.default_source,
                entry.allowed,
                entry.help,
            ]
            for entry in parameters.values()
        ]
        columns = ["name", "type", "default", "allowed", "help"]
        kept = [i for i, name in enumerate(columns) if name != "allowed" or any(r[i] for r in rows)]
        screen.table([columns[i] for i in kept], [[row[i] for i in kept] for row in rows])
