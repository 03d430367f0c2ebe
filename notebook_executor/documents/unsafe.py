"""Outputs that run code, or load something, in the page that shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
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
_TAG = re.compile(r"<([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?"""
)
_COMMENT_END = re.compile("--!?>")
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
    found = (_in_tag(name, attributes) for name, attributes in _tags(value))
    return next(filter(None, found), "")


def _tags(markup: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The opening tags, with their attributes, as a browser would take them.

    html.parser takes a time that grows with the square of some broken markup's length.
    """
    at = 0
    while (at := markup.find("<", at)) >= 0:
        if markup.startswith("<!--", at):
            end = _COMMENT_END.search(markup, at + 2)
            if end is None:
                return
            at = end.end()
            continue
        tag = _TAG.match(markup, at)
        if tag is None:
            at += 1
            continue
        at = tag.end()
        attributes = []
        while attribute := _ATTRIBUTE.match(markup, at):
            at = attribute.end()
            name, *values = attribute.groups(default="")
            attributes.append((name.lower(), unescape("".join(values))))
        yield tag[1].lower(), attributes


def _in_tag(tag: str, attributes: list[tuple[str, str]]) -> str:
    if tag.rpartition(":")[2] in _ELEMENTS:
        return f"a <{tag}> element"
    for name, value in attributes:
        if name.startswith("on") and len(name) > 2:
            return f"an event handler, {name[:20]}"
        if name in _ADDRESSES and _SCRIPT_ADDRESS.match(_BLANK.sub("", value)):
            return "an address that is a script"
        if name == "srcdoc":
            return "a page inside of the page"
    return ""
