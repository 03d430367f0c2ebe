"""What an output holds that is not JSON: its kind, and what can be said of it cheaply."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, replace
from typing import Any, Literal

from notebook_executor.bundles import whole_text, words_of
from notebook_executor.references import Payload
from notebook_executor.scraps.shapes import image_shape, parquet_shape
from notebook_executor.text import clip, plain

_PREVIEW_LIMIT = 200
# The first that a display offers is its image.
_IMAGES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
}
# How base64 begins of what begins with PAR1, and with ARROW1.
_PARQUET, _ARROW_FILE = "UEFSM", "QVJST1"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value that JSON cannot hold, not decoded.

    Attributes:
        shape: Of a table rows and columns, of an image height and width; None if not known.
    """

    kind: Literal["dataframe", "array", "image", "display"]
    payload: Payload
    shape: list[int] | None
    preview: str

    def previewed(self, preview: str) -> Encoded:
        return replace(self, preview=preview)

    def reference(self) -> dict[str, Any]:
        """What stands in its place in JSON, as long as it is in no file."""
        preview = clip(self.preview, _PREVIEW_LIMIT)
        return {"$scrap": self.kind, "path": None, "shape": self.shape, "preview": preview}


def of_encoder(encoder: str, data: Any, about: dict[str, Any]) -> Encoded:
    """What one of scrapbook's encoders made, or somebody else's.

    Args:
        encoder: Its name.
        data: What it made.
        about: What ``hermes_runtime.glue`` says of the value beside it.
    """
    text = data if isinstance(data, str) else json.dumps(data)
    size = f"{len(text):,} characters encoded as {encoder}"
    if encoder in ("pandas", "arrow") and isinstance(data, str):
        return _table(text, about, size)
    payload = Payload(".json", json.dumps(data), base64=False)
    return Encoded("display", payload, _shape(about), _preview(about) or size)


def _table(text: str, about: dict[str, Any], size: str) -> Encoded:
    parquet = text.startswith(_PARQUET)
    payload = Payload(".parquet" if parquet else ".arrow", text)
    shape, preview = _shape(about), _preview(about)
    if shape is None and parquet:
        shape, preview = _looked_up(payload)
    return Encoded("dataframe", payload, shape, preview or size)


def _looked_up(payload: Payload) -> tuple[list[int] | None, str]:
    try:
        found = parquet_shape(payload.content())
    except ValueError:
        return None, ""
    return (found[0], f"columns {', '.join(found[1])}") if found else (None, "")


def array(text: str, about: dict[str, Any]) -> Encoded:
    return Encoded("array", Payload(".npy", text), _shape(about), _preview(about))


def image(data: dict[str, Any], preview: str) -> Encoded | None:
    """The image that a MIME bundle holds."""
    mime = next((mime for mime in [*_IMAGES, *data] if mime in data and "image/" in mime), None)
    if mime is None:
        return None
    svg = mime == "image/svg+xml"
    payload = Payload(_IMAGES.get(mime, ".img"), whole_text(data[mime]), base64=not svg)
    return Encoded("image", payload, None if svg else _measured(payload.text), preview or mime)


def display(data: dict[str, Any], preview: str) -> Encoded:
    """What is neither data nor an image: its MIME bundle."""
    bundle = {
        mime: value if mime.endswith("json") else whole_text(value) for mime, value in data.items()
    }
    payload = Payload(".json", json.dumps(bundle), base64=False)
    return Encoded("display", payload, None, preview or ", ".join(bundle))


def _measured(text: str) -> list[int] | None:
    try:
        return image_shape(b64decode(text if text.startswith("/9j/") else text[:64]))
    except ValueError:
        return None


def preview_of(data: dict[str, Any]) -> str:
    """What a MIME bundle says, cut."""
    return clip(plain(words_of(data)), _PREVIEW_LIMIT)


def _preview(about: dict[str, Any]) -> str:
    preview = about.get("preview")
    return plain(preview) if isinstance(preview, str) else ""


def _shape(about: dict[str, Any]) -> list[int] | None:
    shape = about.get("shape")
    listed = isinstance(shape, list) and all(isinstance(length, int) for length in shape)
    return shape if listed else None
