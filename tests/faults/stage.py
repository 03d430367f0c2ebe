"""Where a fault happens: a place of its own, a host in it, and the account of what is left."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import nbformat
import psutil

from .accounts import Account, identity, interpreter_for, python_path
from .traces import (
    Marks,
    described,
    directories_of,
    files_below,
    kill_all,
    processes,
    supervises,
    until_none,
    waits_for_a_run,
)

Tier = Literal["namespace", "subreaper"]
TIERS: tuple[Tier, ...] = ("namespace", "subreaper")
GRACES = {"interrupt_grace": 0.3, "terminate_grace": 0.3}
_HOST = Path(__file__).with_name("host.py")
_ANSWER_SECONDS = 60.0
PATIENCE = 60.0


class Stage:
    """A place below /tmp for one host at a time; leaving the block clears all away.

    Args:
        tier: The containment that the host's kernels are to have.
        account: Whose the host is.
        script: The host's program.
        warm: Whether its kernels are forks, and others wait beside them.
    """

    def __init__(
        self, tier: Tier, account: Account, script: Path = _HOST, *, warm: bool = False
    ) -> None:
        self.tier = tier
        self.warm = warm
        self.account = account
        self._script = script
        self.root = Path(tempfile.mkdtemp(prefix="f", dir="/tmp"))
        self.root.chmod(0o755)
        self.project = self._make("project")
        self.home = self._make("home")
        self.temporary = self._make("tmp")
        self.marks = Marks(random.SystemRandom().randrange(1 << 50, 1 << 51), self.temporary)
        self.copies: set[int] = set()
        self._hosts: list[subprocess.Popen[bytes]] = []
        self._buffer = b""
        self.heard: list[dict[str, Any]] = []

    def _make(self, name: str) -> Path:
        made = self.root / name
        made.mkdir(mode=0o700)
        os.chown(made, self.account.uid, self.account.gid)
        return made

    def begin(
        self,
        *cells: str,
        does: str = "notebook",
        settings: dict[str, Any] | None = None,
        timeout: float = 300,
        terminal: str | None = None,
        temporary: Path | None = None,
        **wanted: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a host that runs these cells; it has not begun with them when this returns."""
        self.write_notebook(*cells)
        python = interpreter_for(self.account)
        assert python is not None
        argument = {
            "does": does,
            "root": str(self.project),
            "mark": self.marks.locks,
            "host_view": self.tier == "subreaper",
            "warm": self.warm,
            "settings": {**GRACES, **(settings or {})},
            "timeout": timeout,
            "terminal": terminal,
            "options": {},
            **wanted,
        }
        with (self.root / "stderr").open("ab") as stderr:
            host = subprocess.Popen(
                [python, "-P", str(self._script), json.dumps(argument)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=self.project,
                env=self._environment(temporary or self.temporary),
                start_new_session=True,
                **identity(self.account),
            )
        self._hosts.append(host)
        self._buffer = b""
        self.heard.clear()
        self.hear("up")
        return host

    def go(self) -> None:
        """Let the host begin."""
        stdin = self.host.stdin
        assert stdin is not None
        stdin.write(b"\n")
        stdin.flush()

    def play(self, *cells: str, **wanted: Any) -> subprocess.Popen[bytes]:
        """Start a host, let it begin, and wait until a cell has made the file ``go``."""
        host = self.begin(*cells, **wanted)
        self.go()
        self.await_file(self.project / "go")
        self.marks.notice()
        self.check_tier()
        return host

    def write_notebook(self, *cells: str) -> None:
        node = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
        )
        path = self.project / "notebook.ipynb"
        nbformat.write(node, path)
        os.chown(path, self.account.uid, self.account.gid)

    def _environment(self, temporary: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "TMPDIR": str(temporary),
            "PYTHONPATH": python_path(),
        }

    @property
    def host(self) -> subprocess.Popen[bytes]:
        return self._hosts[-1]

    def await_file(self, path: Path) -> None:
        """Block until a cell has made this file.

        Raises:
            AssertionError: The host has ended before, or it takes too long.
        """

        def missing() -> list[str]:
            assert self.host.poll() is None, f"the host has ended: {self.stderr()}"
            return [] if path.exists() else [f"{path} is not there"]

        assert not until_none(missing, _ANSWER_SECONDS), f"no {path}: {self.stderr()}"

    def hear(self, event: str, **details: Any) -> dict[str, Any]:
        """Block until the host says this, with these details.

        Raises:
            AssertionError: It has ended before, or takes too long.
        """
        wanted = {"event": event, **details}
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            for words in self.heard:
                if all(words.get(key) == value for key, value in wanted.items()):
                    return words
            line = self._line(deadline)
            assert line is not None, f"no {event!r} but {self.heard[-3:]}: {self.stderr()}"
            self.heard.append(json.loads(line))
            self.marks.notice()

    def _line(self, deadline: float) -> bytes | None:
        assert self.host.stdout is not None
        descriptor = self.host.stdout.fileno()
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return None
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def conclude(self) -> dict[str, Any]:
        """Hear what ``execute`` returned, see that it is so, and let the host close and end.

        Raises:
            AssertionError: Something was left, of the kernel then or of the host afterwards.
        """
        result: dict[str, Any] = self.hear("result")["result"]
        # Only what waits for the next run may come and go meanwhile.
        left = until_none(lambda: self.left(host=False), PATIENCE if self.warm else 0)
        assert not left, f"left when the result was there: {left}"
        assert result["cleanup"]["processes_left"] == 0, result
        assert result["cleanup"]["files_left"] == 0, result
        self.go()
        self.host.wait(_ANSWER_SECONDS)
        self.gone(time.monotonic())
        return result

    def stderr(self) -> str:
        return (self.root / "stderr").read_text(errors="replace")[-2000:]

    def guard(self) -> psutil.Process:
        found = [
            child for child in psutil.Process(self.host.pid).children() if supervises(child.pid)
        ]
        return found[0]

    def keeper(self) -> psutil.Process:
        return psutil.Process(self.kernel().ppid())

    def kernel(self) -> psutil.Process:
        """The kernel that runs the notebook, as the whole machine knows it.

        One that still waits for a run is not in the project's folder. Orphans that a cell has left
        there are children of the keeper, too, and younger, whatever their pids.
        """
        keepers = [child for child in self.guard().children() if supervises(child.pid)]
        found = [child for keeper in keepers for child in self._working_below(keeper)]
        assert found, f"no keeper has a kernel in {self.project}: {self.stderr()}"
        return min(found, key=psutil.Process.create_time)

    def _working_below(self, keeper: psutil.Process) -> list[psutil.Process]:
        found = []
        # What forks a keeper that is to wait comes and goes meanwhile, and so do orphans.
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in keeper.children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if child.cwd() == str(self.project):
                        found.append(child)
        return found

    def check_tier(self) -> None:
        theirs = Path(f"/proc/{self.kernel().pid}/ns/pid").readlink()
        inside = theirs != Path("/proc/self/ns/pid").readlink()
        assert inside == (self.tier == "namespace"), f"the kernel is not in tier {self.tier}"

    def kill(self, *victims: psutil.Process | subprocess.Popen[bytes]) -> float:
        """SIGKILL them in one go; the time of it, for ``gone``."""
        self.marks.notice()
        with contextlib.ExitStack() as stack:
            handles = [os.pidfd_open(victim.pid) for victim in victims]
            for handle in handles:
                stack.callback(os.close, handle)
            began = time.monotonic()
            for handle in handles:
                # The end of the one before may have ended it already.
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
        return began

    def gone(self, since: float, *, host: bool = True) -> float:
        """Wait until no process and no file is left.

        Args:
            since: When the kill was.
            host: Whether the host is to be gone, too; else only what belongs to its kernels.

        Returns:
            Seconds since then.

        Raises:
            AssertionError: Something stays.
        """
        left = until_none(lambda: self.left(host=host), PATIENCE)
        seconds = time.monotonic() - since
        assert not left, f"left: {left}"
        return seconds

    def left(self, *, host: bool = True) -> list[str]:
        """Descriptions of the processes and files that are still there."""
        hosts = {one.pid for one in self._hosts if one.poll() is None}
        found = [pid for pid in processes(self.marks.of_host) if pid not in self.copies]
        if not host:
            found = [pid for pid in found if pid not in hosts and not supervises(pid)]
        files = files_below(self.temporary)
        elsewhere = [path for one in self._hosts for path in directories_of(one.pid)]
        elsewhere += [group for group in self.marks.groups if group.exists()]
        if not host:
            elsewhere = [path for path in elsewhere if not waits_for_a_run(path)]
            waiting = [path.name for path in self.temporary.iterdir() if waits_for_a_run(path)]
            files = [name for name in files if name.partition("/")[0] not in waiting]
            # A control group has the name of its kernel's directory.
            elsewhere = [path for path in elsewhere if path.name not in waiting]
        places = [str(path) for path in elsewhere]
        return [described(pid) for pid in found] + files + places + self.runtime_files()

    def runtime_files(self) -> list[str]:
        runtime = self.home / ".local/share/jupyter/runtime"
        return [str(path) for path in runtime.rglob("*") if not path.is_dir()]

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.marks.notice()
        for host in self._hosts:
            host.kill()
            host.wait(_ANSWER_SECONDS)
            for stream in (host.stdin, host.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        kill_all(self.marks.of_host)
        until_none(lambda: [described(pid) for pid in processes(self.marks.of_host)], PATIENCE)
        for directory in {path for host in self._hosts for path in directories_of(host.pid)}:
            shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)
