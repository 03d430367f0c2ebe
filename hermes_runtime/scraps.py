"""Named outputs of a notebook, in scrapbook's own format.

A scrap is a display message with a MIME type of its own: it travels with the cell's outputs,
is saved in the notebook, and is shown nowhere. ``scrapbook`` reads what is written here; writing
it here costs a kernel none of the three seconds that ``import scrapbook`` takes.
"""

from __future__ import annotations

import json
import math
import re
import sys
import warnings
from typing import Any, NoReturn

_VERSION = 1
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TAKEN = "bool, int, float, str, None, lists, tuples, dicts with str keys, numpy and pandas values"
_WAYS = (
    (("isoformat",), "glue value.isoformat()"),
    (("to_dict", "columns"), 'glue value.to_dict("records")'),
    (("as_tuple",), "glue float(value), or str(value) for all its digits"),
    (("union",), "glue sorted(value)"),
    (("__fspath__",), "glue str(value)"),
    (("hex", "decode"), "glue value.decode()"),
)


def glue(name: str, data: Any, encoder: str | None = None, display: Any = None) -> None:
    """Record a value under a name in the running cell's outputs.

    A later ``glue`` of the same name wins. Tuples are stored as lists; numpy and pandas values
    that ``tolist()`` or ``item()`` turns into JSON values are stored as these. JSON has neither
    NaN nor infinity: they are stored as null, and so is ``pandas.NA``. Characters that UTF-8
    cannot hold are stored as U+FFFD. Outside a kernel there is nowhere to record anything: a
    warning says so.

    Args:
        name: What the value is read by.
        data: The value.
        encoder: ``"json"`` or ``"text"``; by default text for a str and JSON for all else.
            ``"json"`` with a str takes it as JSON text; ``"text"`` stores ``str(data)``.
        display: True also shows the value in the notebook; a list of MIME types shows these
            alone; a dict holds arguments for IPython's ``format_display_data``.

    Raises:
        TypeError: The name is not a str, or the value, or something in it, has no exact
            counterpart in JSON. The message says where it is, and what would work.
        ValueError: The name is empty, the encoder unknown, or a str given as JSON is not JSON.
    """
    _check_name(name)
    encoder = encoder or ("text" if isinstance(data, str) else "json")
    payload = {"name": name, "data": _encode(name, data, encoder), "encoder": encoder}
    shell = _kernel_shell()
    if shell is None:
        warnings.warn(f"glue({name!r}): no kernel here, nothing is recorded", stacklevel=2)
        return
    shell.display_pub.publish(
        {f"application/scrapbook.scrap.{encoder}+json": {**payload, "version": _VERSION}},
        {"scrapbook": {"name": name, "data": True, "display": False}},
    )
    if display:
        _show(shell, name, data, display)


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"a scrap's name must be a str, not {_kind(name)}: glue(name, value)")
    if not name:
        raise ValueError("a scrap's name must not be empty")


def _kernel_shell() -> Any:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if getattr(shell, "kernel", None) is not None else None


def _show(shell: Any, name: str, data: Any, display: Any) -> None:
    options = display if isinstance(display, dict) else {}
    if isinstance(display, (list, tuple)):
        options = {"include": display}
    shown, metadata = shell.display_formatter.format(data, **options)
    if shown:
        scrapbook = {"name": name, "data": False, "display": True}
        shell.display_pub.publish(shown, {**metadata, "scrapbook": scrapbook})


def _encode(name: str, data: Any, encoder: str) -> Any:
    if encoder == "text":
        return _storable(data if isinstance(data, str) else str(data))
    if encoder != "json":
        raise ValueError(f"scrap {name!r}: no encoder {encoder!r}: there are 'json' and 'text'")
    if isinstance(data, str):
        data = _parsed(name, data)
    try:
        encoded = _plain(data, name, "")
    except RecursionError:
        raise TypeError(
            f"scrap {name!r}: the value is nested too deeply, or holds itself"
        ) from None
    # scrapbook's schema has no null at the top, and one such scrap makes its reader refuse the
    # whole notebook; JSON text in its place is decoded by it.
    return "null" if encoded is None else encoded


def _parsed(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"scrap {name!r}: the str given with encoder='json' is not JSON ({error}); "
            "leave the encoder out to store it as text"
        ) from None


def _plain(value: Any, name: str, place: str) -> Any:
    """The JSON counterpart of a value; ``place`` is where it lies in the scrap."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return _storable(value)
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


def _key(key: object, name: str, place: str) -> str:
    if isinstance(key, str):
        return _storable(key)
    where = f" at {place}" if place else ""
    raise TypeError(
        f"scrap {name!r}: the dict{where} has the key {_short(key)} ({_kind(key)}), and JSON keys "
        "are str: glue {str(key): value for key, value in ...}"
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
    where = f"at {place} " if place else ""
    raise TypeError(
        f"scrap {name!r}: the value {where}is {_kind(value)} {_short(value)}, which has no exact "
        f"counterpart in JSON: {way or 'glue the parts of it that matter'}; taken are {_TAKEN}"
    )


def _storable(text: str) -> str:
    """A plain str that UTF-8 can hold: names of files may hold halves of surrogate pairs."""
    return _LONE_SURROGATE.sub("\ufffd", str.__str__(text))


def _kind(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
