"""Which forge a remote's repository is on: by setting, by its host, else by asking it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from notebook_executor.errors import ForgeError, UsageError
from notebook_executor.git.repository import Repository
from notebook_executor.review.forges.addresses import Address, origin_of
from notebook_executor.review.forges.gitea import API, Gitea
from notebook_executor.review.forges.github import GitHub
from notebook_executor.review.forges.protocol import Forge, Kind
from notebook_executor.review.forges.refusals import unanswered
from notebook_executor.review.forges.speaking import Pace
from notebook_executor.review.forges.tokens import Credential, find_credential

_FORGES: dict[Kind, type[Gitea] | type[GitHub]] = {"gitea": Gitea, "github": GitHub}
_NAMES: dict[str, Kind] = {"gitea": "gitea", "forgejo": "gitea", "github": "github"}
_TABLE = "[tool.notebook_executor.forge]"
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class ForgeSettings:
    """What is said of the forge, where its address and kind cannot be told from the remote.

    Attributes:
        kind: None: it is found out.
        url: None: it is the remote's own.
        by_operator: Whether the URL is from the environment, not from a file of the repository.
    """

    kind: Kind | None = None
    url: str | None = None
    by_operator: bool = False


@dataclass(frozen=True)
class Chosen:
    """A forge, and what git needs to push there."""

    forge: Forge
    credential: Credential | None
    git_environment: Mapping[str, str] = field(repr=False)


def read_forge_settings(root: Path, environment: Mapping[str, str]) -> ForgeSettings:
    """``NBX_FORGE_KIND`` and ``NBX_FORGE_URL``, else what the project's pyproject.toml says.

    Raises:
        UsageError: One of them makes no sense.
    """
    table = _table(root / "pyproject.toml")
    kind = environment.get("NBX_FORGE_KIND") or table.get("kind")
    given = environment.get("NBX_FORGE_URL")
    url = given or table.get("url")
    if kind is not None and kind not in _NAMES:
        raise UsageError(f"{kind!r} is no kind of forge", hint=f"There are {', '.join(_NAMES)}.")
    if url is not None and not isinstance(url, str):
        raise UsageError(f"The url of {_TABLE} is a text, not {url!r:.50}")
    if url is not None:
        origin_of(url)
    return ForgeSettings(
        kind=None if kind is None else _NAMES[kind],
        url=None if url is None else url.rstrip("/"),
        by_operator=bool(given),
    )


def _table(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    table: Any = document
    for key in ("tool", "notebook_executor", "forge"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict) or not set(table) <= {"kind", "url"}:
        raise UsageError(f"{_TABLE} of {path} has kind and url, and nothing else")
    return table


def choose_forge(
    address: Address,
    repository: Repository,
    settings: ForgeSettings,
    *,
    environment: Mapping[str, str] | None = None,
    pace: Pace | None = None,
) -> Chosen:
    """The forge of a remote's repository; to be closed.

    Blocks while the forge says what it is, where that is not known, and while helpers are asked
    for a token.

    Raises:
        UsageError: It is of no kind that is known.
        ForgeError: It cannot be reached, or there is no token for it.
    """
    variables = os.environ if environment is None else environment
    pace = pace or Pace()
    web = settings.url or address.web
    kind = settings.kind or _kind_of(web, pace)
    trusted = settings.by_operator or _is_same(web, address)
    credential = find_credential(web, kind, address, repository, variables, trusted=trusted)
    if credential is None:
        raise _no_token(web, kind, trusted=trusted)
    return Chosen(
        forge=_FORGES[kind](web, address, credential, pace),
        credential=credential,
        git_environment=credential.for_git(address, variables),
    )


def _is_same(web: str, address: Address) -> bool:
    """Whether a forge's address is the remote's host, and no less secure."""
    if address.scheme != "ssh":
        return web.split("://")[0] == address.scheme and origin_of(web) == address.origin
    host = origin_of(web).rpartition(":")[0] or origin_of(web)
    return host == address.origin and (web.startswith("https:") or host in _LOCAL)


def _kind_of(web: str, pace: Pace) -> Kind:
    """The kind of a forge, by what it answers to somebody whom it does not know."""
    if origin_of(web) == "github.com" or origin_of(web).endswith(".ghe.com"):
        return "github"
    place = f"The forge at {origin_of(web)}"
    try:
        with httpx.Client(timeout=httpx.Timeout(pace.silence), follow_redirects=False) as client:
            if _is_gitea(client.get(f"{web}{API}/version")):
                return "gitea"
            if "X-GitHub-Request-Id" in client.get(f"{web}/api/v3/meta").headers:
                return "github"
    except httpx.TransportError as error:
        raise unanswered(error, "say what it is", place) from error
    raise UsageError(
        f"{place} does not say what it is",
        hint=f"Set kind in {_TABLE} of pyproject.toml, or NBX_FORGE_KIND, to one of "
        f"{', '.join(_NAMES)}.",
    )


def _is_gitea(answer: httpx.Response) -> bool:
    try:
        told = answer.json()
    except ValueError:
        return False
    if not isinstance(told, dict):
        return False
    # One that wants everybody to sign in says so in its own way.
    return isinstance(told.get("version"), str) or "api/swagger" in str(told.get("url", ""))


def _no_token(web: str, kind: Kind, *, trusted: bool) -> ForgeError:
    names = {"gitea": "NBX_FORGE_TOKEN or GITEA_TOKEN", "github": "NBX_FORGE_TOKEN or GH_TOKEN"}
    hint = f"Set {names[kind]}, or teach git a credential helper for {origin_of(web)}."
    if not trusted:
        hint += (
            " The url in pyproject.toml is another host's than the remote's: NBX_FORGE_TOKEN goes"
            " there only if NBX_FORGE_URL says so, too."
        )
    return ForgeError(
        f"There is no token for the forge at {origin_of(web)}",
        hint=hint,
        kind="unauthorized",
        status=None,
        settled=True,
    )
