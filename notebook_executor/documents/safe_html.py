"""HTML of outputs, reduced to what only shows something: no script, no style, no request."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

_TAGS = frozenset(
    [
        *("a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup"),
        *("dd", "del", "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1"),
        *("h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol"),
        *("p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup"),
        *("table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var"),
        *("wbr"),
    ]
)
_VOID = frozenset(("br", "col", "hr", "img", "wbr"))
# What these hold is not for reading.
_DROPPED = frozenset(
    [
        *("script", "style", "template", "noscript", "iframe", "object", "embed", "applet"),
        *("svg", "math", "title", "head", "textarea", "select", "option", "button", "form"),
    ]
)
_ATTRIBUTES = frozenset(("align", "alt", "colspan", "height", "rowspan", "title", "width"))
# Other forms of images, SVG among them, can hold more than an image.
_IMAGES = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))


def sanitised(html: str) -> str:
    """The HTML with known tags and harmless attributes only, each tag closed in its place."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.result()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._dropped: list[str] = []

    def result(self) -> str:
        return "".join([*self._parts, *(f"</{tag}>" for tag in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self._dropped.append(tag)
        elif not self._dropped and tag in _TAGS:
            self._parts.append(f"<{tag}{_attributes(tag, attrs)}>")
            if tag not in _VOID:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # To a browser "<script/>" begins a script all the same; "<br/>" is "<br>".
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._dropped:
            if tag in self._dropped:
                del self._dropped[self._dropped.index(tag) :]
        elif tag in self._open:
            while self._open:
                closed = self._open.pop()
                self._parts.append(f"</{closed}>")
                if closed == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self._dropped:
            self._parts.append(escape(data))


def _attributes(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    kept = [(name, value or "") for name, value in attrs if name in _ATTRIBUTES]
    if tag == "img":
        kept += [
            (name, value)
            for name, value in attrs
            if name == "src" and value is not None and value.startswith(_IMAGES)
        ]
    return "".join(f' {name}="{escape(value)}"' for name, value in kept)
