"""Ending a run that goes on in another process: by a file in its record, which that one looks for.

A signal would have to go to a pid, which may be another's by now, and would end all else that
its process does.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from notebook_executor.documents.writing import write_bytes
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.records import RunRecord
from notebook_executor.lifecycle.threads import new_thread

_PERIOD = 0.5
_MOST_BYTES = 65536
_UNTOLD = "nbx runs cancel was called"


def request_cancel(record: RunRecord, reason: str = "") -> None:
    """Ask the process that a run goes on in to end it; returns at once.

    Raises:
        DocumentError: The record cannot be written.
    """
    request = {
        "reason": reason or _UNTOLD,
        "requested_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pid": os.getpid(),
    }
    write_bytes((json.dumps(request) + "\n").encode(), record.cancel_file)


@contextlib.contextmanager
def heeded(record: RunRecord | None, cancellation: Cancellation) -> Iterator[None]:
    """Within the block, cancel when that is asked for by the file; at once if it was before.

    Args:
        record: The run's; None for a run that has none.
        cancellation: Its.
    """
    if record is None:
        yield
        return
    done = threading.Event()

    def watch() -> None:
        while not cancellation.requested:
            reason = _reason(record)
            if reason is not None:
                cancellation.cancel(reason)
            elif done.wait(_PERIOD):
                return

    thread = new_thread(watch, "cancel-requests")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _reason(record: RunRecord) -> str | None:
    try:
        with record.cancel_file.open("rb") as file:
            text = file.read(_MOST_BYTES)
    except OSError:
        return None
    # Whatever is in it, it is there.
    with contextlib.suppress(ValueError, RecursionError):
        loaded = json.loads(text)
        if isinstance(loaded, dict) and isinstance(loaded.get("reason"), str):
            return str(loaded["reason"]) or _UNTOLD
    return _UNTOLD
