"""What all kernels of a fork server have alike, made once before the first of them is forked.

ipykernel's application with its configuration, and IPython's shell: half of the time that a
kernel takes to begin, and much of the memory that it then has to itself. What belongs to one
kernel - connection, session, streams, threads, history - is made in each of them, by the code
that makes it in a cold one: ``IPKernelApp.initialize``, which finds the shell there already.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from notebook_executor.lifecycle.imported import Imported, is_ours

# What it holds for: the tests compare such a kernel with a cold one of these versions.
_VERSIONS = {"ipykernel": 7, "IPython": 9}
# A database on disk is opened by each kernel, with a thread of its own.
HISTORY_IN_MEMORY = "--HistoryManager.hist_file=:memory:"
# Anything else may be meant for a shell that has a kernel as its parent.
_PLAIN = re.compile(r"--\w+\.\w+=.*", re.DOTALL)


class Premade:
    """An application and a shell that wait for a kernel; each fork makes another one of them."""

    def __init__(self, app: Any, shell: Any) -> None:
        self._app = app
        self._shell = shell
        self._modules = _stand_ins(name for name in sys.modules if not is_ours(name))

    def become(self, keeper: int, connection_file: str, imported: Imported) -> Any:
        """In the kernel's process: make the rest.

        Args:
            keeper: The parent's pid.
            connection_file: Its path.
            imported: The modules that there were before the fork.

        Returns:
            The application, initialised.
        """
        from ipykernel import ipkernel
        from IPython.core import shellapp
        from IPython.core.application import BaseIPythonApplication

        app, shell = self._app, self._shell
        app.parent_handle = keeper
        for config in (app.config, app.cli_config):
            config.IPKernelApp.connection_file = connection_file
        app.connection_file = connection_file
        _begin_now(shell.history_manager.db)
        fewer = _FewerPages(self._modules, imported)
        with (
            _replaced(BaseIPythonApplication, "initialize", lambda *_: None),
            _replaced(ipkernel, "sys", fewer),
            _replaced(shellapp, "sys", fewer),
        ):
            app.initialize([])
        shell.parent = shell.kernel = app.kernel
        shell._orig_sys_module_state.update(stdout=sys.stdout, stderr=sys.stderr)
        return app


def _begin_now(history: Any) -> None:
    """Have the session of a history begin at this moment.

    SQLite's connections are not to be carried across a fork, for the sake of the locks on their
    files. This one has no file.
    """
    with history:
        history.execute("UPDATE sessions SET start = ?", (datetime.now().isoformat(" "),))


class _StandIn:
    """Stands for a module where only its file is looked at."""

    __slots__ = ("__file__",)

    def __init__(self, file: str | None) -> None:
        self.__file__ = file


class _FewerPages:
    """Stands for ``sys`` while a kernel lists all modules' names, and their files.

    To look at a thousand modules is to write to their reference counts, on as many pages that
    were shared until then. Here they lie side by side.
    """

    def __init__(self, modules: dict[str, _StandIn], imported: Imported) -> None:
        self._modules = modules
        self._imported = imported

    @property
    def modules(self) -> dict[str, _StandIn]:
        return {**self._modules, **_stand_ins(self._imported.since())}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def _stand_ins(modules: Iterable[str]) -> dict[str, _StandIn]:
    files = {name: getattr(sys.modules[name], "__file__", None) for name in modules}
    return {_copy(name): _StandIn(file and _copy(file)) for name, file in files.items()}


def _copy(text: str) -> str:
    return "".join(list(text))


def premake(arguments: list[str]) -> Premade | None:
    """Make what is alike in all kernels with these arguments.

    Args:
        arguments: What follows the connection file on their command line.

    Returns:
        None where each kernel has to make it by itself, and where it fails: so will they.
    """
    import ipykernel
    import IPython

    found = {
        package.__name__: int(package.__version__.partition(".")[0])
        for package in (ipykernel, IPython)
    }
    plain = HISTORY_IN_MEMORY in arguments and all(map(_PLAIN.fullmatch, arguments))
    if found != _VERSIONS or not plain:
        return None
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell

    hook, main = sys.excepthook, sys.modules["__main__"]
    try:
        return _make(IPKernelApp, ZMQInteractiveShell, arguments)
    except (Exception, SystemExit):
        for singleton in (ZMQInteractiveShell, IPKernelApp):
            singleton.clear_instance()
        sys.excepthook, sys.modules["__main__"] = hook, main
        return None


def _make(app_class: Any, shell_class: Any, arguments: list[str]) -> Premade:
    from ipykernel.compiler import XCachingCompiler
    from IPython.core.application import BaseIPythonApplication

    app = app_class.instance()
    BaseIPythonApplication.initialize(app, ["-f", "", *arguments])
    # The shell keeps this one, to have it back in the end.
    sys.modules["__main__"] = types.ModuleType("__main__")
    shell = shell_class.instance(
        parent=app,
        profile_dir=app.profile_dir,
        user_module=None,
        user_ns=None,
        kernel=None,
        compiler_class=XCachingCompiler,
    )
    # Has made what the first cell would make, and all of them keep: the tokenizer's expressions,
    # and a formatter for each MIME type.
    shell.transform_cell("'text'")
    shell.display_formatter.format(None)
    return Premade(app, shell)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
