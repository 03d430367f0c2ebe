"""A notebook's JSON, byte for byte as nbformat writes it, but always valid and in pieces.

nbformat copies the whole notebook, splits it, and holds its text a third and fourth time as
string and bytes; it writes NaN, which is not JSON, and leaves an empty file when a text holds a
lone surrogate. Here the JSON leaves cell by cell, NaN and infinity become null, and a lone
surrogate becomes the escape that JSON has for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from json.encoder import encode_basestring  # in C where there is one
from typing import Any

from notebook_executor.documents.kept_cells import KeptCells
from notebook_executor.documents.structure import invalid, place_of
from notebook_executor.errors import DocumentError

_SPLIT_MIMES = ("application/javascript", "image/svg+xml")
_TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")

_BLOCK = 65_536  # characters
_FINITE = (str, int, type(None))

Step = str | int
Put = Callable[[str], None]


def chunks(nb: dict[str, Any], kept: KeptCells | None = None) -> Iterator[bytes]:
    """The file of a notebook, in pieces of a cell each.

    Args:
        nb: The notebook.
        kept: Of an earlier writing, for cells that are the same; completed.

    Raises:
        DocumentError: The notebook holds something that JSON has no form for.
    """
    opening = "{\n"
    for key in sorted(nb):
        yield f"{opening} {encode_basestring(key)}: ".encode()
        opening = ",\n"
        if key == "cells" and nb[key]:
            yield from _cell_chunks(nb[key], kept)
        elif key == "metadata":
            yield _encoded(_without(nb[key], _TRANSIENT), 1, (key,))
        else:
            yield _encoded(nb[key], 1, (key,))
    yield b"\n}\n" if nb else b"{}\n"


def _cell_chunks(cells: list[dict[str, Any]], kept: KeptCells | None) -> Iterator[bytes]:
    opening = b"[\n  "
    for index, cell in enumerate(cells):
        yield opening
        text = (kept and kept.get(index)) or cell_text(index, cell, kept)
        if text is None:
            yield from _long_cell_chunks(cell, ("cells", index))
        else:
            yield text
        opening = b",\n  "
    yield b"\n ]"


def cell_text(index: int, cell: dict[str, Any], kept: KeptCells | None) -> bytes | None:
    """What a cell is written as, which is kept too; None where it has to be written in pieces.

    Raises:
        DocumentError: It holds something that JSON has no form for.
    """
    if _has_long_text(cell):
        return None
    text = _encoded(_split_cell(cell), 2, ("cells", index))
    if kept is not None:
        kept.put(index, text)
    return text


def _has_long_text(cell: dict[str, Any]) -> bool:
    outputs = cell.get("outputs") if cell.get("cell_type") == "code" else None
    return bool(outputs) and any(map(_is_long_stream, outputs or ()))


def _is_long_stream(output: dict[str, Any]) -> bool:
    text = output.get("text")
    return output.get("output_type") == "stream" and isinstance(text, str) and len(text) > _BLOCK


def _long_cell_chunks(cell: dict[str, Any], path: tuple[Step, ...]) -> Iterator[bytes]:
    """A cell whose lines are too many to be held all at once beside their text."""
    view = _split_cell({**cell, "outputs": []})
    opening = b"{\n   "
    for key in sorted(view):
        yield opening + _encoded(key, 3, path) + b": "
        if key == "outputs":
            yield from _output_chunks(cell["outputs"], (*path, key))
        else:
            yield _encoded(view[key], 3, (*path, key))
        opening = b",\n   "
    yield b"\n  }"


def _output_chunks(outputs: list[dict[str, Any]], path: tuple[Step, ...]) -> Iterator[bytes]:
    opening = b"[\n    "
    for number, output in enumerate(outputs):
        yield opening
        if _is_long_stream(output):
            yield from _stream_chunks(output, (*path, number))
        else:
            yield _encoded(_split_output(output), 4, (*path, number))
        opening = b",\n    "
    yield b"\n   ]"


def _stream_chunks(output: dict[str, Any], path: tuple[Step, ...]) -> Iterator[bytes]:
    opening = b"{\n     "
    for key in sorted(output):
        yield opening + _encoded(key, 5, path) + b": "
        if key == "text":
            yield from _line_chunks(output[key])
        else:
            yield _encoded(output[key], 5, (*path, key))
        opening = b",\n     "
    yield b"\n    }"


def _line_chunks(text: str) -> Iterator[bytes]:
    """A text as the list of its lines, cut where no line is: behind a newline."""
    separator = ",\n" + " " * 6
    opening, start = "[\n" + " " * 6, 0
    while start < len(text):
        end = text.find("\n", start + _BLOCK) + 1 or len(text)
        lines = map(encode_basestring, text[start:end].splitlines(True))
        yield (opening + separator.join(lines)).encode("utf-8", "backslashreplace")
        opening, start = separator, end
    yield b"\n" + b" " * 5 + b"]"


class _NotJsonError(Exception):
    """A value without a JSON form; ``steps`` leads to it, innermost first."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []


