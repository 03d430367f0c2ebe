"""Whom a forge is told that we are: tokens of the environment, of the remote, or of a helper.

A token goes to the host that it belongs to, in a header, and nowhere else: into no argument of a
program, no file, no record and no error.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from notebook_executor.errors import UsageError
from notebook_executor.git.repository import Repository
from notebook_executor.review.forges.addresses import Address, origin_of
from notebook_executor.review.forges.protocol import Kind

_HELPER_TIMEOUT = 20.0
_SCHEME_WORD: dict[Kind, str] = {"gitea": "token", "github": "Bearer"}
# git asks by these for what it is told; the secret itself is only in the environment.
_HELPER = (
    '!f() { test "$1" = get && echo "username=$NBX_PUSH_USERNAME" '
    '&& echo "password=$NBX_PUSH_PASSWORD"; }; f'
)
_HIDDEN = "***"


@dataclass(frozen=True)
class Credential:
    """What authorises requests to one forge.

    Attributes:
        source: Where it is from, for the reader of an error.
        secret: A token, or a password.
        username: Whose password it is; None for a token.
        kind: Of the forge.
        own: Whether git does not have it by itself.
    """

    source: str
    kind: Kind
    secret: str = field(repr=False)
    username: str | None = field(default=None, repr=False)
    own: bool = False

    @property
    def headers(self) -> dict[str, str]:
        if self.username is None:
            return {"Authorization": f"{_SCHEME_WORD[self.kind]} {self.secret}"}
        return {"Authorization": f"Basic {self._pair}"}

    @property
    def _pair(self) -> str:
        return base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()

    def scrub(self, text: str) -> str:
        """A text without the secret, whatever it was put into."""
        for secret in (self.secret, self._pair):
            text = text.replace(secret, _HIDDEN) if secret else text
        return text

    def for_git(self, address: Address, environment: Mapping[str, str]) -> dict[str, str]:
        """What git's environment needs to push with it; empty where git has its own.

        Helpers of the user are not asked: git would tell them to keep the token.
        """
        if not self.own or address.scheme == "ssh":
            return {}
        count = int(environment.get("GIT_CONFIG_COUNT") or 0)
        told = {
            "NBX_PUSH_USERNAME": self.username or address.username or "x-access-token",
            "NBX_PUSH_PASSWORD": self.secret,
            "GIT_CONFIG_COUNT": str(count + 2),
        }
        for number, value in enumerate(("", _HELPER), start=count):
            told[f"GIT_CONFIG_KEY_{number}"] = "credential.helper"
            told[f"GIT_CONFIG_VALUE_{number}"] = value
        return told


def find_credential(
    web: str,
    kind: Kind,
    address: Address,
    repository: Repository,
    environment: Mapping[str, str],
    *,
    trusted: bool,
) -> Credential | None:
    """What authorises requests to a forge; None where there is nothing.

    Blocks for as long as git's credential helpers take, twenty seconds at most; nobody is asked.

    Args:
        web: The forge's address.
        kind: Of the forge.
        address: What the remote says.
        repository: Whose helpers are asked.
        environment: Where tokens are looked for.
        trusted: Whether the forge's address is the remote's own, or the operator's word: tokens
            that do not say for which host they are go only there.
    """
    for name, host in _variables(kind, environment):
        belongs = trusted if host is None else host == origin_of(web)
        token = environment.get(name, "").strip()
        if token and belongs:
            return Credential(name, kind, _checked(token, name), own=True)
    if address.password and trusted:
        return Credential("the remote's URL", kind, address.password, address.username)
    return _from_helper(web, kind, address, repository)


def _checked(token: str, name: str) -> str:
    if token.isascii() and token.isprintable() and " " not in token:
        return token
    raise UsageError(f"What {name} holds is no token", hint="It has characters that none has.")


def _variables(kind: Kind, environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Names of variables, and the host that each is for; None where nothing says."""
    yield "NBX_FORGE_TOKEN", None
    if kind == "gitea":
        server = _host_of(environment.get("GITEA_SERVER_URL"))
        yield "GITEA_TOKEN", server
        yield "FORGEJO_TOKEN", _host_of(environment.get("FORGEJO_SERVER_URL")) or server
    # A runner of Gitea's sets GITHUB_TOKEN, too, and says which server it is for.
    yield "GITHUB_TOKEN", _host_of(environment.get("GITHUB_SERVER_URL")) or "github.com"
    yield "GH_TOKEN", environment.get("GH_HOST", "").lower() or "github.com"


def _host_of(url: str | None) -> str | None:
    return origin_of(url) if url else None


def _from_helper(
    web: str, kind: Kind, address: Address, repository: Repository
) -> Credential | None:
    parts = urlsplit(web)
    asked = {
        "protocol": parts.scheme,
        "host": origin_of(web),
        "path": f"{parts.path}/{address.owner}/{address.name}.git".lstrip("/"),
        **({"username": address.username} if address.username else {}),
    }
    question = "".join(f"{key}={value}\n" for key, value in asked.items()) + "\n"
    # An empty GIT_ASKPASS: not even a window asks.
    quiet = repository.having(GIT_ASKPASS="", GCM_INTERACTIVE="never")
    done = quiet.run("credential", "fill", stdin=question.encode(), timeout=_HELPER_TIMEOUT)
    if done.code != 0:
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    if not told.get("password"):
        return None
    name = told.get("username", "")
    return Credential("git's credential helper", kind, told["password"], name)
