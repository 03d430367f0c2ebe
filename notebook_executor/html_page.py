"""The frame of every page that we write: nothing on it runs, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib import resources

from notebook_executor.text import storable

# Whatever a notebook managed to bring along, a browser is told to run and load nothing.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)


def html_page(title: str, body: Iterable[str], *styles: str) -> str:
    """A page that needs no other file.

    Args:
        title: What the browser's tab says; text.
        body: The parts of what is shown; HTML.
        styles: Style sheets beyond the one that all pages share.
    """
    style = "\n".join([style_of(__package__, "html_page.css"), *styles])
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head><body>\n",
        *body,
        "</body></html>\n",
    ]
    text: str = storable("".join(parts))
    return text


def style_of(package: str, name: str) -> str:
    """A style sheet that lies beside the modules of a package."""
    return resources.files(package).joinpath(name).read_text("utf-8")
