"""Warm kernels: when there are any, what they are made from, and that nothing of them stays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from notebook_executor import ExecutionResult, NotebookExecutor
from notebook_executor.errors import UsageError
from notebook_executor.lifecycle import Containment, LaunchSpec, live_kernels, start_kernel
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.warm import WarmKernels
from tests.conftest import MakeNotebook
from tests.integration.gated import own_base
from tests.integration.stock import wait_until
from tests.waiting import stand_by, waiting


def _printed(result: ExecutionResult) -> str:
    assert result.ok, result
    assert result.notebook is not None
    return str(result.notebook.cells[-1].outputs[0]["text"])


def _fork_servers() -> list[psutil.Process]:
    found = []
    for guard in psutil.Process().children():
        for child in guard.children():
            # What comes and goes beside it may be gone meanwhile.
            with contextlib.suppress(psutil.NoSuchProcess):
                # A keeper that it has forked looks the same, but has a kernel, or will have.
                if "fork_server" in " ".join(child.cmdline()) and not child.children():
                    found.append(child)
    return found


def test_kernels_of_the_usual_kind_are_warm_from_the_first_on(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    notebook = make_notebook("1")

    first = executor.execute(notebook, False, env={"MINE": "1"})
    wait_until(lambda: len(_fork_servers()) == 1)
    waited = waiting()
    later = [executor.execute(notebook, False, env={"MINE": "1"}) for _ in range(2)]

    assert [result.kernel.warm for result in (first, *later)] == [True] * 3
    assert waited == 0


def test_other_kernels_are_warm_from_the_second_of_a_kind_on(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    argv = [sys.executable, "-Xutf8", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    file = tmp_path / "kernels" / "other" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"argv": argv, "display_name": "Other", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    spec = {"name": "other", "display_name": "Other", "language": "python"}
    notebook = make_notebook("import sys\nprint(sys.flags.utf8_mode)", kernelspec=spec)

    results = [executor.execute(notebook, False) for _ in range(3)]

    assert [_printed(result) for result in results] == ["1\n"] * 3
    assert [result.kernel.warm for result in results] == [False, True, True]
    # The one that was expected goes.
    wait_until(lambda: len(_fork_servers()) == 1)


@pytest.mark.parametrize("warm", [True, False])
def test_all_are_warm_or_none(make_notebook: MakeNotebook, tmp_path: Path, warm: bool) -> None:
    notebook = make_notebook("1")
    with NotebookExecutor(tmp_path, warm=warm) as executor:
        results = [executor.execute(notebook, False) for _ in range(2)]

    assert [result.kernel.warm for result in results] == [warm, warm]
    assert all(not result.warnings and result.kernel.containment for result in results)


def test_what_waits_is_seen_and_ends_with_the_executor(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    notebook = make_notebook("1")
    with NotebookExecutor(tmp_path, warm=True) as executor:
        executor.execute(notebook, False)
        stand_by(executor, 1)
        (kernel,) = [kernel for kernel in live_kernels(bases()) if kernel.host_pid == os.getpid()]

        assert (kernel.state, kernel.run_id) == ("stand-by", None)
        assert len(_fork_servers()) == 1
    assert waiting() == 0


def test_a_kernel_that_waited_takes_what_its_run_brings(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    notebook = make_notebook(
        ("value = 1", "parameters"), "import os\nprint(os.getcwd(), _dh, value)"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with NotebookExecutor(tmp_path, warm=True) as executor:
        executor.execute(notebook, False)
        stand_by(executor, 1)
        result = executor.execute(
            notebook, False, {"value": 2}, cwd=elsewhere, limits={"cpu_seconds": 20}
        )

    assert result.kernel.warm
    assert _printed(result) == f"{elsewhere} [PosixPath('{elsewhere}')] 2\n"


def test_each_environment_has_a_server_of_its_own(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    notebook = make_notebook("import os\nprint(os.environ.get('WHICH'))")
    with NotebookExecutor(tmp_path, warm=True) as executor:
        told = []
        for which in ("one", "two", "one"):
            result = executor.execute(notebook, False, env={"WHICH": which})
            told.append(_printed(result).strip())
        assert told == ["one", "two", "one"]
        wait_until(lambda: len(_fork_servers()) == 2)


def test_what_is_installed_meanwhile_is_found(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "thing.py").write_text("value = 'old'\n")
    notebook = make_notebook("import thing\nprint(thing.value)")
    env = {"PYTHONPATH": str(library)}
    with NotebookExecutor(tmp_path, warm=True, preload=["thing"]) as executor:
        first = executor.execute(notebook, False, env=env)
        stand_by(executor, 1)
        # As pip does: the file is another one afterwards, and the folder has changed.
        (library / "new.py").write_text("value = 'new'\n")
        (library / "new.py").rename(library / "thing.py")
        second = executor.execute(notebook, False, env=env)

    assert [_printed(first), _printed(second)] == ["old\n", "new\n"]
    assert second.kernel.warm


@pytest.mark.parametrize("place", ["startup/10-mine.py", "ipython_config.py"])
def test_what_the_user_has_configured_runs_for_each_kernel(
    make_notebook: MakeNotebook, tmp_path: Path, place: str
) -> None:
    code = "import os; started_in = os.getcwd()"
    file = tmp_path / "ipython" / "profile_default" / place
    file.parent.mkdir(parents=True)
    file.write_text(
        code if "startup" in place else f"c.InteractiveShellApp.exec_lines = [{code!r}]"
    )
    notebook = make_notebook("print(started_in)")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {"IPYTHONDIR": str(tmp_path / "ipython")}
    with NotebookExecutor(tmp_path, warm=True) as executor:
        executor.execute(notebook, False, env=env)
        result = executor.execute(notebook, False, env=env, cwd=elsewhere)

    assert result.kernel.warm
    assert _printed(result) == f"{elsewhere}\n"


def test_what_cannot_be_preloaded_is_a_warning(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    with NotebookExecutor(tmp_path, warm=True, preload=["no_such_module"]) as executor:
        result = executor.execute(make_notebook("1"), False)

    assert result.ok
    assert not result.kernel.warm
    assert "No module named 'no_such_module'" in result.warnings[0]


@pytest.mark.parametrize("options", [{"warm": "hot"}, {"preload": ["no/module"]}])
def test_senseless_wishes_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        NotebookExecutor(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("victim", ["server", "guard", "stand-by"])
def test_the_next_run_does_without_what_was_killed(
    make_notebook: MakeNotebook, tmp_path: Path, victim: str
) -> None:
    notebook = make_notebook("1")
    with NotebookExecutor(tmp_path, warm=True) as executor:
        executor.execute(notebook, False)
        stand_by(executor, 1)
        (guard,) = psutil.Process().children()
        (server,) = _fork_servers()
        waits = next(child for child in guard.children(recursive=True) if child.ppid() != guard.pid)
        {"server": server, "guard": guard, "stand-by": waits}[victim].kill()

        results = [executor.execute(notebook, False) for _ in range(3)]

    assert all(result.ok for result in results), results
    assert results[-1].kernel.warm
    assert all(result.cleanup.processes_left == 0 for result in results)


def test_one_that_is_killed_just_when_it_is_wanted_is_replaced(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    spec = LaunchSpec(name="mine", argv=argv, is_ipykernel=True)
    killed: list[Path] = []

    def kill(directory: Path) -> dict[str, str]:
        if not killed:
            (found,) = [each for each in live_kernels(own_base()) if each.directory == directory]
            assert found.kernel_pid is not None
            psutil.Process(found.kernel_pid).kill()
            killed.append(directory)
        return {}

    with Containment() as containment, contextlib.closing(WarmKernels(containment, True)) as warm:
        start = partial(
            start_kernel,
            spec,
            containment,
            cwd=tmp_path,
            env=dict(os.environ),
            start_timeout=60,
            warm=warm,
        )
        with start():
            pass
        stand_by(warm, 1)
        with start(prepare=kill) as kernel:
            assert kernel.warm
            assert kernel.alive
            assert killed != [kernel.contained.directory]


def test_one_that_a_limit_ends_at_once_is_not_replaced_for_ever(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    # Where the limit is looked at after the start only, the cell is still there.
    notebook = make_notebook("import signal\nsignal.pause()", name="waits.ipynb")
    with NotebookExecutor(tmp_path, warm=True) as executor:
        executor.execute(make_notebook("1"), False)
        stand_by(executor, 1)
        result = executor.execute(notebook, False, limits={"memory": "1MiB"})

    assert result.error is not None
    assert result.error.kind == "out_of_memory"
    assert result.cleanup.processes_left == 0


def test_a_host_that_is_killed_leaves_nothing_that_waits(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    notebook = make_notebook("1")
    script = f"""
