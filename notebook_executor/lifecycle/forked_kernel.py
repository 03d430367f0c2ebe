"""What a fork of the fork server does to be the kernel that executing a command would have made."""

from __future__ import annotations

import json
import os
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle.forked_end import ForkedEnd
from notebook_executor.lifecycle.imported import Imported
from notebook_executor.lifecycle.kept_outputs import keeping_all_outputs
from notebook_executor.lifecycle.launching import let_go, take_on
from notebook_executor.lifecycle.premade import Premade


@dataclass(frozen=True)
class Heritage:
    """What a kernel has from its fork server.

    Attributes:
        environment: That the server was started with.
        imported: The modules that it has imported.
        premade: What has been made of the kernel already.
        end: How it ends; None for the way Python has.
    """

    environment: dict[str, str]
    imported: Imported
    premade: Premade | None
    end: ForkedEnd | None


class Born(BaseException):
    """Raised in a new kernel, to leave everything behind that its ancestors were doing."""

    def __init__(self, kernel: ForkedKernel) -> None:
        super().__init__()
        self.kernel = kernel


class ForkedKernel:
    """An ipykernel that has yet to begin.

    Args:
        keeper: The parent's pid.
        spec: The command that it stands in for, and what for unless it is to wait for that.
        waits_on: A pipe that is written to once that is known, and the file that it is then in.
    """

    def __init__(
        self,
        keeper: int,
        spec: dict[str, Any],
        waits_on: tuple[int, int] | None,
    ) -> None:
        self._keeper = keeper
        self._argv: list[str] = spec["argv"]
        self._spec = spec
        self._waits_on = waits_on

    def live(self, heritage: Heritage) -> None:
        """Be the kernel; return when it is to exit."""
        from tornado.ioloop import IOLoop

        premade, end = heritage.premade, heritage.end
        let_go(self._waits_on or ())
        self._disguise()
        heritage.imported.hide_ours()
        if self._waits_on is None:
            self._dress(heritage.environment, self._spec["env"])
        with keeping_all_outputs():
            if premade is None:
                app = self._make()
            else:
                app = premade.become(self._keeper, self._arguments[1], heritage.imported)
        if self._waits_on is not None:
            self._wait(heritage.environment, *self._waits_on)
        if self._waits_on is not None or premade is not None:
            self._move(app.shell)
        if end is not None:
            # In the loop's first round: by then the kernel has all that it goes on with.
            IOLoop.current().add_callback(end.begin)
        app.start()
        if end is not None:
            end.come()

    @property
    def _arguments(self) -> list[str]:
        return self._argv[self._argv.index("-f") :]

    def _make(self) -> Any:
        from ipykernel.kernelapp import IPKernelApp

        sys.modules["__main__"] = types.ModuleType("__main__")
        app: Any = IPKernelApp.instance(parent_handle=self._keeper)
        app.initialize(self._arguments)
        return app

    def _disguise(self) -> None:
        """Have ``sys`` tell of the command."""
        module = self._argv.index("-m") + 1
        launcher = sys.modules["ipykernel"].__file__ or ""
        script = os.path.join(os.path.dirname(os.path.dirname(launcher)), "ipykernel_launcher.py")
        sys.argv[:] = [script, *self._argv[module + 1 :]]
        sys.orig_argv[:] = self._argv
        # ``random`` itself starts anew after a fork.
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()

    def _wait(self, served: dict[str, str], word: int, file: int) -> None:
        if not os.read(word, 1):
            os._exit(0)
        with os.fdopen(file, "rb") as spec_file:
            spec_file.seek(0)
            spec = json.load(spec_file)
        os.close(word)
        take_on(spec)
        self._dress(served, spec["env"])

    def _move(self, shell: Any) -> None:
        """What IPython did to its surroundings, and noted of them, when it was made."""
        shell.init_environment()
        shell.starting_dir = os.getcwd()
        shell.history_manager.dir_hist[:] = [Path.cwd()]

    def _dress(self, served: dict[str, str], wanted: dict[str, str]) -> None:
        """Change what the kernel's environment has beyond the fork server's, and leave the rest.

        What Python or ipykernel read when they start is the same in both, but for ``PYTHONPATH``,
        and IPython has set some variables on top of it.
        """
        wanted = {**wanted, "JPY_PARENT_PID": str(self._keeper)}
        for name in served.keys() - wanted.keys():
            os.environ.pop(name, None)
        os.environ.update(dict(wanted.items() - served.items()))
        known = served.get("PYTHONPATH", "").split(os.pathsep)
        paths = wanted.get("PYTHONPATH", "").split(os.pathsep)
        # IPython may have put the working directory, as "", first.
        first = 1 if sys.path[:1] == [""] else 0
        sys.path[first:first] = [path for path in paths if path and path not in known]
