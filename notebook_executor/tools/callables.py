"""Python functions as tools: their arguments are described and checked by their annotations."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from notebook_executor.errors import ToolError, UsageError
from notebook_executor.tools.tool import Call, Tool

_PLAIN = frozenset((str, int, bool, type(None)))
_WITHOUT_A_NAME = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


def tool_from_callable(name: str, function: Callable[..., Any], source: str = "python") -> Tool:
    """Make a tool of a function.

    Its arguments are what its annotations say, as pydantic reads them from JSON: an ISO text
    becomes a ``datetime``, a text a ``Path``. An argument that is a ``SecretStr`` is recorded
    nowhere. A parameter annotated ``Call`` is not an argument: it gets the call itself. What
    is returned becomes JSON as pydantic would write it. Coroutine functions are awaited in an
    event loop of their own. May be called from several threads at once.

    Args:
        name: What notebooks call it.
        function: Takes its arguments by name.
        source: Where it comes from, for those who list tools.

    Raises:
        UsageError: The function takes arguments without names, or annotations cannot be read.
    """
    call_parameter, bound = _binder(name, function)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(bound)
        schema = adapter.json_schema()
    except Exception as error:  # pydantic's own errors, and whatever evaluating annotations raises
        raise UsageError(
            f"tool {name!r}: its annotations cannot be read: {error}",
            hint="Annotate its parameters with types that JSON can hold.",
        ) from error

    def run(call: Call) -> Any:
        arguments = _checked(name, adapter, call.arguments)
        if call_parameter is not None:
            arguments[call_parameter] = call
        returned = function(**arguments)
        return returned if type(returned) in _PLAIN else _as_json(name, _finished(returned))

    return Tool(
        name=name,
        description=inspect.getdoc(function) or "",
        parameters=schema,
        run=run,
        source=source,
        secret_arguments=secret_arguments(schema),
    )


def _binder(name: str, function: Callable[..., Any]) -> tuple[str | None, Any]:
    """The parameter that wants the call, and a function that only returns its checked arguments."""
    try:
        signature = inspect.signature(function, eval_str=True)
    except (NameError, TypeError, ValueError, SyntaxError) as error:
        raise UsageError(
            f"tool {name!r}: its signature cannot be read: {error}",
            hint="Give a function whose annotations can be evaluated where it is defined.",
        ) from error
    for parameter in signature.parameters.values():
        if parameter.kind in _WITHOUT_A_NAME:
            raise UsageError(
                f"tool {name!r}: its parameter {parameter.name!r} takes no name",
                hint="Tools are called with named arguments only.",
            )
    kept = {key: one for key, one in signature.parameters.items() if one.annotation is not Call}
    call_parameter = next(iter(signature.parameters.keys() - kept.keys()), None)

    @functools.wraps(function, assigned=("__module__", "__name__", "__qualname__"), updated=())
    def bound(**arguments: Any) -> dict[str, Any]:
        return arguments

    # Of the arguments alone: what the function returns is not pydantic's to check.
    bound.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=list(kept.values()), return_annotation=inspect.Signature.empty
    )
    bound.__annotations__ = {
        key: one.annotation
        for key, one in kept.items()
        if one.annotation is not inspect.Parameter.empty
    }
    return call_parameter, bound


def secret_arguments(schema: Mapping[str, Any]) -> frozenset[str]:
    """The arguments that have something secret in them: pydantic describes it as write-only."""
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    return frozenset(name for name, one in known.items() if _has_secret(one))


def _has_secret(schema: Any) -> bool:
    if isinstance(schema, dict):
        return schema.get("writeOnly") is True or any(map(_has_secret, schema.values()))
    return isinstance(schema, list) and any(map(_has_secret, schema))


def _checked(name: str, adapter: TypeAdapter[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        checked: dict[str, Any] = adapter.validator.validate_python(arguments)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
        raise ToolError(
            f"The arguments of tool {name!r} do not fit: {wrong}",
            hint="hermes_runtime.tools() shows what it takes.",
            tool=name,
        ) from error
    return checked


def _finished(returned: Any) -> Any:
    return asyncio.run(_awaited(returned)) if inspect.isawaitable(returned) else returned


async def _awaited(returned: Any) -> Any:
    return await returned


def _as_json(name: str, value: Any) -> Any:
    try:
        return to_jsonable_python(value, inf_nan_mode="null")
    except (PydanticSerializationError, ValueError) as error:
        raise ToolError(
            f"Tool {name!r} returned what is not JSON: {error}",
            hint="Return plain values, dataclasses or pydantic models.",
            tool=name,
        ) from error
