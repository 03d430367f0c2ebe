"""What a caller asks of a review, checked for type and frozen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_executor.config import Limits
from notebook_executor.errors import UsageError
from notebook_executor.execution.request import RunRequest
from notebook_executor.review.models import NotebookReview


@dataclass(frozen=True)
class ReviewOptions:
    """How a review is to be done; ``NotebookExecutor.review`` explains the fields.

    Attributes:
        paths: Below the project, with ``/``.
        parameters: By the notebooks' paths, likewise.
    """

    paths: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Any]]
    rerun_base: bool
    accept: bool
    timeout: float | None
    run_timeout: float | None
    limits: Limits | None
    max_workers: int | None
    on_notebook: Callable[[NotebookReview], None] | None

    @classmethod
    def of(
        cls,
        root: Path,
        *,
        paths: Iterable[str | os.PathLike[str]],
        parameters: Mapping[str, Mapping[str, Any]] | None,
        max_workers: int | None,
        **others: Any,
    ) -> ReviewOptions:
        """The options of a call.

        Raises:
            UsageError: A path is not in the project.
            TypeError: One of them has a type that can mean nothing.
        """
        if isinstance(paths, str | os.PathLike):
            raise TypeError(f"paths must be a list of paths, not {paths!r}")
        if max_workers is not None and (
            not isinstance(max_workers, int) or isinstance(max_workers, bool) or max_workers < 1
        ):
            raise TypeError(f"max_workers must be a number above zero, not {max_workers!r:.50}")
        if others["on_notebook"] is not None and not callable(others["on_notebook"]):
            raise TypeError(f"on_notebook must be callable, not {others['on_notebook']!r:.50}")
        given = {_below(root, path): values for path, values in (parameters or {}).items()}
        # A request checks what it is given; that is too late once others are running.
        for values in (None, *given.values()):
            RunRequest("", parameters=values, **_checked(others))
        return cls(
            paths=tuple(_below(root, path) for path in paths),
            parameters=given,
            max_workers=max_workers,
            **others,
        )


def _checked(others: Mapping[str, Any]) -> dict[str, Any]:
    return {name: others[name] for name in ("timeout", "run_timeout", "limits")}


def _below(root: Path, path: str | os.PathLike[str]) -> str:
    below = os.path.relpath(os.path.abspath(root / path), root)
    if below == os.pardir or below.startswith(f"{os.pardir}{os.sep}"):
        told = f"{os.fspath(path)} is not below {root}"
        raise UsageError(told, hint="Name what is in the project.")
    return Path(below).as_posix()
