"""A value as JSON has it, or the reason why JSON has no counterpart for it."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from hermes_runtime.formats import ScrapError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TAKEN = (
    "bool, int, float, str, None, lists, tuples, dicts with str keys, numpy and pandas values, "
    "tables, figures, images and what IPython can show"
)
_WAYS = (
    (("isoformat",), "glue value.isoformat()"),
    (("to_dict", "columns"), "leave the encoder out, which keeps it as a table"),
    (("as_tuple",), "glue float(value), or str(value) for all its digits"),
    (("union",), "glue sorted(value)"),
    (("__fspath__",), "glue str(value)"),
    (("hex", "decode"), "glue value.decode()"),
)


def plain(name: str, value: Any) -> Any:
    """The JSON counterpart of a scrap's value: tuples become lists, ``pandas.NA`` becomes None.

    Raises:
        ScrapError: There is no exact one.
    """
    try:
        return _plain(value, name, "")
    except RecursionError:
        raise ScrapError(
            f"scrap {name!r}: the value is nested too deeply, or holds itself", name
        ) from None


def parsed(name: str, text: str) -> Any:
    """The value of a JSON text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ScrapError(
            f"scrap {name!r}: the str given with encoder='json' is not JSON ({error}); "
            "leave the encoder out to store it as text",
            name,
        ) from None


def storable(text: str) -> str:
    """A plain str that UTF-8 can hold: names of files may hold halves of surrogate pairs."""
    return _LONE_SURROGATE.sub("\ufffd", str.__str__(text))


def kind(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(value: Any, name: str, place: str) -> Any:
    """The JSON counterpart of a value; ``place`` is where it lies in the scrap."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(float(value), name, place)
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, name, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            _key(key, name, place): _plain(item, name, f"{place}[{key!r}]")
            for key, item in value.items()
        }
    if type(value).__name__ == "NAType":
        return None
    return _unwrapped(value, name, place)


def _finite(value: float, name: str, place: str) -> float:
    if math.isfinite(value):
        return value
    raise ScrapError(
        f"scrap {name!r}: the value {_at(place)}is {value}, which JSON does not have: glue None in "
        "its place, or the whole as a numpy array or a DataFrame, which keep it",
        name,
        place,
    )


def _at(place: str) -> str:
    return f"at {place} " if place else ""


def _key(key: object, name: str, place: str) -> str:
    if isinstance(key, str):
        return storable(key)
    where = f" at {place}" if place else ""
    raise ScrapError(
        f"scrap {name!r}: the dict{where} has the key {short(key)} ({kind(key)}), and JSON keys "
        "are str: glue {str(key): value for key, value in ...}",
        name,
        place,
    )


def _unwrapped(value: Any, name: str, place: str) -> Any:
    """The counterpart of a numpy or pandas value, by what it offers: numpy is not imported."""
    convert = getattr(value, "tolist", None) or getattr(value, "item", None)
    # numpy turns dates of nanosecond resolution into bare integers
    dated = getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M")
    if dated or isinstance(value, type) or not callable(convert):
        _refuse(value, name, place)
    converted = convert()
    if type(converted) is type(value):
        _refuse(value, name, place)
    return _plain(converted, name, place)


def _refuse(value: Any, name: str, place: str) -> NoReturn:
    way = next((way for marks, way in _WAYS if all(hasattr(value, mark) for mark in marks)), None)
    raise ScrapError(
        f"scrap {name!r}: the value {_at(place)}is {kind(value)} {short(value)}, which has no "
        f"exact counterpart in JSON: {way or 'glue the parts of it that matter'}; taken are "
        f"{_TAKEN}",
        name,
        place,
    )
