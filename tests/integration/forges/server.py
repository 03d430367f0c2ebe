"""A forge on this machine: it keeps what it is sent, beside a real repository that git pushes to.

Every request and every answer is held against the forge's published description; what does not fit
is in ``violations``. A ``Fault`` has it fail once, in one of the ways in which forges do.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.integration.forges.contract import Contract, problems, typed
from tests.integration.repositories import git

TOKEN = "secret-token-of-the-tests"
How = Literal["answer", "drop", "drop after", "half", "silence", "not json"]
_GIT_LIMIT = 120


@dataclass
class Fault:
    """What happens to the first request that fits.

    Attributes:
        method: Of the request.
        path: A regular expression, searched in its path.
        how: ``answer`` with ``status``; ``drop`` it unread; carry it out and ``drop`` the answer
            after that, or send ``half`` of it, or what is ``not json``; say nothing.
        times: How many such requests it happens to.
    """

    method: str
    path: str
    how: How = "answer"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "out of order"
    times: int = 1


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    raw: bytes = b""


@dataclass
class Answer:
    status: int
    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"message": message})


@dataclass
class ForgeState:
    """What a forge knows: one repository, and all that was made there.

    Attributes:
        url: The forge's address.
        bare: The repository itself.
        page: So many items a page has at most.
    """

    url: str
    bare: Path
    contract: Contract
    owner: str = "team"
    name: str = "fleet"
    archived: bool = False
    may_push: bool = True
    page: int = 50
    largest: int = 4 * 1024 * 1024
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    assets: list[dict[str, Any]] = field(default_factory=list)
    files: dict[int, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last: int = 0

    @property
    def remote(self) -> str:
        return f"{self.url}/{self.owner}/{self.name}.git"

    @property
    def web(self) -> str:
        return f"{self.url}/{self.owner}/{self.name}"

    def number(self) -> int:
        self._last += 1
        return self._last

    def tip(self, branch: str) -> str:
        return git(
            self.bare, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False
        )

    def open_pull(self, head: str, base: str) -> dict[str, Any] | None:
        for pull in self.pulls:
            if (pull["head"]["ref"], pull["base"]["ref"], pull["state"]) == (head, base, "open"):
                return pull
        return None

    def paged(self, items: list[dict[str, Any]], seen: Seen, size: str) -> Answer:
        wanted = min(int(seen.query.get(size, self.page)), self.page)
        page = int(seen.query.get("page", 1))
        shown = items[(page - 1) * wanted : page * wanted]
        link = f'<{self.url}{seen.path}?page={page + 1}>; rel="next"'
        return Answer(200, shown, {"Link": link} if len(items) > page * wanted else {})

    def calls(self, method: str, path: str) -> list[Seen]:
        return [one for one in self.seen if one.method == method and re.search(path, one.path)]


class Routes:
    """What one kind of forge answers; subclasses know its API."""

    base = ""
    word = ""

    def __init__(self, state: ForgeState) -> None:
        self.state = state

    def answer(self, operation: str, found: tuple[str, ...], seen: Seen) -> Answer:
        raise NotImplementedError

    def authorised(self, headers: dict[str, str]) -> bool:
        basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        return headers.get("authorization") in (f"{self.word} {TOKEN}", f"Basic {basic}")


class _Handler(BaseHTTPRequestHandler):
    routes: Routes

    def handle_one(self) -> None:
        seen = self._read()
        if not seen.path.startswith(self.routes.base + "/"):
            self._git(seen)
            return
        state = self.routes.state
        with state.lock:
            state.seen.append(seen)
            fault = self._fault(seen)
            if fault is None or fault.how in ("drop after", "half", "not json"):
                answer = self._api(seen)
        if fault is None:
            self._send(answer)
        elif fault.how == "silence":
            state.over.wait(120)
        elif fault.how == "half":
            self._send(answer, half=True)
        elif fault.how == "not json":
            self._send_bytes(200, b"<html>Welcome</html>", {})
        elif fault.how == "answer":
            self._send(Answer(fault.status, {"message": fault.message}, fault.headers))

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

    def _read(self) -> Seen:
        parts = urlsplit(self.path)
        raw = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        body: Any = None
        if headers.get("content-type", "").startswith("application/json"):
            body = json.loads(raw)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Seen(self.command, parts.path, query, body, headers, raw)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _fault(self, seen: Seen) -> Fault | None:
        faults = self.routes.state.faults
        for fault in faults:
            if fault.method == seen.method and re.search(fault.path, seen.path):
                fault.times -= 1
                if not fault.times:
                    faults.remove(fault)
                return fault
        return None

    def _api(self, seen: Seen) -> Answer:
        state = self.routes.state
        path = seen.path.removeprefix(self.routes.base)
        operation = state.contract.operation(seen.method, path)
        if operation is None:
            state.violations.append(f"{seen.method} {path} is not described")
            return Answer(404, {"message": "no such operation"})
        where = f"{seen.method} {path}"
        wrong = [f"query {name}" for name in seen.query if name not in operation.query]
        for name in set(seen.query) & set(operation.query):
            schema = operation.query[name]
            wrong += problems(typed(seen.query[name], schema), schema)
        if operation.body is not None:
            wrong += problems(seen.body, operation.body)
        elif seen.body is not None:
            wrong.append("a body")
        wrong += sorted(operation.form - set(form_of(seen)))
        state.violations += [f"{where}, request: {one}" for one in wrong]
        found = operation.pattern.fullmatch(path)
        assert found
        try:
            if not self.routes.authorised(seen.headers) and not operation.public:
                raise RefusedError(401, "user does not exist")
            parts = tuple(unquote(part) for part in found.groups())
            answer = self.routes.answer(operation.name, parts, seen)
        except RefusedError as refused:
            answer = refused.answer
        if answer.status != 401 and answer.status not in operation.answers:
            state.violations.append(f"{where}: answered {answer.status}, which is not described")
        described = operation.answers.get(answer.status)
        if described is not None:
            found_wrong = problems(answer.value, described)
            state.violations += [f"{where}, answer: {one}" for one in found_wrong]
        return answer

    def _send(self, answer: Answer, half: bool = False) -> None:
        content = b"" if answer.value is None else json.dumps(answer.value).encode()
        headers = {"Content-Type": "application/json", **answer.headers}
        self._send_bytes(answer.status, content, headers, half=half)

    def _send_bytes(
        self, status: int, content: bytes, headers: dict[str, str], half: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if half else content)

    def _git(self, seen: Seen) -> None:
        """What git's own server answers; only who is known may ask."""
        state = self.routes.state
        prefix = f"/{state.owner}/{state.name}.git"
        if not self.routes.authorised(seen.headers):
            self._send_bytes(401, b"", {"WWW-Authenticate": 'Basic realm="forge"'})
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(state.bare),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": seen.path.removeprefix(prefix),
            "REQUEST_METHOD": seen.method,
            "QUERY_STRING": urlsplit(self.path).query,
            "CONTENT_TYPE": seen.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(seen.raw)),
            "HTTP_CONTENT_ENCODING": seen.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": seen.headers.get("git-protocol", ""),
            "REMOTE_USER": "agent",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=seen.raw, capture_output=True, env=environment,
            timeout=_GIT_LIMIT, check=False,
        )  # fmt: skip
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(BytesParser().parsebytes(head).items())
        status = int(headers.pop("Status", "200").split()[0])
        self._send_bytes(status, content, headers)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def form_of(seen: Seen) -> dict[str, tuple[str, bytes]]:
    """The fields of a form: the name and the content of each file."""
    kind = seen.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return {}
    whole = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + seen.raw)
    found: dict[str, tuple[str, bytes]] = {}
    for part in whole.get_payload():
        assert not isinstance(part, str)
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[name] = (part.get_filename() or "", content)
    return found


@contextmanager
def serving(kind: str, routes: type[Routes], bare: Path) -> Iterator[ForgeState]:
    """A forge whose repository is a bare one; it ends with the block.

    Raises:
        AssertionError: Something that was asked or answered is not as it is described.
    """
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state = ForgeState(f"http://127.0.0.1:{server.server_port}", bare, Contract(kind))
        handler.routes = routes(state)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            state.over.set()
            server.shutdown()
            thread.join()
    assert not state.violations, state.violations
