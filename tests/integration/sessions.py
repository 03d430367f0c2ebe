"""Sessions as the tests start them: processes that tell who they are, and what is seen of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.integration.stock import PATIENCE, private_directories, wait_until

# A child in another session, and a daemon that has lost its parent and its environment; then waits.
TREE = """
import os, subprocess, sys
below = [subprocess.Popen(["setsid", "sleep", "600"]).pid]
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if (daemon := os.fork()) == 0:
        os.execve("/bin/sleep", ["sleep", "601"], {})
    os.write(writing, str(daemon).encode())
    os._exit(0)
os.wait()
told = " ".join(map(str, [os.getpid(), *below, int(os.read(reading, 20))]))
with open(sys.argv[1] + ".new", "w") as file:
    file.write(told)
os.rename(sys.argv[1] + ".new", sys.argv[1])
sys.stdin = open(os.open("/dev/null", os.O_RDONLY))
import signal
signal.pause()
"""


def tree_command(told: Path) -> list[str]:
    return [sys.executable, "-c", TREE, str(told)]


def told_in(told: Path) -> list[psutil.Process]:
    """The processes of a tree, as soon as it has told them."""
    wait_until(told.exists)
    return [psutil.Process(int(pid)) for pid in told.read_text().split()]


def wait_gone(processes: list[psutil.Process]) -> None:
    """Wait until none of them lives; a zombie does not."""
    wait_until(lambda: not living(processes))


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if _lives(each)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def sleeping(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that somebody else has started, and who also ends it."""
    process = subprocess.Popen(list(words) or ["sleep", "600"], start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def host(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the program, and has said ``ready``."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            yield process
        finally:
            process.kill()


__all__ = [
    "PATIENCE",
    "host",
    "living",
    "private_directories",
    "sleeping",
    "told_in",
    "tree_command",
    "wait_gone",
    "wait_until",
]
