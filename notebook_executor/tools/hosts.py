"""Which hosts the web tools may reach."""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple

from pydantic import field_validator

from notebook_executor.models import Record

Address = IPv4Address | IPv6Address

# IPv6 networks whose last four bytes are an IPv4 address: NAT64, and "IPv4-compatible".
_HOLDING_IPV4 = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class WebRules(Record):
    """Hosts that may be reached, and where searches are made.

    A name, ``*`` included, leads to public addresses only. What leads elsewhere (this machine,
    private networks, a cloud's metadata service) has to be named by its address or network, or as
    ``localhost``. That holds for redirects, too.

    Attributes:
        hosts: Names; ``*.example.org`` for all below one; ``*`` for every public host; addresses
            (``127.0.0.1``) and networks (``10.1.0.0/16``). Each may end in ``:PORT``.
        search: ``ddgs``, which asks DuckDuckGo; ``ddgs:brave,mojeek`` for other engines of it; or
            the address of a SearXNG instance, ``https://searx.example.org``.
    """

    hosts: tuple[str, ...] = ()
    search: str = "ddgs"

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            _Rule.of(host)
        return hosts

    @field_validator("search")
    @classmethod
    def _check_search(cls, search: str) -> str:
        if not re.fullmatch(r"ddgs(:[a-z,_]+)?|https?://\S+", search):
            raise ValueError(f"{search!r} is neither ddgs nor the address of a SearXNG instance")
        return search

    def allows_host(self, host: str, port: int) -> bool:
        """Whether a host may be reached if its addresses may.

        Args:
            host: A name in lower case, or an address.
            port: Of the connection.
        """
        return any(rule.names(host, port) for rule in self._rules())

    def allows_address(self, host: str, address: str, port: int) -> bool:
        """Whether a host may be reached at an address that it is said to have."""
        where = ip_address(address.partition("%")[0])
        return is_public(where) or any(rule.holds(host, where, port) for rule in self._rules())

    def _rules(self) -> list[_Rule]:
        return [_Rule.of(host) for host in self.hosts]


class _Rule(NamedTuple):
    name: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    @classmethod
    def of(cls, text: str) -> _Rule:
        host, port = _parts(text)
        try:
            return cls("", ip_network(host), port)
        except ValueError:
            if host != "*" and not _NAME.fullmatch(host):
                raise ValueError(
                    f"{text!r} is no host: give a name, *.name, an address or a network"
                ) from None
        return cls(host, None, port)

    def names(self, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        where = as_address(host)
        if self.network is not None:
            # A name may lead there, too; its addresses are looked at.
            return where is not None and where in self.network
        if self.name == "*":
            return where is None or is_public(where)
        return host == self.name or (self.name[:2] == "*." and host.endswith(self.name[1:]))

    def holds(self, host: str, where: Address, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return _plain(where) in self.network
        return self.name == host == "localhost" and _plain(where).is_loopback


def _parts(text: str) -> tuple[str, int | None]:
    """The host and the port of a rule; an IPv6 address with a port stands in brackets."""
    host = text.strip().lower()
    if host.startswith("[") or host.count(":") == 1:
        host, _, digits = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        port = int(digits) if digits.isdecimal() else 0
        if digits and not 0 < port < 65536:
            raise ValueError(f"{text!r}: there is no port {digits!r}")
        return host.strip("[]").rstrip("."), port or None
    return host.rstrip("."), None


def as_address(host: str) -> Address | None:
    """The address that a host is written as; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_public(where: Address) -> bool:
    """Whether everybody means the same host by an address, and it is one host."""
    plain = _plain(where)
    return plain.is_global and not plain.is_multicast


def _plain(where: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one, or what that leads to, as itself."""
    if not isinstance(where, IPv6Address):
        return where
    if any(where in network for network in _HOLDING_IPV4) and int(where) > 1:
        return IPv4Address(int(where) & 0xFFFFFFFF)
    return where.ipv4_mapped or where.sixtofour or (where.teredo or (None, None))[1] or where
