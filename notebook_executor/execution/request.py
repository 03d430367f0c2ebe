"""What a caller asks for, checked for type and frozen."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from notebook_executor.config import Limits
from notebook_executor.lifecycle.containment import Tier
from notebook_executor.models import Event, Trigger

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.tools.policy import Policy
    from notebook_executor.tools.sources import GivenTool

StrPath = str | os.PathLike[str]


class ExecuteOptions(TypedDict, total=False):
    """What ``NotebookExecutor.execute`` takes by keyword only, ``check`` aside."""

    run_timeout: float | None
    kernel_name: str | None
    python: StrPath | None
    cwd: StrPath | None
    env: Mapping[str, str] | None
    pass_env: Iterable[str]
    only_tags: Iterable[str]
    skip_tags: Iterable[str]
    from_cell: str | int | None
    until_cell: str | int | None
    host_view: bool | None
    limits: Limits | Mapping[str, Any] | None
    record: StrPath | bool | None
    replay: StrPath | bool | None
    labels: Mapping[str, str] | None
    on_event: Callable[[Event], None] | None


class SweepOptions(ExecuteOptions, total=False):
    """What ``NotebookExecutor.execute_many`` takes for its runs."""

    output_path: Literal[False] | None
    timeout: float | None


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
    pass_env: Iterable[str] = ()
    only_tags: Iterable[str] = ()
    skip_tags: Iterable[str] = ()
    from_cell: str | int | None = None
    until_cell: str | int | None = None
    host_view: bool | None = None
    require_containment: Tier | None = None
    limits: Limits | None = None
    record: StrPath | bool | None = None
    replay: StrPath | bool | None = None
    labels: Mapping[str, str] | None = None
    on_event: Callable[[Event], None] | None = None
    trigger: Trigger = field(default_factory=Trigger)
    sweep: str | None = None
    tools: Mapping[str, GivenTool] | None = None
    policy: Policy | None = None
    adapt: Callable[[NotebookNode], None] | None = None  # changes the notebook that was read
    stands_for: StrPath | None = None  # what the result and the record name instead of the file

    @classmethod
    def of(
        cls,
        notebook: StrPath | Mapping[str, Any],
        output_path: StrPath | bool | None,
        parameters: Mapping[str, Any] | StrPath | None,
        timeout: float | None,
        **options: Unpack[ExecuteOptions],
    ) -> RunRequest:
        """The request of a call that takes what ``execute`` takes.

        Raises:
            TypeError: An option is unknown, or has a type that can mean nothing.
        """
        for name in options:
            if name not in ExecuteOptions.__annotations__:
                raise TypeError(f"there is no option {name!r}")
        given: dict[str, Any] = {**options, "limits": Limits.of(options.get("limits"))}
        return cls(notebook, output_path, parameters, timeout, **given)

    def __post_init__(self) -> None:
        _check("input_path", self.notebook, (str, os.PathLike, Mapping))
        if self.output_path is True:
            raise TypeError("output_path must be a path, None for the default, or False for none")
        _check("output_path", self.output_path, (str, os.PathLike, bool, type(None)))
        _check("parameters", self.parameters, (Mapping, str, os.PathLike, type(None)))
        for name in ("timeout", "run_timeout"):
            if getattr(self, name) == math.inf:
                object.__setattr__(self, name, None)
            _check_seconds(name, getattr(self, name))
        _check("kernel_name", self.kernel_name, (str, type(None)))
        _check("python", self.python, (str, os.PathLike, type(None)))
        _check("cwd", self.cwd, (str, os.PathLike, type(None)))
        _check_texts("env", self.env)
        _check_environment(self.env or {})
        _check_texts("labels", self.labels)
        _check("host_view", self.host_view, (bool, type(None)))
        _check("limits", self.limits, (Limits, type(None)))
        _check("stands_for", self.stands_for, (str, os.PathLike, type(None)))
        for name in ("record", "replay"):
            _check_recording(name, getattr(self, name), self.node is None)
            if getattr(self, name) is False:
                object.__setattr__(self, name, None)
        if self.record is not None and self.replay is not None:
            raise TypeError("record and replay exclude each other: a replay makes no calls")
        for name in ("pass_env", "only_tags", "skip_tags"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))
        _check_address("from_cell", self.from_cell)
        _check_address("until_cell", self.until_cell)
        if self.on_event is not None and not callable(self.on_event):
            raise TypeError(f"on_event must be callable, not {self.on_event!r}")

    @property
    def path(self) -> str:
        """The notebook's path, where it was passed as one."""
        return os.fspath(self.notebook)  # type: ignore[arg-type]

    @property
    def node(self) -> NotebookNode | None:
        """The notebook, where it was passed as an object."""
        return self.notebook if isinstance(self.notebook, Mapping) else None  # type: ignore[return-value]


def _check(name: str, value: object, types: tuple[type, ...]) -> None:
    if not isinstance(value, types):
        expected = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)
        raise TypeError(f"{name} must be {expected}, not {type(value).__name__}")


def _check_recording(name: str, value: Any, beside_file: bool) -> None:
    _check(name, value, (str, os.PathLike, bool, type(None)))
    if value is True and not beside_file:
        raise TypeError(f"{name}=True is beside the notebook, which has to be a file then")


def _check_seconds(name: str, value: Any) -> None:
    if value is None:
        return
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 < value <= threading.TIMEOUT_MAX:
        raise TypeError(
            f"{name} must be a positive number of seconds, or None for no limit; not {value!r:.50}"
        )


def _check_texts(name: str, value: Mapping[Any, Any] | None) -> None:
    _check(name, value, (Mapping, type(None)))
    for key, item in (value or {}).items():
        if not isinstance(key, str) or not isinstance(item, str):
            raise TypeError(f"{name} must map str to str; got {key!r}: {item!r}")


def _check_environment(env: Mapping[str, str]) -> None:
    for name, value in env.items():
        try:
            fits = bool(name) and "=" not in name and b"\0" not in os.fsencode(name + value)
        except UnicodeEncodeError:
            fits = False
        if not fits:
            raise TypeError(f"env has an entry that no environment can hold: {name!r}")


def _names(name: str, value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list of names, not {value!r}")
    names = tuple(value)
    for item in names:
        _check(f"each of {name}", item, (str,))
    return names


def _check_address(name: str, value: object) -> None:
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a cell's id, tag:NAME or index, not {value!r}")
    _check(name, value, (str, int, type(None)))
