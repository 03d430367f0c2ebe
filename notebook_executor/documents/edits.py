"""Edits as data: what can be asked of a notebook's cells, and the JSON of it.

``docs/edits.schema.json`` is made from these models.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    JsonValue,
    StrictInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from notebook_executor.errors import UsageError
from notebook_executor.models import Record

Address = Annotated[
    str | StrictInt,
    Field(description="A cell's id, else tag:NAME, else an index; as it is before the batch."),
]
Outputs = Annotated[
    Literal["stale", "clear", "keep"],
    Field(description="What becomes of the outputs of a code cell whose source changes."),
]
_HASH = Field(None, description="The cell's hash as the editor saw it; refused if it is another.")
_WRITTEN = Field(None, description="JSON as it stood in the file, in the edits of a report.")


class OfCell(Record):
    """An edit of one cell."""

    cell: Address
    if_hash: str | None = _HASH


class NewCell(Record):
    """A cell that is to be."""

    source: str = ""
    cell_type: Literal["code", "markdown", "raw"] = "code"
    id: str | None = Field(None, pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    tags: tuple[str, ...] = ()
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    written: str | None = _WRITTEN


class ReplaceSource(OfCell):
    """Give a cell another source."""

    op: Literal["replace_source"] = "replace_source"
    source: str
    outputs: Outputs = "stale"


class FindReplace(Record):
    """Replace a text in the source of a cell, or of all cells."""

    op: Literal["find_replace"] = "find_replace"
    cell: Address | None = None  # None: all cells
    if_hash: str | None = _HASH
    find: str = Field(min_length=1)
    replace: str
    count: int | None = Field(1, ge=1, description="How often it must be there; null: any number.")
    outputs: Outputs = "stale"


class InsertBefore(OfCell, NewCell):
    """Put a new cell before one that is there."""

    op: Literal["insert_before"] = "insert_before"


class InsertAfter(OfCell, NewCell):
    """Put a new cell behind one that is there."""

    op: Literal["insert_after"] = "insert_after"


class Append(NewCell):
    """Put a new cell at the end."""

    op: Literal["append"] = "append"


class Delete(OfCell):
    """Take a cell out."""

    op: Literal["delete"] = "delete"


class Move(OfCell):
    """Put a cell before or behind another one."""

    op: Literal["move"] = "move"
    before: Address | None = None
    after: Address | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Move:
        if (self.before is None) == (self.after is None):
            raise ValueError("give either before or after")
        return self


class SetTags(OfCell):
    """Give a cell these tags, and no others."""

    op: Literal["set_tags"] = "set_tags"
    tags: tuple[str, ...]


class SetMetadata(Record):
    """Merge values into the metadata of a cell, or of the notebook; null takes a key out."""

    op: Literal["set_metadata"] = "set_metadata"
    cell: Address | None = None  # None: the notebook's
    if_hash: str | None = _HASH
    metadata: dict[str, JsonValue]


class SetParameter(Record):
    """Give a parameter another default, in the parameters cell."""

    op: Literal["set_parameter"] = "set_parameter"
    name: str
    value: JsonValue
    if_hash: str | None = _HASH
    outputs: Outputs = "stale"


class ClearOutputs(Record):
    """Take the outputs and the execution count out of a code cell, or of all."""

    op: Literal["clear_outputs"] = "clear_outputs"
    cell: Address | None = None  # None: all code cells
    if_hash: str | None = _HASH


class Restore(Record):
    """Put back what stood in the file, in a cell or in the notebook.

    Attributes:
        written: The JSON as it stood there, by field; null for a field that was not there. Of the
            notebook, the metadata alone.
        if_written: The hash of all of the cell's JSON, or of the metadata's, as it must be now.
    """

    op: Literal["restore"] = "restore"
    cell: Address | None = None  # None: the notebook
    written: dict[str, str | None]
    if_written: str | None = None


Edit = Annotated[
    ReplaceSource
    | FindReplace
    | InsertBefore
    | InsertAfter
    | Append
    | Delete
    | Move
    | SetTags
    | SetMetadata
    | SetParameter
    | ClearOutputs
    | Restore,
    Field(discriminator="op"),
]
_ADAPTER: TypeAdapter[tuple[Edit, ...]] = TypeAdapter(tuple[Edit, ...])
OPS: tuple[str, ...] = tuple(
    model.model_fields["op"].default for model in get_args(get_args(Edit)[0])
)


def edits_schema() -> dict[str, Any]:
    """The JSON Schema of a batch."""
    return _ADAPTER.json_schema()


def parse_edits(given: object) -> tuple[Edit, ...]:
    """The edits that a caller means: one, several, or an object whose ``edits`` they are.

    Raises:
        UsageError: One of them is not an edit; ``details["place"]`` says where.
    """
    if isinstance(given, Mapping) and not isinstance(given, Record) and "edits" in given:
        given = given["edits"]
    batch = [given] if isinstance(given, Mapping) else given
    if isinstance(batch, str | bytes) or not isinstance(batch, Iterable):
        raise UsageError(
            f"edits are objects, not {type(given).__name__}",
            hint='An edit is {"op": "replace_source", "cell": "…", "source": "…"}, a batch a list.',
        )
    try:
        return _ADAPTER.validate_python(tuple(batch))
    except ValidationError as error:
        raise _refused(error) from error


def _refused(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    number, *rest = first["loc"]
    # Below a union, the location names the operation too.
    field = [str(step) for step in rest if step not in OPS]
    place = ".".join([f"edits[{number}]", *field])
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _no_operation(place, first.get("input"))
    message = first["msg"].removeprefix("Value error, ")
    return UsageError(
        f"{place}: {message[0].lower()}{message[1:]}",
        hint="docs/edits.schema.json has the fields of each operation.",
        place=place,
    )


def _no_operation(place: str, given: object) -> UsageError:
    op = given.get("op") if isinstance(given, Mapping) else None
    close = difflib.get_close_matches(str(op), OPS, n=1)
    what = "there is no op" if op is None else f"{op!r} is no operation"
    return UsageError(
        f"{place}: {what}",
        hint=f"Did you mean {close[0]}?" if close else f"Operations are {', '.join(OPS)}.",
        place=place,
    )
