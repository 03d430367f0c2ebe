"""Forking a process that another one is to be the parent of, with or without a PID namespace."""

from __future__ import annotations

import os

from notebook_executor.lifecycle import syscalls


def fork_apart(inside: bool) -> int:
    """Fork a process whose parent is the nearest subreaper above this process, or this process.

    An intermediate child forks it and goes. That also gives each its own PID namespace:
    ``unshare(CLONE_NEWPID)`` works once a process, and a process whose namespace's init has died
    cannot fork any more.

    Args:
        inside: Whether it is to be init of a PID namespace, with a /proc of its own.

    Returns:
        Its pid as this process sees it; 0 in the new process.

    Raises:
        OSError: The system refuses; there is no new process then.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    between = os.fork()
    if between == 0:
        os.close(reading)
        if _fork_on(inside, writing) != 0:
            os._exit(0)
        os.close(writing)
        if inside:
            _own_proc()
        return 0
    os.close(writing)
    answer = int(os.read(reading, 100) or b"-1")
    os.close(reading)
    os.waitpid(between, 0)
    if answer < 0:
        raise OSError(-answer, os.strerror(-answer))
    return answer


def _fork_on(inside: bool, writing: int) -> int:
    """In the intermediate child: fork, tell the pid or the error, and return what fork did."""
    try:
        if inside:
            enter_namespace()
        pid = os.fork()
    except OSError as error:
        os.write(writing, f"-{error.errno}".encode())
        return -1
    if pid != 0:
        os.write(writing, str(pid).encode())
    return pid


def _own_proc() -> None:
    try:
        syscalls.mount_proc()
    except OSError:
        # Whoever waits for this process to speak learns that it is gone.
        os._exit(1)


def enter_namespace() -> None:
    """Have the next child be init of a PID namespace, with a mount namespace of its own.

    An ordinary user needs a user namespace for that, in which it stays who it is.
    """
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        syscalls.unshare(syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNS)
        return
    syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNS)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(content)


def namespace_problem() -> str:
    """Why a PID namespace cannot be had here; empty when it can."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, (_try_namespace() or "").encode())
        finally:
            os._exit(0)
    os.close(writing)
    problem = os.read(reading, 1000).decode()
    os.close(reading)
    os.waitpid(pid, 0)
    return problem


def _try_namespace() -> str | None:
    reading, writing = os.pipe()
    try:
        enter_namespace()
    except OSError as error:
        return str(error.strerror)
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.mount_proc()
        except OSError as error:
            os.write(writing, str(error.strerror).encode())
        finally:
            os._exit(0)
    os.close(writing)
    problem = os.read(reading, 1000).decode()
    os.waitpid(pid, 0)
    return problem or None
