"""What a notebook must look like to be usable, and the gaps that are filled silently.

Jupyter opens far more than the schema allows: unknown fields, a kernelspec without a display
name, an output without metadata. So do we. What is refused here is what papermill, nbclient or
nbdime would stumble over later, without saying where.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from notebook_executor.errors import DocumentError
from notebook_executor.text import one_line

CURRENT_MINOR = 5
_CELL_TYPES = ("code", "markdown", "raw")
_OUTPUT_FIELDS: dict[str, dict[str, type]] = {
    "stream": {"name": str, "text": str},
    "display_data": {"data": dict, "metadata": dict},
    "execute_result": {"data": dict, "metadata": dict},
    "error": {"ename": str, "evalue": str, "traceback": list},
}
_JSON_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def json_name(value: object) -> str:
    """What a value is called in JSON, with its article."""
    names = (name for cls, name in _JSON_NAMES.items() if isinstance(value, cls))
    return next(names, f"a {type(value).__name__}")


def place_of(path: Iterable[str | int]) -> str:
    """A path into a notebook as one would write it: ``cells[3].outputs[0].data["text/plain"]``."""
    place = ""
    for step in path:
        if isinstance(step, str) and step.isidentifier():
            place += f".{step}" if place else step
        else:
            place += f'["{step}"]' if isinstance(step, str) else f"[{step}]"
    return place


def invalid(name: str, problem: str, *, hint: str = "", **details: Any) -> DocumentError:
    """The error for a file that is not the notebook it should be."""
    return DocumentError(
        f"{name}: {problem}", hint=hint, kind="invalid_notebook", path=name, **details
    )


def format_version(raw: object, name: str) -> tuple[int, int]:
    """The format's major and minor version, for anything that claims to be a notebook we can read.

    Raises:
        DocumentError: It is not a notebook, or of a version that cannot be read.
    """
    if not isinstance(raw, dict):
        raise invalid(
            name,
            f"not a notebook, but {json_name(raw)}",
            hint="A notebook is a JSON object with cells, metadata and nbformat.",
            code="not_a_notebook",
        )
    if "cells" not in raw and "worksheets" not in raw:
        raise invalid(
            name,
            "not a notebook: it has no cells",
            hint="A notebook is a JSON object with cells, metadata and nbformat.",
            code="not_a_notebook",
        )
    return _number(raw, "nbformat", name), _number(raw, "nbformat_minor", name, default=0)


def _number(raw: dict[str, Any], field: str, name: str, default: int | None = None) -> int:
    value = raw.get(field, default)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    what = f"{json_name(value)} instead of a number" if field in raw else "missing"
    raise invalid(
        name,
        f"{field} is {what}",
        hint='The present format is "nbformat": 4, "nbformat_minor": 5.',
        place=field,
        code="bad_version",
    )


def check_version(major: int, name: str) -> None:
    """Refuse format versions that nbformat cannot bring to version 4."""
    if major > 4:
        raise invalid(
            name,
            f"nbformat {major} is newer than this program knows (4)",
            hint="Save it as nbformat 4, or update nbformat and notebook_executor.",
            place="nbformat",
            code="unsupported_version",
        )
    if major < 2:
        raise invalid(
            name,
            f"nbformat {major} is too old to be read",
            hint="Open and save it with a Jupyter that still reads it.",
            place="nbformat",
            code="unsupported_version",
        )


def repair(raw: dict[str, Any], name: str) -> None:
    """Fill what may be missing in a version 4 notebook, in place; refuse what cannot be used.

    Args:
        raw: A notebook that belongs to the caller alone.
        name: What errors call it.

    Raises:
        DocumentError: A part has the wrong shape; ``details["place"]`` says which.
    """
    _expect(raw.setdefault("metadata", {}), dict, "metadata", name)
    if "cells" not in raw:
        raise invalid(
            name,
            "says nbformat 4, but has worksheets as nbformat 3 had",
            hint='Set "nbformat": 3 to have it upgraded.',
            place="worksheets",
        )
    _expect(raw["cells"], list, "cells", name)
    for index, cell in enumerate(raw["cells"]):
        _repair_cell(cell, f"cells[{index}]", name)


def _repair_cell(cell: Any, place: str, name: str) -> None:
    _expect(cell, dict, place, name)
    _expect_one_of(cell.get("cell_type"), _CELL_TYPES, f"{place}.cell_type", name)
    _expect(cell.setdefault("metadata", {}), dict, f"{place}.metadata", name)
    _expect_strings(cell["metadata"].get("tags", []), f"{place}.metadata.tags", name)
    if "source" not in cell:
        raise invalid(name, f"{place} has no source", place=place)
    _expect(cell["source"], str, f"{place}.source", name)
    _expect(cell.get("attachments", {}), dict, f"{place}.attachments", name)
    for file, bundle in cell.get("attachments", {}).items():
        _expect_bundle(bundle, f'{place}.attachments["{file}"]', name)
    if cell["cell_type"] == "code":
        _repair_code_cell(cell, place, name)
    else:  # what is left where a code cell was made into another one
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _repair_code_cell(cell: dict[str, Any], place: str, name: str) -> None:
    cell.setdefault("execution_count", None)
    _expect(cell.setdefault("outputs", []), list, f"{place}.outputs", name)
    for index, output in enumerate(cell["outputs"]):
        _repair_output(output, f"{place}.outputs[{index}]", name)


def _repair_output(output: Any, place: str, name: str) -> None:
    _expect(output, dict, place, name)
    kind = output.get("output_type")
    _expect_one_of(kind, tuple(_OUTPUT_FIELDS), f"{place}.output_type", name)
    if kind == "execute_result":
        output.setdefault("execution_count", None)
    for field, cls in _OUTPUT_FIELDS[kind].items():
        missing = "stdout" if field == "name" else cls()
        _expect(output.setdefault(field, missing), cls, f"{place}.{field}", name)
    if kind == "error":
        _expect_strings(output["traceback"], f"{place}.traceback", name)
    elif kind != "stream":
        _expect_bundle(output["data"], f"{place}.data", name)


def _expect_bundle(value: Any, place: str, name: str) -> None:
    _expect(value, dict, place, name)
    for mime, content in value.items():
        if mime.startswith("text/"):
            _expect(content, str, f'{place}["{mime}"]', name)


def _expect(value: Any, cls: type, place: str, name: str) -> None:
    lines = cls is str and isinstance(value, list) and all(isinstance(line, str) for line in value)
    if isinstance(value, cls) or lines:
        return
    wanted = "a string or a list of strings" if cls is str else _JSON_NAMES[cls]
    raise invalid(name, f"{place} is {json_name(value)} instead of {wanted}", place=place)


def _expect_one_of(value: Any, allowed: tuple[str, ...], place: str, name: str) -> None:
    if value in allowed:
        return
    what = "missing" if value is None else one_line(repr(value), 60)
    raise invalid(
        name, f"{place} is {what}", hint=f"It must be one of {', '.join(allowed)}.", place=place
    )


def _expect_strings(value: Any, place: str, name: str) -> None:
    _expect(value, list, place, name)
    if not all(isinstance(item, str) for item in value):
        raise invalid(name, f"{place} holds something else than strings", place=place)
