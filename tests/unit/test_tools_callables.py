from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from notebook_executor.errors import ToolError, UsageError
from notebook_executor.tools.callables import tool_from_callable
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Call


def call(arguments: Mapping[str, Any]) -> Call:
    def no_spawn(*_: Any, **__: Any) -> Any:
        raise AssertionError("this tool starts nothing")

    return Call("tool", arguments, Policy(), Path("/"), {}, no_spawn, Event(), cell_id="a-cell")


def calling(function: Any, **arguments: Any) -> Any:
    return tool_from_callable("tool", function).run(call(arguments))


def test_arguments_are_described_by_their_annotations() -> None:
    def orders(since: date, limit: int = 10, *, json: bool = False) -> list[str]:
        """Orders that came in."""
        return []

    tool = tool_from_callable("orders", orders)

    assert (tool.name, tool.description, tool.source) == (
        "orders",
        "Orders that came in.",
        "python",
    )
    properties = tool.parameters["properties"]
    assert properties["since"]["format"] == "date"
    assert (properties["limit"]["type"], properties["limit"]["default"]) == ("integer", 10)
    assert tool.parameters["required"] == ["since"]
    assert tool.parameters["additionalProperties"] is False


def test_arguments_arrive_as_the_types_they_are_annotated_with() -> None:
    def told(day: date, place: Path, _limit: float = 1) -> list[Any]:
        return [day.year, place.suffix, _limit]

    assert calling(told, day="2026-11-20", place="a/b.csv") == [2026, ".csv", 1]
    assert calling(told, day="2026-11-20", place="a/b.csv", _limit=2.5) == [2026, ".csv", 2.5]


def test_arguments_that_do_not_fit_are_named() -> None:
    def told(day: date, count: int) -> None: ...

    with pytest.raises(ToolError) as caught:
        calling(told, day="soon", cuont=1)

    message = caught.value.message
    assert "day:" in message
    assert "count:" in message
    assert "cuont:" in message
    assert "errors.pydantic.dev" not in message


def test_what_does_not_fit_is_not_shown() -> None:
    def told(key: SecretStr, count: int) -> None: ...

    with pytest.raises(ToolError) as caught:
        calling(told, key=["hunter2"], count="hunter2")

    assert "hunter2" not in caught.value.message


def test_a_function_may_be_a_method_a_partial_a_class_or_an_object() -> None:
    class Shop:
        def price(self, item: str) -> str:
            return f"{item}: 3"

        def __call__(self, item: str) -> str:
            return self.price(item)

    assert calling(Shop().price, item="tea") == "tea: 3"
    assert calling(Shop(), item="tea") == "tea: 3"
    assert calling(lambda item: item, item="tea") == "tea"


def test_secret_arguments_are_known_and_reach_the_function() -> None:
    def login(user: str, key: SecretStr, spare: SecretStr | None = None) -> str:
        return key.get_secret_value()

    tool = tool_from_callable("login", login)

    assert tool.secret_arguments == {"key", "spare"}
    assert tool.run(call({"user": "ann", "key": "hunter2"})) == "hunter2"


def test_a_parameter_annotated_call_gets_the_call_and_is_no_argument() -> None:
    def where(path: str, made: Call) -> list[str | None]:
        return [path, made.cell_id]

    assert "made" not in tool_from_callable("where", where).parameters["properties"]
    assert calling(where, path="x") == ["x", "a-cell"]
    with pytest.raises(ToolError, match="made"):
        calling(where, path="x", made="y")


def test_coroutine_functions_are_awaited() -> None:
    async def slowly(word: str) -> str:
        await asyncio.sleep(0)
        return word.upper()

    assert calling(slowly, word="a") == "A"


def test_what_is_returned_becomes_json() -> None:
    @dataclass
    class Row:
        day: date

    class Table(BaseModel):
        rows: list[str]

    def rows() -> Any:
        return {"row": Row(date(2026, 11, 20)), "table": Table(rows=["a"]), "bad": float("nan")}

    assert calling(rows) == {"row": {"day": "2026-11-20"}, "table": {"rows": ["a"]}, "bad": None}


def test_what_json_cannot_hold_is_an_error_of_the_tool() -> None:
    with pytest.raises(ToolError, match="not JSON"):
        calling(lambda: object())


def test_what_a_function_raises_passes() -> None:
    def fails() -> None:
        raise ZeroDivisionError("by design")

    with pytest.raises(ZeroDivisionError, match="by design"):
        calling(fails)


@pytest.mark.parametrize("function", [lambda *rest: rest, lambda a, /: a, divmod])
def test_arguments_without_names_are_refused(function: Any) -> None:
    with pytest.raises(UsageError, match="takes no name"):
        tool_from_callable("tool", function)


def test_annotations_that_cannot_be_read_are_refused() -> None:
    def broken(path: Unknown) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def strange(path: Call | int) -> None: ...

    for function in (broken, strange):
        with pytest.raises(UsageError, match="cannot be read"):
            tool_from_callable("tool", function)
