"""A forge's failures as one typed error each: what was wrong, and what to do about it."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from notebook_executor.errors import ForgeError
from notebook_executor.text import clip, visible

_SAID = 300  # characters of a forge's own words
_KINDS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "too_large",
    422: "invalid",
    423: "locked",
    429: "rate_limited",
}
_HINTS = {
    "unauthorized": "The forge does not know this token (any more); make a new one.",
    "forbidden": "The token needs more rights: to write the repository's contents, its pull "
    "requests and issues, and, on GitHub, commit statuses.",
    "not_found": "Is the remote right, and may the token see the repository? Forges say the same "
    "of what is not there and of what is not to be seen.",
    "conflict": "Somebody else was faster; call it again.",
    "too_large": "The forge takes no text or file of this size; a smaller report may do.",
    "invalid": "The forge's own words say what it does not take.",
    "locked": "The repository is archived; nothing can be proposed there.",
    "rate_limited": "Wait until the forge takes requests again, then call it again.",
    "redirected": "The repository or the forge has moved, and a token is not sent after it: "
    "git remote set-url, or set the forge's url.",
    "refused": "The forge's own words say why.",
    "unavailable": "The forge is in trouble; call it again later: what is done is found again.",
    "timeout": "The forge was too slow; call it again: what is done is found again.",
    "unreachable": "Is the forge's address right, and the network up? Call it again.",
    "tls": "Its certificate is not trusted here; SSL_CERT_FILE can name your own authority's.",
    "malformed": "Is this the address of a forge's API? Set the forge's kind and url.",
}


def refused(answer: httpx.Response, task: str, place: str) -> ForgeError:
    """The error of an answer that is not a success.

    Args:
        answer: Read to its end.
        task: What was to be done.
        place: The forge, for the reader.
    """
    status = answer.status_code
    kind = _kind_of(answer)
    said = _words(answer)
    wait = wait_asked(answer)
    later = f" (in {wait:.0f} s)" if wait else ""
    return _error(
        kind,
        f"{place} refused to {task}: {status}{f', {said}' if said else ''}{later}",
        status=status,
        settled=status < 500,
        retry_after=wait,
    )


def unanswered(error: httpx.TransportError, task: str, place: str) -> ForgeError:
    """The error of a request that had no whole answer."""
    if isinstance(error, httpx.TimeoutException):
        kind, why = "timeout", "it did not answer in time"
    elif _is_tls(error):
        kind, why = "tls", f"no secure connection: {error}"
    else:
        kind, why = "unreachable", str(error) or type(error).__name__
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return _error(
        kind, f"{place} could not be asked to {task}: {why}", status=None, settled=not sent
    )


def malformed(task: str, place: str, why: str, status: int | None) -> ForgeError:
    """The error of an answer that is not what the API's description says."""
    return _error(
        "malformed",
        f"{place} answered what is no answer to a request to {task}: {clip(why, _SAID)}",
        status=status,
        settled=False,
    )


def wait_asked(answer: httpx.Response) -> float:
    """Seconds that a forge wants to be left alone; 0 where it does not say."""
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else 0.0


def is_rate_limit(answer: httpx.Response) -> bool:
    """Whether too much was asked; GitHub says so with 403, too."""
    spent = answer.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in answer.headers
    return answer.status_code == 429 or (answer.status_code == 403 and spent)


def _kind_of(answer: httpx.Response) -> str:
    if is_rate_limit(answer):
        return "rate_limited"
    if answer.is_redirect or answer.status_code in (300, 304):
        return "redirected"
    if answer.status_code >= 500:
        return "unavailable"
    return _KINDS.get(answer.status_code, "refused")


def _words(answer: httpx.Response) -> str:
    """What the forge itself says, in one line."""
    try:
        told: Any = answer.json()
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    more = told.get("errors")
    parts = [told.get("message"), *(_detail(item) for item in more or () if more is not None)]
    texts = [part for part in parts if isinstance(part, str) and part]
    return clip(visible(" ".join("; ".join(texts).split())), _SAID)


def _detail(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return item.get("message") or " ".join(
        str(item[key]) for key in ("field", "code") if key in item
    )


def _is_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _error(kind: str, message: str, **details: Any) -> ForgeError:
    return ForgeError(message, hint=_HINTS[kind], kind=kind, **details)
