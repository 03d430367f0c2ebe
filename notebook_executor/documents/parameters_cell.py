"""What a notebook can be given: the names, types and defaults of its parameters cell."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from notebook_executor.documents.cells import find_tagged
from notebook_executor.documents.kernel_metadata import is_python
from notebook_executor.documents.parameter_types import (
    declared_type,
    inferred_type,
    or_none,
    restrictions,
)
from notebook_executor.documents.python_source import Assignment, assignments, is_foreign
from notebook_executor.errors import DocumentError
from notebook_executor.models import Record

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TAG = "parameters"
_BOUND_WORDS = {
    "gt": "> {}",
    "ge": ">= {}",
    "lt": "< {}",
    "le": "<= {}",
    "multiple_of": "a multiple of {}",
    "min_length": "at least {} long",
    "max_length": "at most {} long",
    "pattern": "matches {}",
}


class Parameter(Record):
    """One parameter, as the parameters cell declares it."""

    model_config = ConfigDict(ser_json_bytes="base64")

    name: str
    type: str | None = None  # the annotation's text, else the type of the default
    inferred: bool = False  # the type comes from the default
    default: Any = None  # the value when it is a literal, else None
    default_source: str = ""  # its text; empty when there is none
    required: bool = False  # annotated, but without a value
    choices: tuple[Any, ...] = ()  # of Literal
    bounds: dict[str, Any] = Field(default_factory=dict)  # of Annotated: ge, lt, max_length, …
    help: str = ""  # the comment behind it, else the words in Annotated

    @property
    def allowed(self) -> str:
        """The choices, or the bounds, as one would write them; empty where there are none."""
        if self.choices:
            return " | ".join(map(repr, self.choices))
        return ", ".join(_BOUND_WORDS[name].format(value) for name, value in self.bounds.items())


@dataclass(frozen=True, eq=False)
class Parameters(Mapping[str, Parameter]):
    """The parameters of a notebook by name, in the order of the cell.

    Attributes:
        entries: The parameters.
        cell_index: Where the parameters cell is; None when there is none.
        readable: False when the cell is not in Python, so that the names are unknown.
    """

    entries: tuple[Parameter, ...] = ()
    cell_index: int | None = None
    readable: bool = True

    def __getitem__(self, name: str) -> Parameter:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (entry.name for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def model(self) -> type[BaseModel]:
        """A pydantic model that takes these parameters and, where they are readable, no others.

        Declared types are checked without coercion of scalars. A type that follows from a
        default is too, but any number will do for a number.
        """
        config = ConfigDict(
            extra="forbid" if self.readable else "allow",
            protected_namespaces=(),
            validate_by_name=False,
            validate_by_alias=True,
        )
        fields = {
            _field_name(entry.name, position, self): _field(entry)
            for position, entry in enumerate(self.entries)
        }
        model: type[BaseModel] = create_model("Parameters", __config__=config, **fields)
        return model

    def declared(self, names: Iterable[str]) -> Parameters:
        """Those of these names whose type is declared, and does not just follow from a default."""
        wanted = set(names)
        entries = (e for e in self.entries if e.name in wanted and e.type and not e.inferred)
        return Parameters(tuple(entries), self.cell_index, self.readable)

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of ``model()``."""
        schema = self.model().model_json_schema(by_alias=True)
        for described in schema.get("properties", {}).values():
            described.pop("title", None)
        return schema


def _field_name(name: str, position: int, taken: Parameters) -> str:
    """A name that a model's field can have; the parameter's own is its alias then."""
    if not name.startswith("_") and not hasattr(BaseModel, name):
        return name
    substitute = f"field_{position}"
    while substitute in taken:
        substitute += "_"
    return substitute


def _field(entry: Parameter) -> Any:
    kind = (inferred_type if entry.inferred else declared_type)(entry.type or "Any")
    if entry.default_source == "None":
        kind = or_none(kind)
    common: dict[str, Any] = {"alias": entry.name, "description": entry.help or None}
    if entry.required:
        return kind, Field(**common)
    if _is_json(entry.default) and (entry.default is not None or entry.default_source == "None"):
        return kind, Field(entry.default, **common)
    # Neither an expression nor a value that JSON lacks can be shown as the schema's default.
    return kind, Field(default_factory=lambda: entry.default, **common)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def read_parameters(nb: NotebookNode) -> Parameters:
    """The parameters that the first cell tagged ``parameters`` declares.

    Raises:
        DocumentError: The cell is not valid Python; ``details`` name the cell and the line.
    """
    index = find_tagged(nb, _TAG)
    if index is None:
        return Parameters()
    cell = nb.cells[index]
    if cell.cell_type != "code":
        return Parameters(cell_index=index)
    if not is_python(nb) or is_foreign(cell.source):
        return Parameters(cell_index=index, readable=False)
    found = _assignments(cell.source, index)
    return Parameters(tuple(map(_parameter, found)), cell_index=index)


def _assignments(source: str, index: int) -> list[Assignment]:
    try:
        return assignments(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        line = exc.lineno if isinstance(exc, SyntaxError) else None
        problem = exc.msg if isinstance(exc, SyntaxError) else str(exc) or "nested too deeply"
        raise DocumentError(
            f"The parameters cell, cells[{index}]{f', line {line}' if line else ''}: {problem}",
            hint="Correct the cell: its names cannot be known before it is valid Python.",
            kind="invalid_notebook",
            place=f"cells[{index}]",
            cell_index=index,
            line=line,
        ) from exc


def _parameter(assignment: Assignment) -> Parameter:
    default = _literal(assignment.value)
    annotation = assignment.annotation or None
    said = restrictions(annotation or "")
    return Parameter(
        name=assignment.name,
        type=annotation or (type(default).__name__ if default is not None else None),
        inferred=annotation is None and default is not None,
        default=default,
        default_source=assignment.value_source,
        required=not assignment.value_source,
        choices=said.choices,
        bounds=said.bounds,
        help=assignment.comment or said.help,
    )


def _literal(value: ast.expr | None) -> Any:
    """The value of an expression that is one, else None."""
    if value is None or any(
        isinstance(node, ast.Constant) and node.value is Ellipsis for node in ast.walk(value)
    ):
        return None
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
