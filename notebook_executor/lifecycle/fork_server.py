"""The fork server: one process of a kernel's interpreter that has ipykernel imported.

Started by the guard, it forks keepers whose kernels are forks, too: a kernel that need not import
anything answers in a fraction of the time. Single-threaded and without a zmq context, as only that
can be forked safely. The interpreter need not be the host's, nor have anything of ours installed.
"""

from __future__ import annotations

import array
import contextlib
import gc
import glob
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any, NoReturn

from notebook_executor.lifecycle import forked_kernel, keeper
from notebook_executor.lifecycle.forked_end import ForkedEnd
from notebook_executor.lifecycle.forking import fork_apart
from notebook_executor.lifecycle.imported import Imported
from notebook_executor.lifecycle.launching import (
    be_child_of,
    set_limits,
    take_on,
    write_into,
)
from notebook_executor.lifecycle.premade import premake
from notebook_executor.lifecycle.wire import Wire

# What a kernel imports until it has run its first cell. debugpy is half of it.
_MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "comm",
    "faulthandler",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
)
_CONFIGURATIONS = (
    "ipython_config.py",
    "ipython_config.json",
    "ipython_kernel_config.py",
    "ipython_kernel_config.json",
)


def main(control_fd: int, status_fd: int) -> None:
    """Import, say how that went, and fork for the guard until it is gone.

    Returns in the guard's child and, at the end of its life, in each kernel.
    """
    control = socket.socket(fileno=control_fd)
    environment = dict(os.environ)
    with socket.socket(fileno=status_fd) as status:
        wire = Wire(status)
        wanted = wire.receive()
        if wanted is None:
            return
        # What importing leaves for the collector is little, and looking for it a fifth of the time.
        gc.disable()
        try:
            _import(wanted["preload"])
        except BaseException as error:
            wire.send(problem=f"{type(error).__name__}: {error}")
            return
        surroundings = _surroundings()
        # What the user has configured runs before anything is known to be the notebook's.
        configured = surroundings["configured"]
        premade = None if configured else premake(wanted["arguments"])
        wire.send(problem="", **surroundings)
    imported = Imported()
    end = None if configured else ForkedEnd(imported)
    heritage = forked_kernel.Heritage(environment, imported, premade, end)
    gc.freeze()
    gc.enable()
    try:
        _serve(control)
    except forked_kernel.Born as born:
        kernel = born.kernel
        control.close()
    else:
        # Not by Python's end: that would undo what belongs to kernels.
        os._exit(0)
    kernel.live(heritage)


def _import(preload: list[str]) -> None:
    for name in (*_MODULES, *preload):
        importlib.import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        raise RuntimeError(f"importing left {threads - 1} threads running, which a fork loses")


def _surroundings() -> dict[str, Any]:
    """What, when it changes on disk, makes this process's imports and configuration stale."""
    from IPython.paths import get_ipython_dir
    from jupyter_core.paths import jupyter_config_path

    profile = os.path.join(get_ipython_dir(), "profile_default")
    startup = os.path.join(profile, "startup")
    # Not these folders themselves: each kernel of the user's changes them by its history.
    folders = [get_ipython_dir(), profile, *jupyter_config_path(), "/etc/ipython"]
    folders += ["/usr/local/etc/ipython", os.path.join(sys.prefix, "etc", "ipython")]
    configurations = [os.path.join(folder, name) for folder in folders for name in _CONFIGURATIONS]
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    own = {name for name in files if name and not name.startswith((sys.prefix, sys.base_prefix))}
    return {
        "watched": sorted({*filter(None, sys.path), startup, *configurations, *own}),
        "configured": _configured(startup, configurations),
    }


def _configured(startup: str, configurations: list[str]) -> bool:
    """Whether there is code or configuration of the user's that runs while a kernel starts."""
    if os.environ.get("PYTHONSTARTUP") or any(map(os.path.exists, configurations)):
        return True
    # As IPython looks: the kernels find the patterns compiled.
    patterns = [os.path.join(glob.escape(startup), pattern) for pattern in ("*.py", "*.ipy")]
    return any(list(map(glob.glob, patterns)))


def _serve(control: socket.socket) -> None:
    """Fork keepers until the guard is gone.

    Raises:
        Born: In each kernel.
    """
    while True:
        message, ancillary, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(12))
        if not message:
            return
        descriptors = array.array("i")
        for _, _, data in ancillary:
            descriptors.frombytes(data)
        request = json.loads(message)
        inside = request["tier"] == "namespace"
        try:
            pid = fork_apart(inside)
        except OSError as error:
            pid = -(error.errno or 1)
        if pid == 0:
            _keep(control, descriptors, request["directory"], inside)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(str(pid).encode())


def _keep(
    control: socket.socket, descriptors: array.array[int], directory: str, inside: bool
) -> NoReturn:
    """Be the keeper, and never return but by being its kernel."""
    lease, host, guard = descriptors
    status = 1
    control.close()
    wire = Wire(socket.socket(fileno=lease))
    try:
        status = keeper.main(wire, host, guard, directory, inside, _WarmLauncher())
    except forked_kernel.Born:
        wire.close()
        raise
    except BaseException:
        os._exit(status)
    os._exit(status)


class _WarmLauncher:
    """See ``Launcher``: forks a kernel that waits for what it is for, or goes on at once."""

    warm = True

    def __init__(self) -> None:
        self._waiting = 0
        self._word = -1
        self._spec = -1

    def prepare(self, spec: dict[str, Any], directory: str) -> int:
        self._spec = os.memfd_create("spec", os.MFD_CLOEXEC)
        reading, self._word = os.pipe2(os.O_CLOEXEC)
        self._waiting = self._fork(spec, directory, (reading, self._spec))
        os.close(reading)
        return self._waiting

    def launch(self, spec: dict[str, Any], directory: str) -> int:
        # What the child would be refused later on, when nobody waits for its word.
        os.chdir(spec["cwd"])
        os.chdir("/")
        if not self._waiting:
            return self._fork(spec, directory, None)
        with os.fdopen(self._spec, "wb") as file:
            file.write(json.dumps(spec).encode())
        with contextlib.suppress(OSError):
            os.write(self._word, b"x")
        os.close(self._word)
        return self._waiting

    def _fork(self, spec: dict[str, Any], directory: str, waits_on: tuple[int, int] | None) -> int:
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                be_child_of(me)
                write_into(directory)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)
                (take_on if waits_on is None else set_limits)(spec)
            except BaseException:
                os._exit(127)
            raise forked_kernel.Born(forked_kernel.ForkedKernel(me, spec, waits_on))
        return pid
