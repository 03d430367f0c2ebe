"""How scraps lie in a notebook: what those who write them and those who read them agree on.

scrapbook's formats: data lies in an output under ``application/scrapbook.scrap.ENCODER+json``, as
``{"name", "data", "encoder", "version"}``; an output that shows something has an ordinary MIME
bundle, and the scrap's name in ``metadata.scrapbook``. papermill before version 1 wrote
``application/papermill.record+ENCODER`` with ``{name: data}``, and ``metadata.papermill.name``.

Ours, where scrapbook has none and its reader must not stumble: an array is an output that shows
something, with ``application/vnd.nbx.npy`` in its bundle. ``metadata.nbx`` says what a table or an
array is like (``shape``, ``preview``), for readers that do not decode it.
"""

from __future__ import annotations

from typing import Any

SCRAP_MIME = "application/scrapbook.scrap."
RECORD_MIME = "application/papermill.record+"
ARRAY_MIME = "application/vnd.nbx.npy"
VERSION = 1

Output = dict[str, Any]


class ScrapError(ValueError, TypeError):
    """A value that cannot be recorded, or a scrap that is not there; the message names it.

    Attributes:
        scrap: The scrap's name.
        place: Where in the value the culprit lies, as in ``['a'][0]``; empty for the whole.
    """

    def __init__(self, message: str, scrap: str = "", place: str = "") -> None:
        super().__init__(message)
        self.scrap = scrap
        self.place = place


def data_output(name: str, encoder: str, data: Any) -> Output:
    """The content of an output that holds a scrap's data, and is shown nowhere."""
    payload = {"name": name, "data": data, "encoder": encoder, "version": VERSION}
    return {
        "data": {f"{SCRAP_MIME}{encoder}+json": payload},
        "metadata": {"scrapbook": {"name": name, "data": True, "display": False}},
    }


def shown_output(name: str, data: dict[str, Any], metadata: dict[str, Any]) -> Output:
    """The content of an output that shows a scrap."""
    scrapbook = {"name": name, "data": False, "display": True}
    return {"data": data, "metadata": {**metadata, "scrapbook": scrapbook}}


def shown_name(output: Output) -> str | None:
    """The scrap that an output shows."""
    metadata = output.get("metadata") or {}
    scrapbook, papermill = metadata.get("scrapbook", {}), metadata.get("papermill", {})
    if isinstance(scrapbook, dict) and scrapbook.get("display"):
        name = scrapbook.get("name")
    else:
        name = papermill.get("name") if isinstance(papermill, dict) else None
    return name if isinstance(name, str) else None
