"""A forge of each kind, with a repository that has one notebook on ``main``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.git.repository import Repository
from notebook_executor.review.forges.addresses import address_of
from notebook_executor.review.forges.choosing import Chosen, ForgeSettings, choose_forge
from notebook_executor.review.forges.speaking import Pace
from tests.integration.forges.routes import GiteaRoutes, GitHubRoutes
from tests.integration.forges.server import TOKEN, ForgeState, serving
from tests.integration.repositories import git, isolate_git, make_repository

QUICK = Pace(waits=(0.01, 0.01), silence=20.0)
_KINDS: dict[str, Any] = {"gitea": GiteaRoutes, "github": GitHubRoutes}


@pytest.fixture(autouse=True)
def no_other_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the machine's own environment speak for or to a forge."""
    isolate_git(monkeypatch)
    for name in list(os.environ):
        if name.endswith(("_TOKEN", "_SERVER_URL", "_PROXY", "_proxy")) or "NBX_FORGE" in name:
            monkeypatch.delenv(name)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "first")


@pytest.fixture
def bare(tmp_path: Path, first: Path) -> Path:
    """The forge's repository; cleaning up would leave a process in the background."""
    made = tmp_path / "remote.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(first), str(made))
    git(made, "config", "receive.autogc", "false")
    git(made, "config", "http.receivepack", "true")
    return made


@pytest.fixture(params=sorted(_KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str, bare: Path) -> Iterator[ForgeState]:
    with serving(kind, _KINDS[kind], bare) as state:
        yield state


@pytest.fixture
def repository(first: Path, server: ForgeState) -> Repository:
    git(first, "remote", "add", "origin", server.remote)
    return Repository.of(first)


@pytest.fixture
def chosen(repository: Repository, server: ForgeState) -> Iterator[Chosen]:
    found = choose_forge(
        address_of(server.remote),
        repository,
        ForgeSettings(),
        environment={"NBX_FORGE_TOKEN": TOKEN},
        pace=QUICK,
    )
    with found.forge:
        yield found
