"""Parameter values that would not arrive in the kernel as what was passed."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
from typing import Any

import numpy as np

from ..cases import Case, code, defaults, notebook


class _Color(enum.Enum):
    RED = 1


class _Level(enum.IntEnum):
    HIGH = 3


_VALUES: dict[str, Any] = {
    "tuple": (0, 1),
    "tuple_within": {"ranges": [{"limits": (0.05, "<")}]},
    "set": {1},
    "bytes": b"x",
    "datetime": datetime.datetime(2026, 1, 2, 3, 4),
    "date": datetime.date(2026, 1, 2),
    "decimal": decimal.Decimal("1.5"),
    "path": pathlib.PurePosixPath("data/input.csv"),
    "enum": _Color.RED,
    "int_enum": _Level.HIGH,
    "numpy_int": np.int64(3),
    "numpy_float": np.float64(1.5),
    "integer_key": {1: "a"},
    "none_key": {None: "a"},
}

CASES: tuple[Case, ...] = tuple(
    Case(
        f"refused_{name}",
        "a value that JSON and papermill's literals have no word for",
        notebook(defaults("value = None"), code("type(value).__name__, value")),
        {"value": value},
        kind="invalid_parameters",
    )
    for name, value in _VALUES.items()
)
