"""Which points of a sweep have succeeded before, by the records of their runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notebook_executor.config import Settings
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.execution.plan import make_plan
from notebook_executor.execution.preparation import read_source
from notebook_executor.execution.records import iter_records
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.secrets import masked
from notebook_executor.models import ExecutionResult
from notebook_executor.text import json_form

_NAME = re.compile(r'[^"\\\x00-\x1f\x7f]{1,200}')


def check_name(name: object) -> None:
    """Refuse what cannot be a sweep's name.

    Raises:
        TypeError: It is not a text.
        UsageError: It is empty, too long, or has quotes, backslashes or control characters.
    """
    if not isinstance(name, str):
        raise TypeError(f"sweep must be a name, not {type(name).__name__}")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r:.60} cannot be the name of a sweep",
            hint="Use 1 to 200 characters, without quotes, backslashes and control characters.",
        )


class Earlier:
    """The successes of the sweep of a name, of the notebook as it is now.

    Args:
        request: The notebook, and the sweep's name.
        root: The project.
        settings: The operator's.
    """

    def __init__(self, request: RunRequest, root: Path, settings: Settings) -> None:
        self._found: dict[str, ExecutionResult] = {}
        if request.sweep is None:
            return
        try:
            _, source = read_source(make_plan(request, root, settings))
        except DocumentError:
            return  # every point will say so
        for record in iter_records(root, settings.state_dir):
            result = _read(record.result_file, request.sweep)
            if result is not None and result.ok and result.source_sha256 == source:
                self._found.setdefault(_key(result.parameters) or "", result)

    def success(self, parameters: Mapping[str, Any]) -> ExecutionResult | None:
        """The newest success with these parameters; None where there is none."""
        key = _key(json_form(masked(parameters)))
        return self._found.get(key) if key else None


def _read(file: Path, sweep: str) -> ExecutionResult | None:
    try:
        text = file.read_text("utf-8")
        # Parsing a thousand records of other runs would take longer than a small sweep.
        if sweep not in text:
            return None
        result = ExecutionResult.model_validate_json(text)
    except (OSError, ValueError):
        return None
    return result if result.sweep == sweep else None


def _key(parameters: Mapping[str, Any]) -> str | None:
    """Equal for equal parameters; None where a record cannot tell them apart (NaN, infinity)."""
    try:
        return json.dumps(parameters, sort_keys=True, allow_nan=False)
    except ValueError:
        return None
