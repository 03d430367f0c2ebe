"""Showing a server in a browser, where there is a desktop."""

from __future__ import annotations

import html
import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from notebook_executor.lifecycle.project.finding import RunningServer
from notebook_executor.lifecycle.project.pid_file import write_atomically
from notebook_executor.lifecycle.project.settings import Project
from notebook_executor.lifecycle.project.telling import address

_PAGE = """<!DOCTYPE html>
<html><head><meta charset="UTF-8"><meta http-equiv="refresh" content="0; url={url}">
<title>{title}</title></head><body><a href="{url}">{title}</a></body></html>
"""


def is_desktop(environment: Mapping[str, str]) -> bool:
    """Whether whoever reads our output sits in front of a screen."""
    if not sys.stdout.isatty() or environment.get("SSH_CONNECTION"):
        return False
    displays = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    return sys.platform == "darwin" or bool(displays)


def open_in_browser(project: Project, server: RunningServer, token: str) -> bool:
    """Have a browser open the server; whether one was found.

    It gets a file to read, which is the user's alone: everybody sees a browser's command line.
    """
    try:
        return webbrowser.open(_write_page(project, server, token).as_uri())
    except (OSError, webbrowser.Error):
        return False


def _write_page(project: Project, server: RunningServer, token: str) -> Path:
    url, title = html.escape(address(server, token)), html.escape(project.display_name)
    page = project.runtime / "open.html"
    write_atomically(page, _PAGE.format(url=url, title=title), 0o600)
    return page


def wants_browser(no_open: bool) -> bool:
    return not no_open and is_desktop(os.environ)
