"""How somebody is told: by a program that reads the notice, or by an address that is sent it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.commands import run_command
from notebook_executor.schedule.notice import Notice

if TYPE_CHECKING:
    import httpx

_COMMAND_TIMEOUT = 60.0
_CONNECT, _ANSWER = 5.0, 15.0  # seconds
_WAITS = (1.0, 4.0)  # before the second try, and the third
_LONGEST_WAIT = 30.0  # that a server may ask for
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


def call_command(command: str | tuple[str, ...], notice: Notice, root: Path) -> str | None:
    """Run a program with the notice on its standard input; blocks for at most a minute.

    Its environment names the most useful of it: ``NBX_OCCASION``, ``NBX_NAME``, ``NBX_STATUS``,
    ``NBX_SCHEDULED_AT``, ``NBX_RUN_ID``, ``NBX_OUTPUT_PATH``, ``NBX_TEXT``.

    Args:
        command: A text is the shell's; of a list, the first is the program.
        notice: What there is to tell.
        root: Where it runs.

    Returns:
        Why it failed; None where it did not.
    """
    argv = ("/bin/sh", "-c", command) if isinstance(command, str) else command
    environment = {**os.environ, **_told(notice)}
    try:
        done = run_command(
            argv,
            timeout=_COMMAND_TIMEOUT,
            stdin=notice.to_json().encode() + b"\n",
            cwd=root,
            env=environment,
        )
    except (OSError, ValueError) as error:
        return f"the command that is to tell of it cannot be run: {error}"
    return None if done.code == 0 else f"the command that is to tell of it failed: {done.complaint}"


def _told(notice: Notice) -> dict[str, str]:
    return {
        "NBX_OCCASION": notice.occasion,
        "NBX_NAME": notice.name,
        "NBX_STATUS": notice.status,
        "NBX_SCHEDULED_AT": notice.scheduled_at.isoformat(),
        "NBX_RUN_ID": notice.run_id or "",
        "NBX_OUTPUT_PATH": notice.output_path or "",
        "NBX_TEXT": notice.text.replace("\0", "�"),
    }


def call_webhook(url: str, headers: Mapping[str, str], notice: Notice) -> str | None:
    """Send the notice as JSON by POST; tried three times, and within a minute or two.

    Another try is made where there was no answer, and where that says that one may help. The
    header ``Idempotency-Key`` is the same for each, and after a crash of the scheduler.

    Returns:
        Why it failed; None where it did not. The address is named by its host alone: the rest may
        be a secret.
    """
    key = f"{notice.name}/{notice.scheduled_at.isoformat()}/{notice.occasion}"
    ours = {"Content-Type": "application/json", "Idempotency-Key": key}
    return _call("webhook", "POST", url, {**ours, **headers}, notice.to_json().encode())


def call_heartbeats(urls: Iterable[str]) -> list[str]:
    """Call addresses by GET, so that who watches them knows that the scheduler lives.

    Returns:
        Of each that could not be called, why.
    """
    found = (_call("heartbeat", "GET", url, {}, None) for url in dict.fromkeys(urls))
    return [problem for problem in found if problem is not None]


def _call(
    what: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> str | None:
    import httpx

    agent = {"User-Agent": f"notebook_executor/{version('notebook_executor')}"}
    timeout = httpx.Timeout(_ANSWER, connect=_CONNECT)
    problem, where = "", "?"
    try:
        where = httpx.URL(url).host
        with httpx.Client(timeout=timeout) as client:
            for wait in (*_WAITS, None):
                problem, asked = _try(client, method, url, {**agent, **headers}, body)
                if not problem:
                    return None
                if wait is None or asked is None:
                    break
                time.sleep(max(wait, asked))
    except (httpx.InvalidURL, ValueError) as error:
        problem = f"the address or a header cannot be used ({type(error).__name__})"
    return f"the {what} at {where}: {problem}"


def _try(
    client: httpx.Client, method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[str, float | None]:
    """One request: what was wrong with it, and how long to wait before another; None for ever."""
    import httpx

    try:
        answer = client.request(method, url, headers=dict(headers), content=body)
    except httpx.TransportError as error:
        return f"no answer ({type(error).__name__})", 0.0
    if answer.is_success:
        return "", None
    again = answer.status_code in _AGAIN
    return f"answered {answer.status_code}", _asked(answer) if again else None


def _asked(answer: httpx.Response) -> float:
    """Seconds that the server wants us to wait, where it says so in seconds."""
    given = answer.headers.get("Retry-After", "")
    return min(float(given), _LONGEST_WAIT) if given.isdecimal() else 0.0
