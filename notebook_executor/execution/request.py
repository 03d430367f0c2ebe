"""What a caller asks for, checked for type and frozen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from notebook_executor.models import Event, Trigger

if TYPE_CHECKING:
    from nbformat import NotebookNode

StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class RunRequest:
    """One call of ``NotebookExecutor.execute``; its docstring explains the fields.

    Raises:
        TypeError: A field has a type, or a time is not positive, that can mean nothing.
    """

    notebook: StrPath | Mapping[str, Any]
    output_path: StrPath | bool | None = None
    parameters: Mapping[str, Any] | StrPath | None = None
    timeout: float | None = 300
    run_timeout: float | None = None
    kernel_name: str | None = None
    python: StrPath | None = None
    cwd: StrPath | None = None
    env: Mapping[str, str] | None = None
    only_tags: Iterable[str] = ()
    skip_tags: Iterable[str] = ()
    from_cell: str | int | None = None
    until_cell: str | int | None = None
    labels: Mapping[str, str] | None = None
    on_event: Callable[[Event], None] | None = None
    trigger: Trigger = field(default_factory=Trigger)

    def __post_init__(self) -> None:
        _check("input_path", self.notebook, (str, os.PathLike, Mapping))
        if self.output_path is True:
            raise TypeError("output_path must be a path, None for the default, or False for none")
        _check("output_path", self.output_path, (str, os.PathLike, bool, type(None)))
        _check("parameters", self.parameters, (Mapping, str, os.PathLike, type(None)))
        _check_seconds("timeout", self.timeout)
        _check_seconds("run_timeout", self.run_timeout)
        _check("kernel_name", self.kernel_name, (str, type(None)))
        _check("python", self.python, (str, os.PathLike, type(None)))
        _check("cwd", self.cwd, (str, os.PathLike, type(None)))
        _check_texts("env", self.env)
        _check_texts("labels", self.labels)
        object.__setattr__(self, "only_tags", _tags("only_tags", self.only_tags))
        object.__setattr__(self, "skip_tags", _tags("skip_tags", self.skip_tags))
        _check_address("from_cell", self.from_cell)
        _check_address("until_cell", self.until_cell)
        if self.on_event is not None and not callable(self.on_event):
            raise TypeError(f"on_event must be callable, not {self.on_event!r}")

    @property
    def node(self) -> NotebookNode | None:
        """The notebook, where it was passed as an object."""
        return self.notebook if isinstance(self.notebook, Mapping) else None  # type: ignore[return-value]


def _check(name: str, value: object, types: tuple[type, ...]) -> None:
    if not isinstance(value, types):
        expected = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)
        raise TypeError(f"{name} must be {expected}, not {type(value).__name__}")


def _check_seconds(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise TypeError(
            f"{name} must be a positive number of seconds, or None for no limit; not {value!r}"
        )


def _check_texts(name: str, value: object) -> None:
    _check(name, value, (Mapping, type(None)))
    for key, item in (value or {}).items():  # type: ignore[attr-defined]
        if not isinstance(key, str) or not isinstance(item, str):
            raise TypeError(f"{name} must map str to str; got {key!r}: {item!r}")


def _tags(name: str, value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list of tags, not {value!r}")
    tags = tuple(value)
    for tag in tags:
        _check(f"each of {name}", tag, (str,))
    return tags


def _check_address(name: str, value: object) -> None:
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a cell's id, tag:NAME or index, not {value!r}")
    _check(name, value, (str, int, type(None)))
