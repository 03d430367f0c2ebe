"""Getting what is on the web, from where the policy allows and nowhere else.

A name is resolved once, all its addresses are judged, and the connection is made to one of these:
what the name means a moment later does not matter. Each redirect is judged like the first address.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import certifi
import httpx

from notebook_executor.errors import ToolDeniedError, ToolError
from notebook_executor.tools.hosts import WebRules, as_address
from notebook_executor.tools.tool import Call

_SECONDS = 30.0  # for one page, redirects included
_STEP_SECONDS = 10.0
_MOST_BYTES = 5_000_000
_MOST_REDIRECTS = 5
_HEADERS = {"User-Agent": "notebook_executor", "Accept": "text/html,*/*;q=0.8"}
_PORTS = {"http": 80, "https": 443}

Resolver = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Page:
    """What was got.

    Attributes:
        url: Where it was in the end.
        status: The HTTP status.
        content_type: In lower case, without parameters; empty where it says none.
        encoding: The character set it names; None where it names none.
        content: All of it.
    """

    url: str
    status: int
    content_type: str
    encoding: str | None
    content: bytes

    @property
    def text(self) -> str:
        try:
            return self.content.decode(self.encoding or "utf-8", "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")


def addresses_of(host: str, port: int) -> list[str]:
    """What the system's resolver says.

    Raises:
        ToolError: It does not know the host.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ToolError(f"there is no host {host!r}: {error}") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Fetcher:
    """Gets pages for one call of a tool; from several threads.

    Args:
        call: Whose policy and deadline count.
        resolve: Knows the addresses of names.
        trusted: Whose certificates are accepted; None for those that certifi, or the variable
            ``SSL_CERT_FILE``, names.
    """

    def __init__(
        self,
        call: Call,
        resolve: Resolver = addresses_of,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._call = call
        transport = _Judging(call.policy.web, resolve, trusted or _trusted())
        # Proxies of the environment would connect to where we have not looked.
        self._client = httpx.Client(
            transport=transport,
            trust_env=False,
            follow_redirects=True,
            max_redirects=_MOST_REDIRECTS,
            headers=_HEADERS,
            timeout=_STEP_SECONDS,
        )

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def check(self, url: str) -> None:
        """Judge an address by its name alone, before anything is asked of anybody.

        Raises:
            ToolDeniedError: The policy does not allow the host.
            ToolError: It is no address of the web.
        """
        try:
            check_host(self._call.policy.web, httpx.URL(url))
        except (httpx.InvalidURL, TypeError) as error:
            raise ToolError(f"{url!r} is no address of the web: {error}") from None

    def get(self, url: str, params: Mapping[str, str] | None = None) -> Page:
        """Get a page; its status may be any.

        Raises:
            ToolDeniedError: It, or where it redirects to, is somewhere the policy does not allow.
            ToolError: It cannot be had, is too large, or takes too long.
        """
        end = time.monotonic() + self._call.seconds_left(_SECONDS)
        try:
            with self._client.stream("GET", url, params=params) as response:
                content = self._read(response, end)
        except httpx.TooManyRedirects:
            raise ToolError(f"{url} redirects more than {_MOST_REDIRECTS} times") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ToolError(f"{url} cannot be read: {reason}") from None
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = response.charset_encoding
        return Page(str(response.url), response.status_code, kind, encoding, content)

    def _read(self, response: httpx.Response, end: float) -> bytes:
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > _MOST_BYTES:
                raise ToolError(f"{response.url} is larger than {_MOST_BYTES} bytes")
            if time.monotonic() >= end or self._call.cancelled.is_set():
                raise ToolError(f"{response.url} takes too long")
        return bytes(content)


def check_host(rules: WebRules, url: httpx.URL) -> tuple[str, int]:
    """The host and the port that an address means.

    Raises:
        ToolDeniedError: They may not be reached.
        ToolError: It is not an address that could be.
    """
    if url.scheme not in _PORTS or not url.host:
        raise ToolError(f"{str(url)!r} is no address that begins with http:// or https://")
    if url.userinfo:
        raise ToolError("an address must not hold a user's name or password")
    host = url.raw_host.decode("ascii", "replace").lower().rstrip(".")
    port = url.port or _PORTS[url.scheme]
    if not rules.allows_host(host, port):
        raise ToolDeniedError(
            f"the policy does not allow the host {host!r} (port {port})",
            hint=f"web.hosts: {', '.join(rules.hosts) or 'none'}",
        )
    return host, port


class _Judging(httpx.BaseTransport):
    """Sends a request to an address that was judged, as if to the name that it has."""

    def __init__(self, rules: WebRules, resolve: Resolver, trusted: ssl.SSLContext) -> None:
        self._rules = rules
        self._resolve = resolve
        self._inner = httpx.HTTPTransport(verify=trusted, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host, port = check_host(self._rules, request.url)
        addresses = [host] if as_address(host) else self._resolve(host, port)
        for address in addresses:
            if not self._rules.allows_address(host, address, port):
                raise ToolDeniedError(
                    f"the host {host!r} has the address {address}, which is not a public one",
                    hint="The policy has to allow the address itself, in web.hosts.",
                )
        return self._send(request, host, addresses)

    def _send(self, request: httpx.Request, host: str, addresses: list[str]) -> httpx.Response:
        problem: httpx.TransportError = httpx.ConnectError(f"{host!r} has no address")
        for address in addresses:
            extensions: dict[str, Any] = dict(request.extensions)
            if not as_address(host):
                # The certificate has to be the name's, not the address's.
                extensions["sni_hostname"] = host
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return self._inner.handle_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
        raise problem

    def close(self) -> None:
        self._inner.close()


def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
