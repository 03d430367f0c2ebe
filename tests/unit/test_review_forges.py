"""Whose repository a remote's URL names, and which token goes to whom."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import ForgeError, NotebookExecutorError, UsageError
from notebook_executor.git.repository import Repository
from notebook_executor.review.forges.addresses import address_of, without_credentials
from notebook_executor.review.forges.choosing import (
    ForgeSettings,
    choose_forge,
    read_forge_settings,
)
from notebook_executor.review.forges.github import GitHub
from notebook_executor.review.forges.tokens import Credential
from tests.integration.forges import contract
from tests.integration.repositories import git, isolate_git, make_repository

SECRET = "s3cret-token"
PLAIN = "https://git.example.org/team/fleet.git"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    isolate_git(monkeypatch)
    return Repository.of(make_repository(tmp_path / "project"))


@pytest.mark.parametrize(
    ("url", "web", "name"),
    [
        (PLAIN, "https://git.example.org", "team/fleet"),
        ("https://git.example.org/team/fleet", "https://git.example.org", "team/fleet"),
        ("https://GIT.example.org:443/team/fleet.git/", "https://git.example.org", "team/fleet"),
        ("http://10.0.0.1:3000/team/fleet.git", "http://10.0.0.1:3000", "team/fleet"),
        ("https://example.org/git/a/team/fleet.git", "https://example.org/git/a", "team/fleet"),
        ("https://me:pw@example.org/team/fleet.git", "https://example.org", "team/fleet"),
        ("https://[2001:db8::1]:3000/t/f.git", "https://[2001:db8::1]:3000", "t/f"),
        ("ssh://git@example.org:2222/team/fleet.git", "https://example.org", "team/fleet"),
        ("ssh://git@[2001:db8::1]/team/fleet.git", "https://[2001:db8::1]", "team/fleet"),
        ("git+ssh://git@example.org/team/fleet", "https://example.org", "team/fleet"),
        ("git@example.org:team/fleet.git", "https://example.org", "team/fleet"),
        ("example.org:/team/fleet.git", "https://example.org", "team/fleet"),
        ("git@[2001:db8::1]:team/fleet.git", "https://[2001:db8::1]", "team/fleet"),
        ("https://example.org/t%C3%A9am/a.b.git", "https://example.org", "téam/a.b"),
    ],
)
def test_a_remotes_url(url: str, web: str, name: str) -> None:
    address = address_of(url)

    assert (address.web, f"{address.owner}/{address.name}") == (web, name)


@pytest.mark.parametrize(
    "url",
    [
        "/srv/git/fleet.git", "../fleet.git", "file:///srv/git/fleet.git", "C:/git/fleet.git",
        "https://example.org/fleet.git", "https://example.org/", "https://", "", "example.org",
        "https://me:s3cret-token@example.org/", "https://example.org:x/team/fleet.git",
        "ext::program/team/fleet",
    ],
)  # fmt: skip
def test_a_url_that_is_on_no_forge(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        address_of(url)

    assert caught.value.hint
    assert SECRET not in str(caught.value)


def test_what_a_url_holds_is_not_shown() -> None:
    address = address_of(f"https://me:{SECRET}@example.org/team/fleet.git")

    assert (address.username, address.password) == ("me", SECRET)
    assert SECRET not in repr(address)
    assert without_credentials(f"see https://me:{SECRET}@x.org/y") == "see https://x.org/y"


@pytest.mark.parametrize(
    ("web", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com"),
        ("https://github.example.org", "https://github.example.org/api/v3"),
    ],
)
def test_where_the_api_of_a_github_is(web: str, api: str) -> None:
    assert GitHub.api_of(web) == api


def header(
    repository: Repository, remote: str, environment: dict[str, str], **settings: Any
) -> str | None:
    """What a forge would be told, if anything."""
    given = ForgeSettings(**{"kind": "gitea", **settings})
    try:
        chosen = choose_forge(address_of(remote), repository, given, environment=environment)
    except ForgeError as error:
        return {"unauthorized": None}[error.kind]
    with chosen.forge:
        assert chosen.credential
        assert SECRET not in repr(chosen)
        return chosen.credential.headers["Authorization"]


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({"NBX_FORGE_TOKEN": SECRET}, PLAIN, True),
        ({"NBX_FORGE_TOKEN": f" {SECRET}\n"}, PLAIN, True),
        ({"NBX_FORGE_TOKEN": " "}, PLAIN, False),
        ({"GITEA_TOKEN": SECRET}, PLAIN, True),
        ({"FORGEJO_TOKEN": SECRET}, PLAIN, True),
        ({"GITEA_TOKEN": SECRET, "GITEA_SERVER_URL": "https://git.example.org"}, PLAIN, True),
        ({"GITEA_TOKEN": SECRET, "GITEA_SERVER_URL": "https://example.org"}, PLAIN, False),
        ({"GITHUB_TOKEN": SECRET}, PLAIN, False),
        ({"GH_TOKEN": SECRET}, PLAIN, False),
        ({"GITHUB_TOKEN": SECRET, "GITHUB_SERVER_URL": "https://git.example.org"}, PLAIN, True),
        ({"OTHER_TOKEN": SECRET}, PLAIN, False),
    ],
)
def test_a_token_goes_where_it_belongs(
    repository: Repository, environment: dict[str, str], url: str, expected: bool
) -> None:
    assert header(repository, url, environment) == (f"token {SECRET}" if expected else None)


def test_tokens_for_github(repository: Repository) -> None:
    url = "git@github.com:team/fleet.git"
    for name in ("NBX_FORGE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"):
        told = header(repository, url, {name: SECRET, "GITEA_TOKEN": "other"}, kind=None)
        assert told == f"Bearer {SECRET}"
    assert header(repository, url, {"GITEA_TOKEN": SECRET}, kind=None) is None


@pytest.mark.parametrize(
    ("remote", "url", "by_operator", "expected"),
    [
        ("git@ssh.example.org:team/fleet.git", "https://git.example.org", False, False),
        ("git@ssh.example.org:team/fleet.git", "https://git.example.org", True, True),
        ("git@git.example.org:team/fleet.git", "https://git.example.org:3000/sub", False, True),
        ("git@git.example.org:team/fleet.git", "http://git.example.org", False, False),
        (PLAIN, "http://git.example.org", False, False),
        (PLAIN, "https://git.example.org/sub", False, True),
        (PLAIN, "https://evil.example.org", False, False),
    ],
)
def test_a_file_of_the_repository_sends_the_token_nowhere_else(
    repository: Repository, remote: str, url: str, by_operator: bool, expected: bool
) -> None:
    for name in ("NBX_FORGE_TOKEN", "GITEA_TOKEN"):
        told = header(repository, remote, {name: SECRET}, url=url, by_operator=by_operator)
        assert (told is not None) is expected


def test_the_password_of_the_remotes_url(repository: Repository) -> None:
    url = f"https://me:{SECRET}@git.example.org/team/fleet.git"

    assert header(repository, url, {}) == "Basic bWU6czNjcmV0LXRva2Vu"
    assert header(repository, url, {}, url="https://evil.example.org") is None


def test_a_credential_helper_is_asked(repository: Repository, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    helper = f"!f() {{ cat >> {asked}; echo username=me; echo password={SECRET}; }}; f"
    git(repository.top, "config", "credential.helper", helper)

    told = header(repository, "https://git.example.org:3000/sub/team/fleet.git", {})

    assert told == "Basic bWU6czNjcmV0LXRva2Vu"
    assert "host=git.example.org:3000\n" in asked.read_text()


def test_nobody_is_asked(repository: Repository, tmp_path: Path) -> None:
    program = tmp_path / "ask"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho x\n", "utf-8")
    program.chmod(0o755)
    git(repository.top, "config", "core.askPass", str(program))

    assert header(repository, PLAIN, {}) is None
    assert not (tmp_path / "asked").exists()


def test_git_gets_it_by_its_environment_alone(repository: Repository) -> None:
    credential = Credential("NBX_FORGE_TOKEN", "gitea", SECRET, own=True)
    git(repository.top, "config", "credential.helper", "!touch kept; false")

    told = credential.for_git(address_of(PLAIN), {"GIT_CONFIG_COUNT": "1"})
    done = subprocess.run(
        ["git", "-C", str(repository.top), "credential", "fill"],
        input="protocol=https\nhost=git.example.org\n\n", env={"PATH": "/usr/bin:/bin", **told,
        "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Test"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert f"password={SECRET}" in done.stdout.splitlines()
    assert not (repository.top / "kept").exists()
    assert not any(SECRET in value for name, value in told.items() if "CONFIG" in name)
    assert credential.for_git(address_of("git@x.org:a/b"), {}) == {}
    assert Credential("helper", "gitea", SECRET).for_git(address_of(PLAIN), {}) == {}


def test_what_is_no_token(repository: Repository) -> None:
    for value in (f"{SECRET}\nX-Other: 1", f"two {SECRET}", f"{SECRET}é"):
        with pytest.raises(UsageError, match="NBX_FORGE_TOKEN holds is no token") as caught:
            header(repository, PLAIN, {"NBX_FORGE_TOKEN": value})
        assert SECRET not in str(caught.value)


def test_a_secret_is_struck_out() -> None:
    credential = Credential("helper", "gitea", SECRET, "me")

    assert credential.scrub(f"a {SECRET} b bWU6czNjcmV0LXRva2Vu c") == "a *** b *** c"
    assert SECRET not in repr(credential)


def test_settings(tmp_path: Path) -> None:
    assert read_forge_settings(tmp_path, {}) == ForgeSettings()
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[tool.notebook_executor.forge]\nkind = "forgejo"\nurl = "https://x.org/sub/"\n', "utf-8"
    )

    found = read_forge_settings(tmp_path, {})
    assert found == ForgeSettings("gitea", "https://x.org/sub")
    variables = {"NBX_FORGE_KIND": "github", "NBX_FORGE_URL": "https://y.org"}
    assert read_forge_settings(tmp_path, variables) == ForgeSettings(
        "github", "https://y.org", by_operator=True
    )


@pytest.mark.parametrize(
    "text",
    [
        '[tool.notebook_executor.forge]\nkind = "gitlab"',
        "[tool.notebook_executor.forge]\nkind = 1",
        "[tool.notebook_executor.forge]\nurl = 1",
        '[tool.notebook_executor.forge]\nurl = "x.org"',
        '[tool.notebook_executor.forge]\nurl = "ssh://x.org"',
        "[tool.notebook_executor.forge]\ntoken = 'x'",
        "[tool.notebook_executor]\nforge = 1",
        "[tool",
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")

    with pytest.raises(NotebookExecutorError):
        read_forge_settings(tmp_path, {})


@pytest.mark.parametrize("kind", ["gitea", "github"])
def test_all_calls_are_documented(kind: str) -> None:
    page = (Path(__file__).parents[2] / "docs/propose.md").read_text("utf-8")
    extract = json.loads((Path(contract.__file__).parent / f"{kind}.json").read_text("utf-8"))

    calls = [
        f"`{method.upper()} {path}`" for path, found in extract["paths"].items() for method in found
    ]
    assert len(calls) >= 10
    assert [call for call in calls if call not in page] == []
