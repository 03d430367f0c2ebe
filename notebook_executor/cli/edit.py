"""``nbx edit``: change cells of a notebook, by flags or by a batch of edits as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from notebook_executor.cli.batches import read_batch, read_json
from notebook_executor.cli.options import (
    BriefCommand,
    json_option,
    llm_option,
    notebook_argument,
    refuse_together,
)
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write, write_json
from notebook_executor.errors import UsageError
from notebook_executor.text import clip


@click.command(
    cls=BriefCommand,
    epilog="Operations: replace_source, find_replace, insert_before, insert_after, append, delete, "
    "move, set_tags, set_metadata, set_parameter, clear_outputs. Without one, a batch of edits is "
    "read from standard input, or from the file that --edits names.",
)
@notebook_argument
@click.argument("op", metavar="[OPERATION]", required=False)
@click.option("--cell", metavar="CELL", help="The cell: its id, tag:TAG, or its index.")
@click.option("--if-hash", metavar="HASH", help="Refuse when the cell's hash is another.")
@click.option("--source", metavar="TEXT", help='The new source; "-" reads standard input.')
@click.option("--find", metavar="TEXT", help="What find_replace looks for.")
@click.option("--replace", metavar="TEXT", help="What takes its place.")
@click.option("--count", type=click.IntRange(min=0), help="How often it must be there [1]; 0: any.")
@click.option("--type", "cell_type", type=click.Choice(["code", "markdown", "raw"]))
@click.option("--id", metavar="ID", help="The id of a new cell.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="A tag; may be repeated.")
@click.option("--metadata", metavar="JSON", help="An object to merge; null takes a key out.")
@click.option("--before", metavar="CELL", help="Where move puts the cell.")
@click.option("--after", metavar="CELL", help="Where move puts the cell.")
@click.option("--name", metavar="NAME", help="The parameter that set_parameter sets.")
@click.option("--value", metavar="JSON", help="Its new default; what is not JSON is text.")
@click.option("--outputs", type=click.Choice(["stale", "clear", "keep"]), help="Of changed cells.")
@click.option("--edits", metavar="FILE", help="A batch of edits as JSON.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@json_option
@llm_option
def edit(
    notebook: str,
    op: str | None,
    edits: str | None,
    dry_run: bool,
    as_json: bool,
    llm: int | None,
    **fields: Any,
) -> None:
    """Apply one edit, or a batch: all of it, or none, and nothing else in the file changes."""
    refuse_together(json=as_json, llm=llm)
    given = {name: value for name, value in fields.items() if value not in (None, ())}
    if op is None and given:
        raise UsageError(
            "Flags of an edit need an operation",
            hint="nbx edit NOTEBOOK replace_source --cell … --source …",
        )
    batch = _one(op, given) if op is not None else read_batch(edits)
    report = open_executor(None).edit(absolute(notebook), batch, dry_run=dry_run)
    if as_json:
        write_json(sys.stdout, report)
    elif llm is not None:
        write(sys.stdout, clip(str(report), llm - 1) + "\n")
    else:
        Screen(sys.stdout).line(f"{report}")


def _one(op: str, given: dict[str, Any]) -> dict[str, Any]:
    edit = {"op": op.replace("-", "_"), **given}
    if edit.get("source") == "-":
        edit["source"] = sys.stdin.read()
    if edit["op"] == "set_tags":
        edit.setdefault("tags", ())
    if "count" in edit:
        edit["count"] = edit["count"] or None
    if "metadata" in edit:
        edit["metadata"] = read_json(edit["metadata"], "--metadata")
    if "value" in edit:
        edit["value"] = _value(edit["value"])
    return edit


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
