"""Where a remote's repository is on its forge, of any form of URL that git takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from notebook_executor.errors import UsageError

# What git takes for host:path, and not for a path of this machine or for a drive's letter.
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[^]/]+\]|[^@/:\[\]]{2,}):(?P<path>[^:].*)")
_SCHEMES = ("https", "http", "ssh", "git+ssh", "ssh+git")


@dataclass(frozen=True)
class Address:
    """A repository on a forge, as a remote's URL names it.

    Attributes:
        web: The forge's own address, ``https://git.example.org/sub``; of a remote by ssh a guess,
            which a setting may correct.
        owner: Of the repository.
        name: The repository's, without ``.git``.
        scheme: How git speaks to it: ``https``, ``http`` or ``ssh``.
        username: From the URL; empty where it has none.
        password: Likewise; a secret.
    """

    web: str
    owner: str
    name: str
    scheme: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Host, and port where it is not the scheme's own."""
        return origin_of(self.web)

    @property
    def shown(self) -> str:
        return f"{self.owner}/{self.name} on {self.origin}"


def address_of(url: str) -> Address:
    """What a remote's URL says of the forge and the repository.

    Raises:
        UsageError: It names no host, or no owner and repository there.
    """
    parts = _split(url)
    if parts is None:
        raise UsageError(
            f"The remote {without_credentials(url)!r} is on no forge",
            hint="A pull request needs a remote like https://HOST/OWNER/REPOSITORY.git.",
        )
    *prefix, owner, name = ["", "", *(unquote(part) for part in parts.path.split("/") if part)]
    name = name.removesuffix(".git")
    if not owner or not name:
        raise UsageError(
            f"The remote {without_credentials(url)!r} names no owner and repository",
            hint="It should end with /OWNER/REPOSITORY.git.",
        )
    web = parts.scheme in ("https", "http")
    place = "/".join(part for part in prefix if part) if web else ""
    host = _host(parts, with_port=web)
    return Address(
        web=f"{parts.scheme if web else 'https'}://{host}{f'/{place}' if place else ''}",
        owner=owner,
        name=name,
        scheme=parts.scheme if web else "ssh",
        username=unquote(parts.username or "") if web else "",
        password=unquote(parts.password or "") if web else "",
    )


def _split(url: str) -> SplitResult | None:
    """The parts of a URL with a host; None for everything else."""
    if "://" not in url:
        found = _SCP.fullmatch(url)
        if found is None:
            return None
        return SplitResult("ssh", found["host"], f"/{found['path']}", "", "")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _host(parts: SplitResult, *, with_port: bool) -> str:
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port if with_port else None
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return host if port in (None, usual) else f"{host}:{port}"


def origin_of(web: str) -> str:
    """Host and port of a forge's address.

    Raises:
        UsageError: It is no address of a web server.
    """
    parts = _split(web)
    if parts is None or parts.scheme not in ("https", "http"):
        raise UsageError(
            f"{without_credentials(web)!r} is not the address of a forge",
            hint="It is like https://git.example.org, with a path where the forge has one.",
        )
    return _host(parts, with_port=True)


def without_credentials(url: str) -> str:
    """A URL as it may be shown."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", url)
