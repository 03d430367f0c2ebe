"""Scraps of other notebooks, shown or recorded anew in this one, as scrapbook's ``reglue`` does."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_runtime.formats import (
    RECORD_MIME,
    SCRAP_MIME,
    Output,
    ScrapError,
    data_output,
    shown_name,
    shown_output,
)

_SHORT = 100
_Held = dict[str, list[Output]]
if TYPE_CHECKING:
    _Path = str | os.PathLike[str]


def reglue(
    notebook: _Path,
    name: str,
    new_name: str | None = None,
    *,
    unattached: bool = False,
) -> None:
    """Show a scrap of an executed notebook here, and record it as a scrap of this one.

    Args:
        notebook: The file.
        name: The scrap there.
        new_name: What it is called here; by default the same.
        unattached: Only show it; of a scrap that shows nothing, its value.

    Raises:
        ScrapError: There is no such scrap, or the file is not a notebook.
    """
    held = _scraps(notebook)
    if name not in held:
        close = difflib.get_close_matches(name, held, n=1)
        known = f"did you mean {close[0]!r}?" if close else f"there are {sorted(held)}"
        raise ScrapError(f"no scrap {name!r} in {os.fspath(notebook)}: {known}", name)
    if unattached:
        _show(held[name])
        return
    for output in held[name]:
        _publish(_renamed(output, new_name or name))


def scraps_report(
    notebooks: _Path | Iterable[_Path],
    names: str | Iterable[str] | None = None,
    *,
    include_data: bool = False,
    headers: bool = True,
) -> None:
    """Show what executed notebooks have to show, each under its name; nothing of it is recorded.

    Args:
        notebooks: One file, or several.
        names: The scraps to show, where a notebook has them; by default all that show something.
        include_data: Also those that show nothing, by their values.
        headers: Whether headings tell notebooks and scraps apart.
    """
    if isinstance(notebooks, (str, os.PathLike)):
        notebooks = [notebooks]
    wanted = None if names is None else {names} if isinstance(names, str) else set(names)
    for notebook in notebooks:
        if headers:
            _publish_heading(3, Path(notebook).stem)
        for name, outputs in _scraps(notebook).items():
            shows = any(map(shown_name, outputs))
            if (shows or include_data) if wanted is None else name in wanted:
                if headers:
                    _publish_heading(4, name)
                _show(outputs)


def _scraps(notebook: _Path) -> _Held:
    """The outputs of each scrap: the last one with its data, and one behind it that shows it."""
    held: _Held = {}
    before = None
    for output in _outputs(notebook):
        shown = shown_name(output)
        for name in [*_named(output)] or ([shown] if shown else []):
            joined = name == before and shown == name and not _named(output)
            held[name] = [*held[name][:1], output] if joined else [output]
            before = name
    return held


def _outputs(notebook: _Path) -> list[Output]:
    try:
        cells = json.loads(Path(notebook).read_text("utf-8-sig"))["cells"]
        return [_whole(output) for cell in cells for output in cell.get("outputs", ())]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScrapError(f"{os.fspath(notebook)} is not a notebook of format 4") from error


def _whole(output: Output) -> Output:
    """An output whose text is not split into lines, as it is in files."""
    data = {
        mime: "".join(value) if isinstance(value, list) and not mime.endswith("json") else value
        for mime, value in (output.get("data") or {}).items()
    }
    return {**output, "data": data}


def _named(output: Output) -> dict[str, tuple[str, Any]]:
    """The data in an output: its encoder and value, by the scrap's name."""
    found: dict[str, tuple[str, Any]] = {}
    for mime, payload in output["data"].items():
        if not isinstance(payload, dict):
            continue
        if mime.startswith(SCRAP_MIME) and {"name", "data", "encoder"} <= set(payload):
            found[payload["name"]] = payload["encoder"], payload["data"]
        elif mime.startswith(RECORD_MIME):
            encoder = mime[len(RECORD_MIME) :]
            found.update({name: (encoder, data) for name, data in payload.items()})
    return found


def _renamed(output: Output, name: str) -> Output:
    metadata = _unmarked(output)
    for encoder, data in _named(output).values():
        attached = data_output(name, encoder, data)
        return {**attached, "metadata": {**metadata, **attached["metadata"]}}
    return shown_output(name, output["data"], metadata)


def _show(outputs: list[Output]) -> None:
    for output in outputs:
        if shown_name(output) or len(outputs) == 1:
            _publish(_unattached(output))


def _unattached(output: Output) -> Output:
    metadata = _unmarked(output)
    preview = metadata.get("nbx", {}).get("preview")
    if preview is not None:
        return {"data": {"text/plain": preview}, "metadata": {}}
    for encoder, data in _named(output).values():
        text = repr(data) if encoder in ("json", "text") else f"a scrap encoded as {encoder}"
        shown = text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
        return {"data": {"text/plain": shown}, "metadata": {}}
    return {"data": output["data"], "metadata": metadata}


def _unmarked(output: Output) -> dict[str, Any]:
    metadata = output.get("metadata") or {}
    return {key: metadata[key] for key in metadata if key not in ("scrapbook", "papermill")}


def _publish_heading(level: int, text: str) -> None:
    _publish({"data": {"text/markdown": f"{'#' * level} {text}"}, "metadata": {}})


def _publish(output: Output) -> None:
    from IPython.display import display

    display(output["data"], metadata=output["metadata"], raw=True)
