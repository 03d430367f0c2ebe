"""Requests to a forge's API: authorised, bounded in time and size, and never sent on elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from notebook_executor.errors import ForgeError
from notebook_executor.review.forges.refusals import (
    malformed,
    refused,
    unanswered,
)
from notebook_executor.review.forges.tokens import Credential

_CONNECT = 10.0  # seconds
_WHOLE = 120.0  # for one answer, however it trickles in
_LARGEST = 32 * 1024 * 1024
_LONGEST_WAIT = 30.0  # that a forge may ask for
_PASSING = (502, 503, 504)
_OF_TRANSPORT = ("content-encoding", "content-length", "transfer-encoding")
_PAGE = 50
_PAGES = 200

_Answer = TypeVar("_Answer", bound=BaseModel)


@dataclass(frozen=True)
class Pace:
    """How patient requests are.

    Attributes:
        waits: Seconds before each further try.
        silence: Seconds that a forge may say nothing.
    """

    waits: tuple[float, ...] = (0.5, 2.0)
    silence: float = 30.0


class Api:
    """One forge's API. Redirects are not followed: the token is for this address alone.

    A request that changes nothing is tried three times where another try may help; any other one
    only where it is certain that it was not carried out.

    Args:
        base: Below which all paths are.
        place: The forge, for the reader of an error.
        headers: Of each request.
        credential: What authorises; None for nobody.
        pace: How patient requests are.
    """

    def __init__(
        self,
        base: str,
        place: str,
        headers: Mapping[str, str],
        credential: Credential | None,
        pace: Pace,
    ) -> None:
        self.place = place
        self._base = base
        self._credential = credential
        self._waits = pace.waits
        agent = {"User-Agent": f"notebook_executor/{version('notebook_executor')}"}
        # Proxies, and whom to trust, are what the environment says; so does httpx by itself.
        self._client = httpx.Client(
            headers={**agent, **headers},
            timeout=httpx.Timeout(pace.silence, connect=min(_CONNECT, pace.silence)),
            follow_redirects=False,
        )

    def close(self) -> None:
        self._client.close()

    def get(
        self,
        shape: type[_Answer],
        task: str,
        *path: str | int,
        query: Mapping[str, str | int] | None = None,
    ) -> _Answer:
        """What is there, as far as ``shape`` reads it.

        Args:
            shape: Of the answer.
            task: What is to be done, for the reader of an error.
            path: Its parts, which may hold any character.
            query: Of the address.
        """
        return self._read(shape, task, self._ask("GET", task, path, query=query))

    def pages(
        self,
        shape: type[_Answer],
        task: str,
        *path: str | int,
        size: str,
        query: Mapping[str, str | int] | None = None,
    ) -> Iterator[_Answer]:
        """All items of a list that comes in pages.

        Args:
            shape: Of an item.
            size: What the parameter is called that says how many a page has.
            task: As of ``get``; so are the others.
            path: As of ``get``.
            query: As of ``get``.
        """
        for page in range(1, _PAGES + 1):
            numbered = {**(query or {}), size: _PAGE, "page": page}
            answer = self._ask("GET", task, path, query=numbered)
            items = self._read_list(shape, task, answer)
            yield from items
            # A full page may be the last one; a forge may also give fewer than it was asked for.
            if not items or (len(items) < _PAGE and "next" not in answer.links):
                return

    def listed(self, shape: type[_Answer], task: str, *path: str | int) -> list[_Answer]:
        """All items of a list that comes whole."""
        return self._read_list(shape, task, self._ask("GET", task, path))

    def send(
        self,
        method: str,
        shape: type[_Answer],
        task: str,
        *path: str | int,
        body: Mapping[str, Any] | None = None,
        file: tuple[str, bytes] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> _Answer:
        """Change something; what there is then.

        Args:
            method: ``POST`` or ``PATCH``.
            shape: Of the answer.
            task: As of ``get``; so are path and query.
            path: As of ``get``.
            body: Sent as JSON.
            file: Name and content, sent as the form's field ``attachment`` instead.
            query: As of ``get``.
        """
        given: dict[str, Any] = {"json": body} if file is None else {"files": {"attachment": file}}
        return self._read(shape, task, self._ask(method, task, path, query=query, **given))

    def remove(self, task: str, *path: str | int) -> None:
        """Delete something; what is not there any more is no error."""
        try:
            self._ask("DELETE", task, path)
        except ForgeError as error:
            if error.kind != "not_found":
                raise

    def _ask(
        self,
        method: str,
        task: str,
        path: tuple[str | int, ...],
        *,
        query: Mapping[str, str | int] | None = None,
        **given: Any,
    ) -> httpx.Response:
        address = "/".join([self._base, *(quote(str(part), safe="") for part in path)])
        for wait in (*self._waits, None):
            try:
                return self._once(method, address, task, query, given)
            except ForgeError as error:
                asked = self._patience(error, method)
                if wait is None or asked is None:
                    raise self._without_secrets(error) from error.__cause__
                time.sleep(max(wait, asked))
        raise AssertionError("the last wait is None")

    def _once(
        self,
        method: str,
        address: str,
        task: str,
        query: Mapping[str, str | int] | None,
        given: Mapping[str, Any],
    ) -> httpx.Response:
        authorised = self._credential.headers if self._credential else {}
        end = time.monotonic() + _WHOLE
        try:
            with self._client.stream(
                method, address, params=query, headers=authorised, **given
            ) as answer:
                content = bytearray()
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > _LARGEST:
                        raise malformed(task, self.place, "it never ends", answer.status_code)
                    if time.monotonic() > end:
                        raise httpx.ReadTimeout("it trickles in")
        except httpx.TransportError as error:
            raise unanswered(error, task, self.place) from error
        except httpx.DecodingError as error:
            raise malformed(task, self.place, str(error), None) from error
        told = [pair for pair in answer.headers.multi_items() if pair[0] not in _OF_TRANSPORT]
        whole = httpx.Response(answer.status_code, headers=told, content=bytes(content))
        if whole.is_success:
            return whole
        raise refused(whole, task, self.place)

    def _patience(self, error: ForgeError, method: str) -> float | None:
        """Seconds after which another try may help; None: it may not, or may do harm."""
        if error.kind == "rate_limited":
            asked = float(error.details.get("retry_after") or 0.0)
            return asked if asked <= _LONGEST_WAIT else None
        status = error.details.get("status")
        passing = status in _PASSING or error.kind in ("timeout", "unreachable")
        harmless = method == "GET" or (status is None and error.settled)
        return 0.0 if passing and harmless else None

    def _without_secrets(self, error: ForgeError) -> ForgeError:
        if self._credential is None:
            return error
        scrubbed = self._credential.scrub(error.message)
        source = f" It came from {self._credential.source}."
        hint = error.hint + (source if error.kind in ("unauthorized", "forbidden") else "")
        return ForgeError(scrubbed, hint=hint, **error.details)

    def _read(self, shape: type[_Answer], task: str, answer: httpx.Response) -> _Answer:
        return self._shaped(shape, task, self._json(task, answer), answer)

    def _read_list(self, shape: type[_Answer], task: str, answer: httpx.Response) -> list[_Answer]:
        items = self._json(task, answer)
        if not isinstance(items, list):
            raise malformed(task, self.place, "it is not a list", answer.status_code)
        return [self._shaped(shape, task, item, answer) for item in items]

    def _json(self, task: str, answer: httpx.Response) -> Any:
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            why = f"it is not JSON: {error}"
            raise malformed(task, self.place, why, answer.status_code) from None

    def _shaped(
        self, shape: type[_Answer], task: str, value: Any, answer: httpx.Response
    ) -> _Answer:
        try:
            return shape.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            why = f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
            raise malformed(task, self.place, why, answer.status_code) from None
