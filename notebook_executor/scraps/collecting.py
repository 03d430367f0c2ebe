"""Reads named outputs from a notebook, without scrapbook's three seconds of import.

The formats are told in ``hermes_runtime.formats``. What JSON cannot hold is not decoded here: a
reference stands in its place, and the payload is handed on beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hermes_runtime.formats import ARRAY_MIME, RECORD_MIME, SCRAP_MIME, VERSION, shown_name
from notebook_executor.bundles import whole_text
from notebook_executor.references import Payload
from notebook_executor.scraps.encoded import (
    Encoded,
    array,
    display,
    image,
    of_encoder,
    preview_of,
)


class CollectedScraps(NamedTuple):
    """The scraps of a notebook.

    Attributes:
        values: By name; what JSON cannot hold is ``{"$scrap", "path", "shape", "preview"}``.
        warnings: One sentence for each scrap that was skipped or may be misread.
        payloads: What the references stand for, by name.
    """

    values: dict[str, Any]
    warnings: tuple[str, ...]
    payloads: dict[str, Payload]


@dataclass(frozen=True, slots=True)
class _Glued:
    """One scrap as one output holds it."""

    name: str
    value: Any  # JSON, or Encoded
    shown: bool = False  # it is only shown: the data, if any, is in the output before
    preview: str = ""


class MalformedScrapError(Exception):
    """What an output holds is not what a scrap is."""


def collect_scraps(nb: Mapping[str, Any]) -> CollectedScraps:
    """All scraps of a notebook; of a name that was glued more than once, the last.

    An output that shows a scrap, right behind the one with its data, leaves the data in place.

    Args:
        nb: A notebook of format 4, as a NotebookNode or as the JSON of its file.
    """
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for index, cell in enumerate(nb["cells"]):
        before: _Glued | None = None
        for number, output in enumerate(cell.get("outputs", ())):
            for glued in _glued(output, index, number, warnings):
                values[glued.name] = _joined(before, glued)
                before = glued
    encoded = {name: value for name, value in values.items() if isinstance(value, Encoded)}
    values.update({name: one.reference() for name, one in encoded.items()})
    payloads = {name: one.payload for name, one in encoded.items()}
    return CollectedScraps(values, tuple(warnings), payloads)


def is_scrap(output: Mapping[str, Any]) -> bool:
    """Whether an output holds or shows a scrap."""
    data, metadata = output.get("data", {}), output.get("metadata", {})
    return "scrapbook" in metadata or any(mime.startswith(SCRAP_MIME) for mime in data)


def _joined(before: _Glued | None, glued: _Glued) -> Any:
    if before is None or before.name != glued.name or before.shown or not glued.shown:
        return glued.value
    if glued.preview and isinstance(before.value, Encoded):
        return before.value.previewed(glued.preview)
    return before.value


def _glued(
    output: dict[str, Any], index: int, number: int, warnings: list[str]
) -> Iterator[_Glued]:
    if output.get("output_type") not in ("display_data", "execute_result"):
        return
    data = output.get("data", {})
    names = []
    for mime, payload in data.items():
        if not mime.startswith((SCRAP_MIME, RECORD_MIME)):
            continue
        place = f"cells[{index}].outputs[{number}]"
        try:
            found = list(_from_mime(mime, payload, place, warnings, _about(output)))
        except MalformedScrapError as problem:
            warnings.append(f"A scrap in {place} was skipped: {problem}.")
            continue
        names += [glued.name for glued in found]
        yield from found
    shown = shown_name(output)
    if shown and shown not in names:
        preview = preview_of(data)
        yield _Glued(shown, _shown(data, _about(output), preview), shown=True, preview=preview)


def _about(output: dict[str, Any]) -> dict[str, Any]:
    """What ``hermes_runtime.glue`` says of a table or an array."""
    about = output.get("metadata", {}).get("nbx")
    return about if isinstance(about, dict) else {}


def _shown(data: dict[str, Any], about: dict[str, Any], preview: str) -> Encoded:
    if ARRAY_MIME in data:
        return array(whole_text(data[ARRAY_MIME]), about)
    return image(data, preview) or display(data, preview)


def _from_mime(
    mime: str, payload: Any, place: str, warnings: list[str], about: dict[str, Any]
) -> Iterator[_Glued]:
    if not isinstance(payload, dict):
        raise MalformedScrapError(f"its payload is a {type(payload).__name__}, not an object")
    if mime.startswith(RECORD_MIME):
        for name, data in payload.items():
            yield _Glued(name, _decoded(data, mime.removeprefix(RECORD_MIME), about))
        return
    name, data, encoder, version = _fields(payload)
    if version > VERSION:
        warnings.append(
            f"Scrap {name!r} in {place} has version {version}, which is newer than {VERSION}, and "
            "may be misread."
        )
    yield _Glued(name, _decoded(data, encoder, about))


def _fields(payload: dict[str, Any]) -> tuple[str, Any, str, int]:
    name, encoder, version = (payload.get(key) for key in ("name", "encoder", "version"))
    if not isinstance(name, str):
        raise MalformedScrapError("it has no name")
    if "data" not in payload:
        raise MalformedScrapError(f"{name!r} has no data")
    if not isinstance(encoder, str):
        raise MalformedScrapError(f"{name!r} names no encoder")
    if not isinstance(version, int):
        raise MalformedScrapError(f"{name!r} has no version")
    return name, payload["data"], encoder, version


def _decoded(data: Any, encoder: str, about: dict[str, Any]) -> Any:
    if encoder == "json":
        return _from_json_text(data) if isinstance(data, str) else data
    if encoder == "text":
        return data if isinstance(data, str) else str(data)
    return of_encoder(encoder, data, about)


def _from_json_text(text: str) -> Any:
    """What scrapbook makes of text under the encoder ``json``: its value, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
