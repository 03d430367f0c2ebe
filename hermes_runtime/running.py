"""What a command writes, within bounds; and running one, where nobody else sees to it."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import subprocess
import time
from typing import Any, BinaryIO, Callable

TIMED_OUT = 124  # as timeout(1) exits
_MOST_BYTES = 50_000
_HEAD_BYTES = _MOST_BYTES * 2 // 5
_TAIL_BYTES = _MOST_BYTES - _HEAD_BYTES
_MOST_SPILLED = 5_000_000
_PIECE = 65536
_PIECES_OF_A_PIPE = 16
_PAUSE = 0.05
_END_SECONDS = 5.0


class CappedOutput:
    """Output of which head and tail are kept, 50,000 bytes in all; the rest goes to a file.

    Args:
        folder: Where that file is made when it is needed; None for nowhere.
    """

    def __init__(self, folder: str | None) -> None:
        self.size = 0
        self.path: str | None = None
        self._folder = folder
        self._head = bytearray()
        self._tail = bytearray()
        self._file: BinaryIO | None = None
        self._spilled = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._spill(data)
        room = max(0, _MOST_BYTES - len(self._head)) if not self._tail else 0
        self._head += data[:room]
        self._tail += data[room:]
        if self._tail and len(self._head) > _HEAD_BYTES:
            self._tail[:0] = self._head[_HEAD_BYTES:]
            del self._head[_HEAD_BYTES:]
        del self._tail[:-_TAIL_BYTES]

    def _spill(self, data: bytes) -> None:
        if self.size <= _MOST_BYTES or self._folder is None or self._spilled >= _MOST_SPILLED:
            return
        with contextlib.suppress(OSError):
            if self._file is None:
                os.makedirs(self._folder, exist_ok=True)
                path = os.path.join(self._folder, f"terminal-{secrets.token_hex(4)}.txt")
                self._file = open(path, "xb")  # noqa: SIM115 - close() closes it
                self.path = path
                data = bytes(self._head) + data
            written = data[: _MOST_SPILLED - self._spilled]
            self._file.write(written)
            self._spilled += len(written)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def text(self) -> str:
        """What is to be told; where something is missing, that says so."""
        left_out = self.size - len(self._head) - len(self._tail)
        if not left_out:
            return (self._head + self._tail).decode("utf-8", "replace")
        place = ""
        if self.path is not None:
            whole = self._spilled >= self.size
            place = f"; {'all' if whole else f'the first {self._spilled} bytes'} is in {self.path}"
        head, tail = (part.decode("utf-8", "replace") for part in (self._head, self._tail))
        return f"{head}\n\n[… {left_out} bytes left out{place} …]\n\n{tail}"


def drain(reading: int, output: CappedOutput) -> None:
    """Take what is left in a pipe that does not block; no more than one holds, who ever writes."""
    for _ in range(_PIECES_OF_A_PIPE):
        try:
            data = os.read(reading, _PIECE)
        except BlockingIOError:
            return
        if not data:
            return
        output.write(data)


def follow(
    reading: int,
    output: CappedOutput,
    wait: Callable[[float], Any],
    is_over: Callable[[], bool],
) -> bool:
    """Take what a command writes until it has exited.

    Args:
        reading: The pipe, which must not block.
        output: Takes it.
        wait: Waits for the command, so many seconds; None while it runs.
        is_over: Asked every now and then; True gives the command up.

    Returns:
        Whether it has exited.
    """
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    open_ended = True
    while not is_over():
        if open_ended and poll.poll(_PAUSE * 1000):
            open_ended = _take(reading, output)
        if wait(0 if open_ended else _PAUSE) is not None:
            drain(reading, output)
            return True
    return False


def _take(reading: int, output: CappedOutput) -> bool:
    """Once, not until nothing is left: who writes without end must not keep us from looking up."""
    data = os.read(reading, _PIECE)
    output.write(data)
    return bool(data)


def run_here(argv: list[str], cwd: str, timeout: float) -> dict[str, Any]:
    """Run a command as a child of this process: ``output``, ``exit_code``, and maybe ``error``.

    It and its process group end with the call. What has left the group is not found: without a run
    of notebook_executor there is nobody to find it.

    Raises:
        OSError: It cannot be started.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    output = CappedOutput(None)
    try:
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        finally:
            os.close(writing)
        try:
            end = time.monotonic() + timeout
            exited = follow(reading, output, _waiter(process), lambda: time.monotonic() >= end)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(_END_SECONDS)
        drain(reading, output)
    finally:
        os.close(reading)
    return outcome(output, process.returncode if exited else None, timeout)


def _waiter(process: subprocess.Popen[bytes]) -> Callable[[float], Any]:
    def wait(timeout: float) -> Any:
        if _has_exited(process):
            return True
        time.sleep(timeout)
        return None

    return wait


def _has_exited(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):  # as in PyPy
        return process.poll() is not None
    # Seen, but not collected: the pid stays taken until the group has been killed.
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def outcome(output: CappedOutput, code: int | None, timeout: float) -> dict[str, Any]:
    """What the terminal returns; a code of None is one that did not end in time."""
    told: dict[str, Any] = {"output": output.text(), "exit_code": code}
    if code is None:
        told["exit_code"] = TIMED_OUT
        told["error"] = f"The command was ended after {timeout:g} s."
    elif code < 0:
        # As a shell tells it.
        told["exit_code"] = 128 - code
        told["error"] = f"The command was ended by signal {-code}."
    if output.path is not None:
        told["output_path"] = output.path
    return told
