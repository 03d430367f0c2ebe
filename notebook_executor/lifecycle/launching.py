"""Starting a kernel as a keeper's child: what it is given, and executing its command."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Collection
from typing import Any

from notebook_executor.lifecycle import syscalls
from notebook_executor.lifecycle.lease_group import join

OUTPUT_FILE = "output.log"
_RESET = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)


class ColdLauncher:
    """See ``Launcher``: forks, and executes the kernel's command."""

    warm = False

    def prepare(self, spec: dict[str, Any], directory: str) -> int:
        """Nothing: what is executed is known by ``launch`` alone."""
        return 0

    def launch(self, spec: dict[str, Any], directory: str) -> int:
        me = os.getpid()

        def dress() -> None:
            be_child_of(me)
            write_into(directory)
            take_on(spec)

        # ipykernel watches for a change of this parent; where it is 1, init never goes.
        return fork_and_execute(spec["argv"], {**spec["env"], "JPY_PARENT_PID": str(me)}, dress)


def fork_and_execute(argv: list[str], env: dict[str, str], dress: Callable[[], None]) -> int:
    """Start a child of this process.

    Args:
        argv: Its command; looked for on the ``PATH`` of its environment.
        env: Its whole environment.
        dress: Called in the child before that.

    Returns:
        Its pid.

    Raises:
        OSError: It could not be dressed, or its command not be executed.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            dress()
            os.execvpe(argv[0], argv, env)
        except OSError as error:
            os.write(writing, f"{error.errno} {error.strerror}".encode())
        finally:
            os._exit(127)
    os.close(writing)
    failure = os.read(reading, 1000).decode()
    os.close(reading)
    if failure:
        number, _, message = failure.partition(" ")
        raise OSError(int(number), message)
    return pid


def be_child_of(parent: int) -> None:
    """In a child just forked by a supervisor: end with it, and have signals of its own."""
    syscalls.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(127)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def write_into(directory: str) -> None:
    """In a kernel's process: read nothing, and write what no cell does into a file.

    Raises:
        OSError: The file cannot be made.
    """
    output = os.path.join(directory, OUTPUT_FILE)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
    os.dup2(1, 2)


def let_go(kept: Collection[int]) -> None:
    """Close every descriptor but the streams and these, whoever had opened it."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor not in kept:
            try:
                os.close(descriptor)
            except OSError:
                continue


def take_on(spec: dict[str, Any]) -> None:
    """In the kernel's process: the limits and the working directory that it is to have.

    Raises:
        OSError: There is no such directory, or its control group does not take it.
    """
    set_limits(spec)
    os.chdir(spec["cwd"])


def set_limits(spec: dict[str, Any]) -> None:
    """In the kernel's process: what is inherited by whatever it starts.

    Raises:
        OSError: Its control group does not take it.
    """
    group = spec.get("group")
    if group is not None:
        join(group)
    for name, (soft, hard) in spec["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
