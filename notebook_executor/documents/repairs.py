"""What can be put right in a notebook file without guessing, each change told.

Content is never thrown away: a field that the format does not know stays, and is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from notebook_executor.documents.cells import assign_ids
from notebook_executor.documents.structure import CURRENT_MINOR
from notebook_executor.models import Record

_OUTPUT_FIELDS: dict[str, dict[str, Any]] = {
    "stream": {"name": "stdout", "text": ""},
    "display_data": {"data": {}, "metadata": {}},
    "execute_result": {"data": {}, "execution_count": None, "metadata": {}},
    "error": {"ename": "", "evalue": "", "traceback": []},
}


class Repair(Record):
    """One change that was made to a file."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def repair_notebook(raw: dict[str, Any]) -> Iterator[Repair]:
    """Put right what can be, in place, and tell each change as it is made.

    Args:
        raw: A notebook of nbformat 4 as its file has it, of whatever shape; it belongs to the
            caller.
    """
    yield from _filled(raw, {"metadata": {}, "nbformat_minor": CURRENT_MINOR}, "notebook")
    if isinstance(raw["metadata"], dict):
        yield from _repair_kernelspec(raw["metadata"])
    cells = raw.get("cells")
    if isinstance(cells, list):
        for index, cell in enumerate(cells):
            if isinstance(cell, dict):
                yield from _repair_cell(cell, f"cells[{index}]")
        if all(isinstance(cell, dict) for cell in cells):
            yield from _repair_ids(raw, cells)
    yield from _without_non_finite(raw, "")


def _filled(part: dict[str, Any], fields: dict[str, Any], place: str) -> Iterator[Repair]:
    missing = {name: value for name, value in fields.items() if name not in part}
    for name, value in missing.items():
        part[name] = value.copy() if isinstance(value, dict | list) else value
        yield Repair(place=place, message=f"{name} was missing")


def _repair_kernelspec(metadata: dict[str, Any]) -> Iterator[Repair]:
    kernelspec = metadata.get("kernelspec")
    if isinstance(kernelspec, dict) and isinstance(kernelspec.get("name"), str):
        names = {"display_name": kernelspec["name"]}
        yield from _filled(kernelspec, names, "metadata.kernelspec")


def _repair_cell(cell: dict[str, Any], place: str) -> Iterator[Repair]:
    code = cell.get("cell_type") == "code"
    fields: dict[str, Any] = {"metadata": {}, "source": ""}
    if code:
        fields |= {"execution_count": None, "outputs": []}
    yield from _filled(cell, fields, place)
    yield from _repair_tags(cell, place)
    if cell.get("cell_type") in ("markdown", "raw"):
        for name in ("outputs", "execution_count"):
            if name in cell and not cell[name]:
                del cell[name]
                yield Repair(place=place, message=f"{name}, which was empty, is for code cells")
    outputs = cell.get("outputs")
    if code and isinstance(outputs, list):
        for number, output in enumerate(outputs):
            if isinstance(output, dict):
                fields = _OUTPUT_FIELDS.get(str(output.get("output_type")), {})
                yield from _filled(output, fields, f"{place}.outputs[{number}]")


def _repair_tags(cell: dict[str, Any], place: str) -> Iterator[Repair]:
    metadata = cell["metadata"]
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if isinstance(tags, str):
        metadata["tags"] = tags.replace(",", " ").split()
        yield Repair(place=f"{place}.metadata.tags", message="a list was made of the string")
    elif isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        distinct = list(dict.fromkeys(tags))
        if distinct != tags:
            metadata["tags"] = distinct
            yield Repair(place=f"{place}.metadata.tags", message="a tag was there twice")


def _repair_ids(raw: dict[str, Any], cells: list[dict[str, Any]]) -> Iterator[Repair]:
    minor = raw["nbformat_minor"]
    if not isinstance(minor, int):
        return
    with_ids = [cell for cell in cells if "id" in cell]
    if minor < CURRENT_MINOR and with_ids:
        raw["nbformat_minor"] = minor = CURRENT_MINOR
        yield Repair(
            place="nbformat_minor", message=f"cells have ids, so the format is 4.{CURRENT_MINOR}"
        )
    if minor < CURRENT_MINOR or not all(isinstance(c.get("cell_type"), str) for c in cells):
        return
    before = [cell.get("id") for cell in cells]
    assign_ids(cells)
    for index, (cell, old) in enumerate(zip(cells, before, strict=True)):
        if cell["id"] == old:
            continue
        why = "missing" if old is None else "not unique" if old in before[:index] else "not valid"
        yield Repair(place=f"cells[{index}].id", message=f"it was {why}; now {cell['id']}")


def _without_non_finite(value: Any, place: str) -> Iterator[Repair]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        inner = f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}".lstrip(".")
        if isinstance(item, float) and not math.isfinite(item):
            value[key] = None
            yield Repair(place=inner, message="null instead of a number that is not finite")
        elif isinstance(item, dict | list):
            yield from _without_non_finite(item, inner)
