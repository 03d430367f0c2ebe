"""What may be set: for all runs of an executor, and as limits of a single one.

Settings are defaults, below ``NBX_*`` variables, below what the caller says.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from notebook_executor.errors import UsageError

MIB = 1024 * 1024
_LARGEST = 2**62
_TEXT = re.compile(
    r"(?P<digits>\d+(?:\.\d+)?) *(?P<byte>(?P<power>[KMGT]?)(?P<binary>I?)B)?", re.IGNORECASE
)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SIZE = 'a number of bytes above zero, or text like "512MiB"'
_FORMS = {
    "memory": _SIZE,
    "cpu_seconds": "a number of seconds above zero",
    "processes": "a whole number above zero",
    "file_size": _SIZE,
    "open_files": "a whole number above zero",
}


class Settings(BaseSettings):
    """What an operator may want to change for all runs; times are in seconds.

    Each field can be set by the environment: ``NBX_START_TIMEOUT=120``.
    """

    model_config = SettingsConfigDict(env_prefix="NBX_", frozen=True, extra="forbid")

    start_timeout: float = Field(60.0, gt=0, description="until a kernel must have answered")
    interrupt_grace: float = Field(2.0, ge=0, description="from an interrupt to SIGTERM")
    terminate_grace: float = Field(0.3, ge=0, description="from SIGTERM to SIGKILL")
    shutdown_grace: float = Field(5.0, ge=0, description="for an idle kernel to exit by itself")
    iopub_timeout: float = Field(
        10.0, gt=0, description="of silence, after a cell's reply, until outputs count as lost"
    )
    output_limit: int = Field(
        10 * MIB, gt=0, description="characters of output kept a cell; the whole goes to a file"
    )
    started_runs: int = Field(
        16, gt=0, description="runs begun by start() that go on at a time; others are queued"
    )
    state_dir: str | None = Field(
        None, description="where runs are recorded when the root cannot be written"
    )

    @classmethod
    def of(cls, given: Settings | Mapping[str, Any] | None) -> Settings:
        """The settings that a caller means; what a mapping leaves out comes from ``NBX_*``.

        Raises:
            UsageError: There is no such setting, or it cannot have this value.
        """
        if isinstance(given, Settings):
            return given
        try:
            return cls(**(given or {}))
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
            )
            raise UsageError(
                f"The settings are not valid: {wrong}",
                hint=f"Known settings are {', '.join(cls.model_fields)}.",
            ) from error


class Limits(BaseModel):
    """What a run's kernel and all that it starts may use; None for no limit.

    Numbers may be given as text, sizes with a unit: ``"512MiB"``, ``"2GB"``.

    Attributes:
        memory: Bytes that all of its processes hold together.
        cpu_seconds: CPU time of all of them together, the kernel's start included.
        processes: How many there may be at a time; the kernel is one of them.
        file_size: Bytes that a file may have which one of them writes.
        open_files: Descriptors that each of them may have; a Python kernel needs some 70.

    Raises:
        TypeError: A name is unknown, or a value cannot be a limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: int | None = None
    cpu_seconds: float | None = None
    processes: int | None = None
    file_size: int | None = None
    open_files: int | None = None

    @classmethod
    def of(cls, given: Limits | Mapping[str, Any] | None) -> Limits | None:
        """The limits that a caller means; a mapping is checked."""
        return given if given is None or isinstance(given, Limits) else cls.model_validate(given)

    # pydantic lets a TypeError through as it is.
    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise TypeError(f"limits must be Limits or a mapping, not {type(data).__name__}")
        for name in data:
            if name not in cls.model_fields:
                close = difflib.get_close_matches(str(name), cls.model_fields, n=1, cutoff=0.5)
                known = f"did you mean {close[0]!r}?" if close else ", ".join(cls.model_fields)
                raise TypeError(f"there is no limit {name!r}: {known}")
        return data

    @field_validator("*", mode="before")
    @classmethod
    def _above_zero(cls, value: Any, info: ValidationInfo) -> Any:
        name = str(info.field_name)
        if value is None:
            return None
        whole = name != "cpu_seconds"
        number = _number(value, size=_FORMS[name] is _SIZE)
        if number is None or not 0 < number <= _LARGEST or (whole and number != int(number)):
            raise TypeError(f"limits: {name} must be {_FORMS[name]}, not {value!r:.50}")
        return int(number) if whole else number


def byte_count(text: str) -> int:
    """The number of bytes that a text such as ``"512MiB"`` means.

    Raises:
        ValueError: It means none.
    """
    number = _number(text, size=True)
    if number is None or number != int(number):
        raise ValueError(f'a number of bytes, or text like "512MiB", is wanted, not {text!r:.50}')
    return int(number)


def _number(value: object, *, size: bool) -> float | None:
    """The number that a value is, or is the text of; None when it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    found = _TEXT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or (found["byte"] and not size):
        return None
    factor: int = (1024 if found["binary"] else 1000) ** _POWERS[(found["power"] or "").upper()]
    return float(found["digits"]) * factor
