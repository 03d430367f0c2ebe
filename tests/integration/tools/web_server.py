"""A web server of our own, with all that goes wrong on others."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ARTICLE = """<!doctype html><html><head><title>Orders of the day</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About</a></nav>
<article><h1>Orders of the day</h1>
<p>The warehouse sent 904 parcels today, which is more than on any other day of this month, and
none of them was late. The people who packed them are thanked.</p>
<p>A second paragraph says that tomorrow there will be fewer, as the belt is being repaired.</p>
</article><footer>Imprint</footer></body></html>"""

_FOUND = [
    {
        "url": f"https://example.org/{number}",
        "title": f"Title {number}",
        "content": f"About {number}",
    }
    for number in range(1, 8)
]
_DUCKDUCKGO = "".join(
    f'<div class="result__body"><h2>Title {n}</h2>'
    f'<a href="https://example.org/{n}">About {n}</a></div>'
    for n in range(1, 4)
)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(f"{self.headers['Host']} {self.path}")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        getattr(self, f"_get{parts.path.replace('/', '_')}", self._get_missing)(query)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(f"{self.headers['Host']} {self.path} {body.decode()}")
        self._answer("text/html", f"<html><body>{_DUCKDUCKGO}</body></html>".encode())

    def _get_article(self, query: dict[str, str]) -> None:
        self._answer("text/html; charset=utf-8", ARTICLE.encode())

    def _get_plain(self, query: dict[str, str]) -> None:
        self._answer("text/plain; charset=latin-1", "caf\xe9".encode("latin-1"))

    def _get_json(self, query: dict[str, str]) -> None:
        self._answer("application/json", b'{"a": 1}')

    def _get_image(self, query: dict[str, str]) -> None:
        self._answer("image/png", b"\x89PNG")

    def _get_long(self, query: dict[str, str]) -> None:
        self._answer("text/plain", b"0123456789" * 10_000)

    def _get_huge(self, query: dict[str, str]) -> None:
        self._answer("text/plain", b"x" * 6_000_000)

    def _get_redirect(self, query: dict[str, str]) -> None:
        self.send_response(302)
        self.send_header("Location", query["to"])
        self.end_headers()

    def _get_loop(self, query: dict[str, str]) -> None:
        self.send_response(302)
        self.send_header("Location", "/loop")
        self.end_headers()

    def _get_stuck(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        while not self.server.closing.wait(0.05):
            try:
                self.wfile.write(b".")
            except OSError:
                return

    def _get_search(self, query: dict[str, str]) -> None:
        if query["q"] == "nothing":
            self._answer("application/json", b'{"results": []}')
        elif query["q"] == "broken":
            self._answer("application/json", b'{"answer": 42}')
        elif query["q"] == "forbidden":
            self._answer("text/html", b"no", 403)
        else:
            assert query["format"] == "json"
            self._answer("application/json", json.dumps({"results": _FOUND}).encode())

    def _get_missing(self, query: dict[str, str]) -> None:
        self._answer("text/plain", b"none", 404)

    def _answer(self, kind: str, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return

    def log_message(self, *_: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    """On a free port of 127.0.0.1.

    Attributes:
        asked: Host and path of each request.
        closing: Set at the end, for handlers that do not come to one.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


@contextmanager
def served(certificate: str | None = None) -> Iterator[Server]:
    """A server while the block lasts; with a certificate (and its key, in one file) over TLS."""
    with Server() as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
