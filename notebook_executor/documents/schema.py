"""Where a notebook breaks nbformat's schema, each violation with its place.

``nbformat.validate`` stops at the first violation and gives cells that share an id new, random
ones on the way. This changes nothing and finds all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_executor.documents.structure import json_name, place_of
from notebook_executor.nbformat_loading import load_nbformat
from notebook_executor.text import one_line

if TYPE_CHECKING:
    from nbformat import ValidationError

_MESSAGE_LIMIT = 200
# What the schema lets a value be, where it gives a choice.
_KINDS = {"string": "a string", "array": "a list of strings", "object": "an object"}


class Violation(NamedTuple):
    """One thing that the format forbids."""

    code: str
    message: str
    path: tuple[str | int, ...]

    @property
    def place(self) -> str:
        return place_of(self.path) or "notebook"

    @property
    def cell_index(self) -> int | None:
        index = self.path[1] if len(self.path) > 1 and self.path[0] == "cells" else None
        return index if isinstance(index, int) else None


def violations(nb: dict[str, Any], major: int, minor: int) -> Iterator[Violation]:
    """All violations of the schema of one format version, duplicate cell ids included.

    Args:
        nb: The notebook as the file has it, or in memory.
        major: 3 or 4; there is no schema of older versions.
        minor: The version after the point.
    """
    load_nbformat()
    from nbformat.validator import get_validator

    minor = minor if major == 4 else 0
    # The quick validator names no place, but is 30 times faster on the notebooks that have none.
    if next(iter(get_validator(major, minor).iter_errors(nb)), None) is not None:
        validator = get_validator(major, minor, name="jsonschema")
        for error in validator.iter_errors(nb):
            yield from _refined(validator, error, ())
    yield from _duplicate_ids(nb.get("cells"))


def _refined(
    validator: Any, error: ValidationError, prefix: tuple[str | int, ...]
) -> Iterator[Violation]:
    """What lies behind "not valid under any of the given schemas"."""
    path = (*prefix, *error.absolute_path)
    if error.validator != "oneOf":
        yield Violation(_code(error, path), one_line(error.message, _MESSAGE_LIMIT), path)
        return
    forms = [form["$ref"] for form in error.validator_value if "$ref" in form]
    if not forms:
        kinds = " or ".join(_KINDS[form["type"]] for form in error.validator_value)
        yield Violation("schema", f"{json_name(error.instance)} instead of {kinds}", path)
    elif isinstance(error.instance, dict):  # what is no object breaks "type" beside "oneOf" too
        yield from _refined_form(validator, error, path, forms)


def _refined_form(
    validator: Any, error: ValidationError, path: tuple[str | int, ...], forms: list[str]
) -> Iterator[Violation]:
    is_cell = any(form.endswith("_cell") for form in forms)
    field, suffix = ("cell_type", "_cell") if is_cell else ("output_type", "")
    kind = error.instance.get(field)
    form = f"#/definitions/{kind}{suffix}"
    if form in forms:
        for inner in validator.iter_errors(error.instance, {"$ref": form}):
            yield from _refined(validator, inner, path)
    else:
        known = ", ".join(name.rpartition("/")[2].removesuffix(suffix) for name in forms)
        what = "missing" if kind is None else one_line(repr(kind), 60)
        yield Violation("schema", f"{field} is {what}; it must be one of {known}", path)


def _code(error: ValidationError, path: tuple[str | int, ...]) -> str:
    if error.validator == "required" and error.message.startswith("'id' "):
        return "missing_id"
    return "invalid_id" if path[-1:] == ("id",) and len(path) == 3 else "schema"


def _duplicate_ids(cells: Any) -> Iterator[Violation]:
    first: dict[str, int] = {}
    for index, cell in enumerate(cells if isinstance(cells, list) else []):
        cell_id = cell.get("id") if isinstance(cell, dict) else None
        if not isinstance(cell_id, str):
            continue
        if cell_id in first:
            message = f"the id {cell_id!r} is already that of cells[{first[cell_id]}]"
            yield Violation("duplicate_id", message, ("cells", index, "id"))
        first.setdefault(cell_id, index)
