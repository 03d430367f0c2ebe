"""Where the state of a project's schedule is: ``<root>/.nbx/schedule/``."""

from __future__ import annotations

import os
from pathlib import Path

from notebook_executor.config import Settings
from notebook_executor.errors import UsageError
from notebook_executor.execution.records import STATE, hide_from_git
from notebook_executor.schedule.state import FILE, State

_FOLDER = "schedule"


def open_state(root: Path, settings: Settings) -> State:
    """The project's state, made if there is none; where the root cannot be written in state_dir.

    Raises:
        UsageError: It cannot be used, or made.
    """
    place = next((place for place in _places(root, settings) if _is_usable(place)), None)
    if place is None:
        raise UsageError(
            f"The schedule's state cannot be written below {root}",
            hint="Set NBX_STATE_DIR to a directory that can be written.",
        )
    state = State(place / _FOLDER)
    hide_from_git(place)
    return state


def find_state(root: Path, settings: Settings) -> State | None:
    """The project's state to look at; None where nothing was ever scheduled."""
    for place in _places(root, settings):
        if (place / _FOLDER / FILE).exists():
            return State(place / _FOLDER)
    return None


def _places(root: Path, settings: Settings) -> list[Path]:
    return [root / STATE, *([Path(settings.state_dir)] if settings.state_dir else [])]


def _is_usable(place: Path) -> bool:
    """Whether the folder is there, or can be made, and be written."""
    above = next((folder for folder in (place, *place.parents) if folder.exists()), place)
    return os.access(above, os.W_OK | os.X_OK)
