from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import ToolError, UsageError
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.sources import check_tools, opened_catalogue
from notebook_executor.tools.tool import Tool
from tests.integration.tools.calling import call_tool


def price(item: str) -> int:
    """What an item costs."""
    return len(item)


class Shop:
    """A source that remembers whether it is open."""

    def __init__(self) -> None:
        self.is_open = False

    @contextmanager
    def open(self, name: str) -> Iterator[list[Tool]]:
        self.is_open = True
        yield [Tool(f"{name}.price", lambda call: 3, source="shop")]
        self.is_open = False


def names(given: dict[str, Any], *allow: str) -> dict[str, Tool]:
    with opened_catalogue(check_tools(given), Policy(allow=allow)) as catalogue:
        return {tool.name: tool for tool in catalogue}


def test_functions_tools_and_sources_are_told_apart() -> None:
    shop = Shop()
    tool = Tool("another name", lambda call: "tool")
    with opened_catalogue(
        check_tools({"price": price, "tool": tool, "shop": shop}), Policy()
    ) as catalogue:
        assert shop.is_open
        assert call_tool(catalogue["price"], item="tea") == 3
        assert call_tool(catalogue["tool"]) == "tool"
        assert call_tool(catalogue["shop.price"]) == 3
    assert not shop.is_open


def test_a_source_is_closed_whatever_happens() -> None:
    class Broken:
        @contextmanager
        def open(self, name: str) -> Iterator[list[Tool]]:
            raise ToolError("out of order")
            yield []

    closed = []

    class Closing(Shop):
        @contextmanager
        def open(self, name: str) -> Iterator[list[Tool]]:
            try:
                yield []
            finally:
                closed.append(name)

    with pytest.raises(ToolError, match="out of order"):
        names({"one": Closing(), "two": Broken()})
    assert closed == ["one"]


def test_what_a_caller_gives_stands_in_for_what_comes_with_the_package() -> None:
    assert names({"terminal": price})["terminal"].source == "python"


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"two tools called 'shop\.price'"):
        names({"shop": Shop(), "shop.price": price})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([price], "mapping of names"),
        ("terminal", "mapping of names"),
        ({"": price}, "no name"),
        ({"a b": price}, "no name"),
        ({1: price}, "no name"),
        ({"x": 3}, "cannot be called"),
        ({"x": None}, "cannot be called"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        check_tools(given)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package as pip would have installed it, with two entry points."""
    (tmp_path / "weather.py").write_text(
        "def forecast(city: str) -> str:\n    return f'{city}: rain'\n"
    )
    about = tmp_path / "weather-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: weather\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[notebook_executor.tools]\nforecast = weather:forecast\nbroken = weather_missing:it\n"
        "odd = weather:__name__\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("weather", None)


def test_another_package_brings_tools(package: Path) -> None:
    with opened_catalogue({}, Policy(allow=("forecast",))) as catalogue:
        assert catalogue["forecast"].source == "entry_point"
        assert call_tool(catalogue["forecast"], city="Kiel") == "Kiel: rain"


def test_a_package_is_imported_only_for_what_may_be_called(package: Path) -> None:
    assert "forecast" not in names({}, "terminal", "read_*")
    assert "weather" not in sys.modules


def test_what_cannot_be_loaded_is_named(package: Path) -> None:
    for allowed in ("broken", "broken.*", "b*"):
        with pytest.raises(ToolError, match="weather_missing"):
            names({}, allowed)
    with pytest.raises(UsageError, match="'odd'"):
        names({}, "odd")


def test_a_caller_may_replace_a_package_that_cannot_be_loaded(package: Path) -> None:
    assert names({"broken": price}, "broken")["broken"].source == "python"
