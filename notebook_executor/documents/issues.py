"""What can be wrong with a notebook: the codes, what they mean, and how bad they are."""

from __future__ import annotations

from typing import Literal, NamedTuple

from notebook_executor.models import Record

Level = Literal["error", "warning"]


class Rule(NamedTuple):
    """What a code stands for."""

    level: Level
    meaning: str
    hint: str = ""


# Codes stay; docs/validation.md explains them.
RULES: dict[str, Rule] = {
    "not_found": Rule("error", "there is no file that can be read"),
    "not_utf8": Rule("error", "the file is not UTF-8 text"),
    "not_json": Rule("error", "the file is not JSON"),
    "not_a_notebook": Rule("error", "the JSON is not a notebook"),
    "bad_version": Rule("error", "the format version is missing or no number"),
    "unsupported_version": Rule("error", "a format version that cannot be read"),
    "invalid_notebook": Rule("error", "a part has a shape that cannot be used"),
    "schema": Rule("error", "the format's schema forbids it"),
    "missing_id": Rule(
        "error", "a cell without id", "Give each cell a unique id, or save the file with Jupyter."
    ),
    "duplicate_id": Rule("error", "two cells have one id", "Give each cell an id of its own."),
    "invalid_id": Rule(
        "error",
        "an id that the format forbids",
        "An id has 1 to 64 letters, digits, hyphens and underscores.",
    ),
    "syntax_error": Rule("error", "a code cell that cannot be compiled", "Correct the cell."),
    "old_format": Rule(
        "warning", "a format before 4, upgraded in memory", "nbx validate --upgrade rewrites it."
    ),
    "byte_order_mark": Rule(
        "warning", "a byte order mark before the JSON", "nbformat and Jupyter stop at it."
    ),
    "not_finite": Rule(
        "warning", "NaN or Infinity, which are not JSON", "Write null; write_notebook does."
    ),
    "undefined_name": Rule(
        "warning",
        "a name that no cell defines by then",
        "It would raise NameError in a fresh kernel.",
    ),
    "unused_parameter": Rule(
        "warning", "a parameter that no cell uses", "Remove it, or use it: its value has no effect."
    ),
    "derived_parameter": Rule(
        "warning",
        "a parameter's default is computed from another parameter",
        "Compute it in a later cell: it keeps its value when the other one is passed.",
    ),
    "parameter_default": Rule(
        "warning", "a default that does not fit its declaration", "Correct one of the two."
    ),
    "parameters_not_code": Rule(
        "warning",
        "the parameters cell is not a code cell",
        "The first cell tagged 'parameters' counts; make it a code cell.",
    ),
    "several_parameters_cells": Rule(
        "warning",
        "more than one cell is tagged 'parameters'",
        "Only the first one counts: take the tag off the others.",
    ),
    "empty_parameters": Rule(
        "warning",
        "the parameters cell declares nothing",
        "Assign defaults at its top level, or take the tag off.",
    ),
    "secret_in_source": Rule(
        "warning",
        "what looks like a secret, in a cell's source",
        "Revoke it, and read it from the environment or a secret parameter instead.",
    ),
    "secret_in_output": Rule(
        "warning",
        "what looks like a secret, in an output or in metadata",
        "Revoke it, and clear the output before the notebook is shared.",
    ),
    "unsafe_output": Rule(
        "warning",
        "an output that runs code where it is shown",
        "Pages that sanitise outputs do not show it: show a table or an image instead.",
    ),
}


class Issue(Record):
    """One thing that is wrong with a notebook file."""

    level: Level
    code: str  # one of RULES
    message: str
    place: str = ""  # like cells[3].outputs[0].data; empty when it is the file as a whole
    cell_index: int | None = None
    line: int | None = None  # 1-based, of the cell's source
    hint: str = ""
    repairable: bool = False  # nbx validate --fix, or --upgrade, does it

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        *,
        cell_index: int | None = None,
        line: int | None = None,
        place: str = "",
    ) -> Issue:
        """The issue that a rule describes; its place is the cell's source where none is named."""
        rule = RULES[code]
        if not place and cell_index is not None:
            place = f"cells[{cell_index}].source"
        return cls(
            level=rule.level,
            code=code,
            message=message,
            place=place,
            cell_index=cell_index,
            line=line,
            hint=rule.hint,
        )

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line else ""
        where = f"{self.place}{line}: " if self.place else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{self.level} {self.code}: {where}{self.message}{advice}"