import sys
from notebook_executor import ExecutionResult, NotebookExecutor
from tests.waiting import stand_by
executor = NotebookExecutor({str(tmp_path)!r}, warm=True)
assert executor.execute({str(notebook)!r}, False).ok
stand_by(executor, 1)
print("waiting", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"waiting\n"
        below = psutil.Process(host.pid).children(recursive=True)
        host.send_signal(signal.SIGKILL)
        host.wait(60)

    assert len(below) >= 4  # guard, fork server, keeper, kernel
    _, alive = psutil.wait_procs(below, timeout=60)
    assert not alive


def test_a_forked_copy_of_the_host_leaves_its_parents_kernels_alone(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    notebook = make_notebook("1")
    with NotebookExecutor(tmp_path, warm=True) as executor:
        executor.execute(notebook, False)
        stand_by(executor, 1)
        pid = os.fork()
        if pid == 0:
            ok = executor.execute(notebook, False).ok
            executor.close()
            os._exit(0 if ok else 1)
        status = os.waitpid(pid, 0)[1]

        assert status == 0
        assert waiting() == 1
        assert executor.execute(notebook, False).kernel.warm


@pytest.mark.timeout(600)
def test_two_hundred_kernels_exit_politely(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    notebook = make_notebook(
        "import atexit\nfile = open('done', 'a')\nfile.write('unflushed\\n')\n"
        "atexit.register(lambda: open('exit', 'a').write('x'))"
    )
    # Whoever needs longer does not exit at all.
    config = {"shutdown_grace": 60}
    with NotebookExecutor(tmp_path, warm=True, config=config) as executor:
        results = [executor.execute(notebook, False) for _ in range(200)]

    assert {result.kernel.exit_code for result in results} == {0}
    assert all(result.kernel.warm for result in results)
    assert (tmp_path / "done").read_text() == "unflushed\n" * 200
    assert (tmp_path / "exit").read_text() == "x" * 200
