"""Outputs that run code, or load something, in the page that shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.issues import Issue
from notebook_executor.documents.structure import place_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ELEMENTS = {
    *("script", "iframe", "object", "embed", "applet", "base", "frame", "frameset", "form"),
    *("link", "meta", "portal", "foreignobject"),
}
_ADDRESSES = {"href", "src", "xlink:href", "action", "formaction", "data", "poster", "to", "values"}
_SCRIPT_ADDRESS = re.compile(r"(?:javascript:|vbscript:|data:text/html)", re.IGNORECASE)
_BLANK = re.compile(r"[\x00-\x20]+")
_MARKUP = ("text/html", "text/markdown", "image/svg+xml")
_SCRIPTS = ("application/javascript", "text/javascript", "application/ecmascript")


def check_outputs(nb: NotebookNode) -> Iterator[Issue]:
    """Outputs with scripts, event handlers, frames or addresses that are scripts.

    Args:
        nb: A notebook as ``read_notebook`` returns it.
    """
    for index, cell in enumerate(nb.cells):
        for number, output in enumerate(cell.get("outputs", [])):
            for mime, value in output.get("data", {}).items():
                found = _danger(mime, value)
                if found:
                    place = place_of(("cells", index, "outputs", number, "data", mime))
                    yield Issue.of(
                        "unsafe_output", f"it has {found}", cell_index=index, place=place
                    )


def _danger(mime: str, value: Any) -> str:
    """What is dangerous in one representation of an output; empty when nothing is."""
    if mime in _SCRIPTS:
        return "a script"
    if mime not in _MARKUP or not isinstance(value, str):
        return ""
    scanner = _Scanner()
    try:
        scanner.feed(value)
        scanner.close()
    except AssertionError:  # html.parser on some broken declarations
        return "markup that cannot be read"
    return scanner.found


class _Scanner(HTMLParser):
    """Keeps the first dangerous thing that it meets."""

    def __init__(self) -> None:
        super().__init__()
        self.found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.found:
            return
        if tag.rpartition(":")[2] in _ELEMENTS:
            self.found = f"a <{tag}> element"
        for name, value in attrs:
            if name.startswith("on") and len(name) > 2:
                self.found = self.found or f"an event handler, {name[:20]}"
            elif name in _ADDRESSES and _SCRIPT_ADDRESS.match(_BLANK.sub("", value or "")):
                self.found = self.found or "an address that is a script"
            elif name == "srcdoc":
                self.found = self.found or "a page inside of the page"
