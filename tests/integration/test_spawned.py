"""Commands beside a kernel, in its containment: what they are given, and how they end."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from notebook_executor.lifecycle import Containment
from notebook_executor.lifecycle.best_effort import BestEffortKernel
from notebook_executor.lifecycle.containment import Contained
from notebook_executor.lifecycle.directories import new_directory_path

_PATIENCE = 60.0
_ENV = {"PATH": os.environ["PATH"]}
_KEPT = ["namespace", "subreaper"]


@pytest.fixture(params=[*_KEPT, "best_effort"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Contained]:
    with Containment() as containment:
        made: Contained
        if request.param == "best_effort":
            made = BestEffortKernel(new_directory_path(), {})
        else:
            view = request.param == "subreaper"
            made = containment.open(host_view=view, required=request.param, record={})
        made.launch(["sleep", "1000"], _ENV, Path("/"))
        yield made
        ended = made.end()
        assert (ended.left, ended.files_left) == (0, 0)


def _output(kernel: Contained, *argv: str, **options: Path) -> tuple[int | None, str]:
    """Exit code and output of a command, which nobody holds the pipe of any more."""
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as file:
        try:
            process = kernel.spawn(
                argv, cwd=options.get("cwd", Path("/")), env=_ENV, stdout=writing, stderr=writing
            )
        finally:
            os.close(writing)
        with process:
            code = process.wait(_PATIENCE)
            return code, file.read()


def _living(name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if name in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_command_gets_what_it_is_given(kernel: Contained, tmp_path: Path) -> None:
    code, output = _output(kernel, "sh", "-c", "echo é; pwd; echo to-err >&2; exit 3", cwd=tmp_path)
    assert (code, output) == (3, f"é\n{tmp_path}\nto-err\n")


def test_its_environment_is_that_alone_and_marked(kernel: Contained) -> None:
    _, output = _output(kernel, "env")
    names = {line.partition("=")[0] for line in output.splitlines()}
    assert names == {"PATH", "NBX_LEASE", "NBX_DIRECTORY"}


def test_streams_that_are_not_given_are_empty(kernel: Contained) -> None:
    with kernel.spawn(["sh", "-c", "cat; echo lost"], cwd=Path("/"), env=_ENV) as process:
        assert process.wait(_PATIENCE) == 0


def test_no_other_descriptor_is_inherited(kernel: Contained) -> None:
    _, output = _output(kernel, "sh", "-c", "ls /proc/self/fd")
    assert output.split()[:3] == ["0", "1", "2"]
    assert len(output.split()) == 4, "the fourth is ls's own"


def test_what_cannot_be_started_is_an_os_error(kernel: Contained, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        kernel.spawn(["no-such-program"], cwd=tmp_path, env=_ENV)
    assert missing.value.filename == "no-such-program"
    with pytest.raises(OSError, match="No such file") as nowhere:
        kernel.spawn(["true"], cwd=tmp_path / "nowhere", env=_ENV)
    assert nowhere.value.errno == errno.ENOENT
    (tmp_path / "plain").write_text("")
    with pytest.raises(PermissionError):
        kernel.spawn([str(tmp_path / "plain")], cwd=tmp_path, env=_ENV)


def test_a_signal_is_its_exit_code(kernel: Contained) -> None:
    code, _ = _output(kernel, "sh", "-c", "kill -USR1 $$")
    assert code == -signal.SIGUSR1


def test_what_it_has_started_ends_with_it(kernel: Contained, tmp_path: Path) -> None:
    mark = str(tmp_path / "daemon")
    os.mkfifo(mark)
    script = """
        exec 3<> "$0"
        for i in 1 2 3; do
            (setsid sh -c 'echo up >&3; sleep 1000; exit' "$0" &)
        done
        for i in 1 2 3; do read up <&3; echo $up; done
    """
    assert _output(kernel, "sh", "-c", script, mark) == (0, "up\n" * 3)
    assert not _living(mark)


def test_killing_it_kills_all_it_has_started(kernel: Contained, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    script = 'trap "" INT TERM; sh -c "trap \'\' TERM; echo > $0; sleep 1000; exit" "$0"'
    with kernel.spawn(["sh", "-c", script, str(ready)], cwd=tmp_path, env=_ENV) as process:
        ready.read_text()
        assert process.wait(0) is None
        process.kill()
        assert process.wait(_PATIENCE) == -signal.SIGKILL
        process.kill()
    assert not _living(str(ready))


def test_leaving_the_block_ends_it(kernel: Contained, tmp_path: Path) -> None:
    mark = str(tmp_path / "block")
    with kernel.spawn(["sh", "-c", "sleep 1000; exit", mark], cwd=tmp_path, env=_ENV):
        assert _living(mark)
    assert not _living(mark)


def test_another_thread_may_kill_while_one_waits(kernel: Contained) -> None:
    with kernel.spawn(["sleep", "1000"], cwd=Path("/"), env=_ENV) as process:
        killer = threading.Timer(0.05, process.kill)
        killer.start()
        assert process.wait(_PATIENCE) == -signal.SIGKILL
        killer.join()


def test_many_at_once(kernel: Contained) -> None:
    answers: dict[int, tuple[int | None, str]] = {}

    def ask(number: int) -> None:
        answers[number] = _output(kernel, "sh", "-c", f"echo {number}; exit {number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: (number, f"{number}\n") for number in range(16)}


def test_the_end_of_the_lease_ends_it(kernel: Contained, tmp_path: Path) -> None:
    mark = str(tmp_path / "lease")
    with kernel.spawn(["sh", "-c", "sleep 1000; exit", mark], cwd=tmp_path, env=_ENV) as process:
        ended = kernel.end()
        assert (ended.left, ended.files_left) == (0, 0)
        assert not _living(mark)
        # Whether its exit code is still known depends on who is there to tell.
        with contextlib.suppress(ChildProcessError):
            assert process.wait(_PATIENCE) is not None


@pytest.mark.parametrize("kernel", _KEPT, indirect=True)
def test_a_lease_that_is_over_starts_nothing(kernel: Contained) -> None:
    kernel.end()
    with pytest.raises(ChildProcessError, match="gone"):
        kernel.spawn(["true"], cwd=Path("/"), env=_ENV)


@pytest.mark.parametrize("kernel", _KEPT, indirect=True)
def test_a_killed_attendant_is_an_error_and_leaves_nothing(
    kernel: Contained, tmp_path: Path
) -> None:
    mark = str(tmp_path / "orphan")
    script = 'setsid sh -c "sleep 1000; exit" "$0" & wait'
    with kernel.spawn(["sh", "-c", script, mark], cwd=tmp_path, env=_ENV) as process:
        living = _living(mark)
        parents = {one.parent() for one in living} - {*living}
        (attendant,) = filter(None, parents)
        attendant.kill()
        with pytest.raises(ChildProcessError, match="lost"):
            process.wait(_PATIENCE)
    assert kernel.alive
    ended = kernel.end()
    assert (ended.left, ended.files_left) == (0, 0)
    assert not _living(mark)


@pytest.mark.parametrize("kernel", _KEPT, indirect=True)
def test_it_has_the_limits_of_the_kernel(kernel: Contained) -> None:
    _, output = _output(kernel, "cat", "/proc/self/limits")
    mark = next(line for line in output.splitlines() if line.startswith("Max msgqueue size"))
    assert mark.split()[3] == mark.split()[4] != "819200"
