"""What tests of whole runs share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.gated import Gate


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """What a cell waits at until the test lets it on."""
    made = Gate(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=[False, True], ids=["best tier", "subreaper"])
def host_view(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
