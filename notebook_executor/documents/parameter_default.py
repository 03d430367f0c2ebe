"""Another default in a parameters cell, and nothing else in it changed."""

from __future__ import annotations

import ast
import difflib
import json
import re
from typing import Any

from notebook_executor.documents.python_source import (
    Assignment,
    assignments,
    is_foreign,
    parse_cell,
)
from notebook_executor.errors import DocumentError, ParameterError

_LINE_END = re.compile(r"\r\n|\r|\n")


def with_default(source: str, name: str, value: Any, language: str) -> str:
    """The source of a parameters cell in which one parameter has another default.

    Args:
        source: The cell's.
        name: A parameter that it declares.
        value: Anything that JSON has.
        language: The notebook's.

    Raises:
        ParameterError: The cell does not declare it, or not with a value of its own.
        DocumentError: The cell is not in Python, or not valid.
    """
    declared = _declared(source, language)
    if name not in declared:
        close = difflib.get_close_matches(name, declared, n=1)
        known = f"It declares {', '.join(declared) or 'none'}."
        raise ParameterError(
            f"the parameters cell declares no {name!r}",
            hint=f"Did you mean {close[0]}?" if close else known,
            kind="invalid_parameters",
            parameter=name,
        )
    place = _value_place(source, declared[name])
    if place is not None:
        start, end = place
        return source[:start] + _literal(value, source[start:end]) + source[end:]
    end = _annotation_end(source, name)
    return f"{source[:end]} = {_literal(value, '')}{source[end:]}"


def _declared(source: str, language: str) -> dict[str, Assignment]:
    if not (language or "python").lower().startswith("python") or is_foreign(source):
        raise DocumentError(
            "the parameters cell is not in Python",
            hint="Use replace_source.",
            kind="invalid_edit",
        )
    try:
        return {found.name: found for found in assignments(source)}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise DocumentError(
            f"the parameters cell is not valid Python: {exc}",
            hint="Correct it with replace_source.",
            kind="invalid_edit",
        ) from exc


def _value_place(source: str, declared: Assignment) -> tuple[int, int] | None:
    """From where to where its value stands; None where it has none yet."""
    value = declared.value
    if value is not None:
        return (
            _offset(source, value.lineno, value.col_offset),
            _offset(source, value.end_lineno or 0, value.end_col_offset or 0),
        )
    if declared.value_source:
        raise ParameterError(
            f"{declared.name!r} shares the value {declared.value_source:.80} with other names",
            hint="Use replace_source.",
            kind="invalid_parameters",
            parameter=declared.name,
        )
    return None


def _annotation_end(source: str, name: str) -> int:
    statements = [
        statement
        for statement in parse_cell(source).tree.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and statement.target.id == name
    ]
    last = statements[-1]
    return _offset(source, last.end_lineno or 0, last.end_col_offset or 0)


def _offset(source: str, line: int, column: int) -> int:
    """The index of a place that ``ast`` gives as a line and a number of UTF-8 bytes in it."""
    starts = [0, *(end.end() for end in _LINE_END.finditer(source))]
    start = starts[line - 1]
    before = source[start:].encode("utf-8", "surrogatepass")[:column]
    return start + len(before.decode("utf-8", "surrogatepass"))


def _literal(value: Any, like: str) -> str:
    """Python for a value, with the quotes of what it replaces."""
    if isinstance(value, str) and like.startswith('"'):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
