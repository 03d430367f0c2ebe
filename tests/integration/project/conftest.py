"""A project with a Jupyter server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_core.utils import ensure_event_loop

from tests.integration.project.serving import ServedProject, served


@pytest.fixture(scope="module", autouse=True)
def event_loop_of_clients() -> None:
    """What jupyter_client makes when it is first used, and keeps for the whole process."""
    ensure_event_loop()


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine's user has registered stays as it is."""
    monkeypatch.setenv("NBX_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ServedProject]:
    with served(tmp_path / "a project") as made:
        yield made
