"""Reads scrapbook's formats from a notebook's outputs, without scrapbook's three seconds of import.

A scrap is a display output. Its data has the MIME type ``application/scrapbook.scrap.ENCODER+json``
and holds ``{"name", "data", "encoder", "version"}``; scraps of papermill before version 1 have
``application/papermill.record+ENCODER`` and hold ``{name: data}``. An output that only shows
something has an ordinary MIME bundle and the scrap's name in ``metadata.scrapbook``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_executor.text import clip, plain

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SCRAP = "application/scrapbook.scrap."
_RECORD = "application/papermill.record+"
_NEWEST_VERSION = 1
_PREVIEW_LIMIT = 200
_KINDS = {"pandas": "dataframe", "arrow": "dataframe", "numpy": "array", "array": "array"}


class CollectedScraps(NamedTuple):
    """The scraps of a notebook.

    Attributes:
        values: By name; what JSON cannot hold is ``{"$scrap", "path", "shape", "preview"}``.
        warnings: One sentence for each scrap that was skipped or may be misread.
    """

    values: dict[str, Any]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Glued:
    """One scrap as one output holds it."""

    name: str
    value: Any
    shown: bool = False  # it is only shown: the data, if any, is in the output before
    preview: str = ""


class _MalformedError(Exception):
    pass


def collect_scraps(nb: NotebookNode) -> CollectedScraps:
    """All scraps of a notebook; of a name that was glued more than once, the last.

    An output that shows a scrap, right behind the one with its data, leaves the data in place.
    """
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for index, cell in enumerate(nb.cells):
        before: _Glued | None = None
        for number, output in enumerate(cell.get("outputs", [])):
            place = f"cells[{index}].outputs[{number}]"
            for glued in _glued(output, place, warnings):
                values[glued.name] = _joined(before, glued)
                before = glued
    return CollectedScraps(values, tuple(warnings))


def _joined(before: _Glued | None, glued: _Glued) -> Any:
    if before is None or before.name != glued.name or before.shown or not glued.shown:
        return glued.value
    if glued.preview and _is_reference(before.value):
        return {**before.value, "preview": glued.preview}
    return before.value


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and "$scrap" in value


def _glued(output: dict[str, Any], place: str, warnings: list[str]) -> Iterator[_Glued]:
    if output.get("output_type") not in ("display_data", "execute_result"):
        return
    data = output.get("data", {})
    names = []
    for mime, payload in data.items():
        try:
            found = list(_from_mime(mime, payload, place, warnings))
        except _MalformedError as problem:
            warnings.append(f"A scrap in {place} was skipped: {problem}.")
            continue
        names += [glued.name for glued in found]
        yield from found
    shown = _shown_name(output.get("metadata", {}))
    if shown and shown not in names:
        preview = _preview(data)
        yield _Glued(shown, _display_reference(data, preview), shown=True, preview=preview)


def _from_mime(mime: str, payload: Any, place: str, warnings: list[str]) -> Iterator[_Glued]:
    if mime.startswith(_RECORD):
        for name, data in _mapping(payload).items():
            yield _Glued(name, _decoded(data, mime.removeprefix(_RECORD)))
    elif mime.startswith(_SCRAP):
        name, data, encoder, version = _fields(_mapping(payload))
        if version > _NEWEST_VERSION:
            warnings.append(
                f"Scrap {name!r} in {place} has version {version}, which is newer than "
                f"{_NEWEST_VERSION}, and may be misread."
            )
        yield _Glued(name, _decoded(data, encoder))


def _mapping(payload: Any) -> dict[str, Any]:
    if isinstance(payload, dict):
        return payload
    raise _MalformedError(f"its payload is a {type(payload).__name__}, not an object")


def _fields(payload: dict[str, Any]) -> tuple[str, Any, str, int]:
    name, encoder, version = (payload.get(key) for key in ("name", "encoder", "version"))
    if not isinstance(name, str):
        raise _MalformedError("it has no name")
    if "data" not in payload:
        raise _MalformedError(f"{name!r} has no data")
    if not isinstance(encoder, str):
        raise _MalformedError(f"{name!r} names no encoder")
    if not isinstance(version, int):
        raise _MalformedError(f"{name!r} has no version")
    return name, payload["data"], encoder, version


def _decoded(data: Any, encoder: str) -> Any:
    if encoder == "json":
        return _from_json_text(data) if isinstance(data, str) else data
    if encoder == "text":
        return data if isinstance(data, str) else str(data)
    size = f"{len(data):,} characters" if isinstance(data, str) else "data"
    return _reference(_KINDS.get(encoder, "display"), f"{size} encoded as {encoder}")


def _from_json_text(text: str) -> Any:
    """What scrapbook makes of text under the encoder ``json``: its value, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _reference(kind: str, preview: str) -> dict[str, Any]:
    preview = clip(preview, _PREVIEW_LIMIT)
    return {"$scrap": kind, "path": None, "shape": None, "preview": preview}


def _display_reference(data: dict[str, Any], preview: str) -> dict[str, Any]:
    is_image = any(mime.startswith("image/") for mime in data)
    return _reference("image" if is_image else "display", preview)


def _shown_name(metadata: dict[str, Any]) -> str | None:
    scrapbook, papermill = metadata.get("scrapbook", {}), metadata.get("papermill", {})
    if isinstance(scrapbook, dict) and scrapbook.get("display"):
        name = scrapbook.get("name")
    else:
        name = papermill.get("name") if isinstance(papermill, dict) else None
    return name if isinstance(name, str) else None


def _preview(data: dict[str, Any]) -> str:
    text = data.get("text/plain", "")
    lines = text if isinstance(text, (str, list)) else []
    return clip(plain("".join(map(str, lines))), _PREVIEW_LIMIT)