def _encoded(value: Any, level: int, path: tuple[Step, ...]) -> bytes:
    parts: list[str] = []
    try:
        _write(value, level, parts.append)
    except _NotJsonError as exc:
        raise _unwritable((*path, *reversed(exc.steps))) from None
    except RecursionError:
        raise _unwritable(path) from None
    # A lone surrogate can only stand inside a JSON string, where \udXXX is its escape.
    return "".join(parts).encode("utf-8", "backslashreplace")


def _unwritable(path: tuple[Step, ...]) -> DocumentError:
    place = place_of(path)
    return invalid(
        "notebook",
        f"{place} cannot be written as JSON",
        hint="JSON has strings, numbers, booleans, null, lists, and objects with string keys.",
        place=place,
    )


def _write(value: Any, level: int, put: Put) -> None:
    if isinstance(value, str):
        put(encode_basestring(value))
    elif isinstance(value, dict):
        _write_dict(value, level, put)
    elif isinstance(value, (list, tuple)):
        _write_list(value, level, put)
    elif isinstance(value, bytes) and value.isascii():
        put(encode_basestring(value.decode()))
    else:
        put(_scalar(value))


def _write_dict(value: dict[Any, Any], level: int, put: Put) -> None:
    if not value:
        put("{}")
        return
    opening = "{\n" + " " * (level + 1)
    separator = ",\n" + " " * (level + 1)
    for key in _sorted_keys(value):
        put(opening)
        put(encode_basestring(key if isinstance(key, str) else _scalar(key)))
        put(": ")
        try:
            _write(value[key], level + 1, put)
        except _NotJsonError as exc:
            exc.steps.append(str(key))
            raise
        opening = separator
    put("\n" + " " * level + "}")


def _sorted_keys(value: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        raise _NotJsonError from None


def _write_list(value: list[Any] | tuple[Any, ...], level: int, put: Put) -> None:
    if not value:
        put("[]")
        return
    opening = "[\n" + " " * (level + 1)
    separator = ",\n" + " " * (level + 1)
    if set(map(type, value)) == {str}:
        put(opening + separator.join(map(encode_basestring, value)) + "\n" + " " * level + "]")
        return
    for index, item in enumerate(value):
        put(opening)
        try:
            _write(item, level + 1, put)
        except _NotJsonError as exc:
            exc.steps.append(index)
            raise
        opening = separator
    put("\n" + " " * level + "]")


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else "null"
    raise _NotJsonError


def _split_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell with its long texts as lists of lines, sharing all else with the original."""
    view: dict[str, Any] = dict(cell)
    view["metadata"] = _without(cell.get("metadata", {}), ("trusted",))
    if isinstance(cell.get("source"), str):
        view["source"] = cell["source"].splitlines(True)
    if "attachments" in cell:
        view["attachments"] = {k: _split_bundle(v) for k, v in cell["attachments"].items()}
    if cell.get("cell_type") == "code":
        view["outputs"] = [_split_output(output) for output in cell.get("outputs", [])]
    return view


def _split_output(output: dict[str, Any]) -> dict[str, Any]:
    kind = output.get("output_type")
    if kind == "stream" and isinstance(output.get("text"), str):
        return {**output, "text": output["text"].splitlines(True)}
    if kind in ("display_data", "execute_result") and "data" in output:
        return {**output, "data": _split_bundle(output["data"])}
    return output


def _split_bundle(bundle: dict[str, Any]) -> dict[str, Any]:
    return {
        mime: value.splitlines(True)
        if isinstance(value, str) and (mime.startswith("text/") or mime in _SPLIT_MIMES)
        else value
        for mime, value in bundle.items()
    }


def _without(mapping: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    if mapping.keys().isdisjoint(keys):
        return mapping
    return {key: value for key, value in mapping.items() if key not in keys}


def non_finite_places(nb: dict[str, Any]) -> list[str]:
    """Where the notebook holds NaN or infinity, which JSON cannot: the first place of each part.

    A part is an output, a cell without its outputs, or the notebook's metadata.
    """
    found = ((path, _first_non_finite(part)) for path, part in _parts(nb))
    return [place_of((*path, *steps)) for path, steps in found if steps is not None]


def _parts(nb: dict[str, Any]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    yield ("metadata",), nb.get("metadata", {})
    for index, cell in enumerate(nb.get("cells", [])):
        yield ("cells", index), {key: part for key, part in cell.items() if key != "outputs"}
        for number, output in enumerate(cell.get("outputs", [])):
            yield ("cells", index, "outputs", number), output


def _first_non_finite(value: Any) -> tuple[Step, ...] | None:
    if isinstance(value, _FINITE):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else ()
    if isinstance(value, dict):
        items: Iterable[tuple[Step, Any]] = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return None
    for step, item in items:
        steps = _first_non_finite(item)
        if steps is not None:
            return (step, *steps)
    return None
