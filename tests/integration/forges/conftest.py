"""A forge of each kind, with a repository that has one notebook on ``main``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.git.repository import Repository
from notebook_executor.review.forges.addresses import address_of
from notebook_executor.review.forges.choosing import Chosen, ForgeSettings, choose_forge
from tests.integration.forges.proposals import QUICK, Project, make_clone, write_executed
from tests.integration.forges.routes import GiteaRoutes, GitHubRoutes
from tests.integration.forges.server import TOKEN, ForgeState, serving
from tests.integration.repositories import git, isolate_git, make_repository

_KINDS: dict[str, Any] = {"gitea": GiteaRoutes, "github": GitHubRoutes}


@pytest.fixture(autouse=True)
def no_other_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the machine's own environment speak for or to a forge."""
    isolate_git(monkeypatch)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", "")
    for name in list(os.environ):
        if name.endswith(("_TOKEN", "_SERVER_URL", "_PROXY", "_proxy")) or "NBX_FORGE" in name:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``first``, ``bare`` and a project's clone are copies of."""
    folder = tmp_path_factory.mktemp("originals")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate_git(monkeypatch)
        monkeypatch.setenv("GIT_TEMPLATE_DIR", "")
        first, bare = make_repository(folder / "first"), folder / "remote.git"
        git(folder, "clone", "--quiet", "--bare", str(first), str(bare))
        # Cleaning up would leave a process in the background.
        git(bare, "config", "receive.autogc", "false")
        git(bare, "config", "http.receivepack", "true")
        make_clone(folder / "project", bare)
        for repository in (first, folder / "project"):
            git(repository, "repack", "-adq")  # fewer files to copy
    return folder


@pytest.fixture
def first(tmp_path: Path, originals: Path) -> Path:
    return Path(shutil.copytree(originals / "first", tmp_path / "first"))


@pytest.fixture
def bare(tmp_path: Path, originals: Path) -> Path:
    """The forge's repository."""
    return Path(shutil.copytree(originals / "remote.git", tmp_path / "remote.git"))


@pytest.fixture
def project(
    tmp_path: Path, originals: Path, server: ForgeState, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A clone of the forge's repository, in the middle of somebody's work."""
    monkeypatch.setenv("NBX_FORGE_TOKEN", TOKEN)
    root = shutil.copytree(originals / "project", tmp_path / "project", symlinks=True)
    git(root, "remote", "set-url", "origin", server.remote)
    git(server.bare, "fetch", "--quiet", str(root), "main:main")
    git(root, "update-index", "-q", "--refresh", check=False)  # a copy's times are its own
    return Project(root, write_executed(tmp_path))


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
