"""Starting a kernel as a keeper's child: what it is given, and executing its command."""

from __future__ import annotations

import os
import resource
import signal
from typing import Any

from notebook_executor.lifecycle import syscalls

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
        reading, writing = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            try:
                be_child_of(me, directory)
                take_on(spec)
                # ipykernel watches for a change of this parent; where it is 1, init never goes.
                env = {**spec["env"], "JPY_PARENT_PID": str(me)}
                os.execvpe(spec["argv"][0], spec["argv"], env)
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


def be_child_of(keeper: int, directory: str) -> None:
    """In a child just forked by its keeper: end with it, and have streams and signals of its own.

    Raises:
        OSError: The file for what the process itself writes cannot be made.
    """
    syscalls.die_with_parent(signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(127)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    output = os.path.join(directory, OUTPUT_FILE)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
    os.dup2(1, 2)


def take_on(spec: dict[str, Any]) -> None:
    """In the kernel's process: the limits and the working directory that it is to have.

    Raises:
        OSError: There is no such directory.
    """
    set_limits(spec)
    os.chdir(spec["cwd"])


def set_limits(spec: dict[str, Any]) -> None:
    """In the kernel's process: what is inherited by whatever it starts."""
    for name, (soft, hard) in spec["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
