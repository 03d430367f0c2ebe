"""What the documentation must not forget, and where its links lead."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest

from notebook_executor.cli.main import nbx
from notebook_executor.config import Settings
from notebook_executor.models import ErrorKind

_TOP = Path(__file__).parents[2]
_PAGES = [*sorted(_TOP.glob("*.md")), *sorted((_TOP / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """As forges make them of headings."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = Path(os.path.normpath(page.parent / path)) if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def test_each_kind_of_error_and_each_setting_is_explained() -> None:
    results = (_TOP / "docs" / "results.md").read_text("utf-8")
    execution = (_TOP / "docs" / "execution.md").read_text("utf-8")

    assert [kind for kind in get_args(ErrorKind) if f"`{kind}`" not in results] == []
    assert [name for name in Settings.model_fields if f"`{name}`" not in execution] == []


def test_each_flag_of_each_verb_stands_somewhere() -> None:
    told = "".join(page.read_text("utf-8") for page in _PAGES)
    words = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", told))

    assert [names for names in _flags(nbx) if not words & set(names)] == []


def _flags(command: click.Command) -> Iterator[tuple[str, ...]]:
    """All names of each flag, in the command and in those below it."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield (command.name or "", *parameter.opts, *parameter.secondary_opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _flags(below)


def test_contributors_are_told_all_layers() -> None:
    settings = tomllib.loads((_TOP / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    text = (_TOP / "CONTRIBUTING.md").read_text("utf-8")
    told = text.partition("## Layers")[2].partition("\n## ")[0]

    names = [" | ".join(re.findall(r"\w+", layer)) for layer in layers]
    found = [re.search(rf"^    {re.escape(name)}(?: |$)", told, re.MULTILINE) for name in names]
    assert [name for name, place in zip(names, found, strict=True) if place is None] == []
    places = [place.start() for place in found if place is not None]
    assert places == sorted(places)
