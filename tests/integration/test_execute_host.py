"""The host process is as it was before, and wherever a run is started it runs."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from notebook_executor import NotebookExecutor

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_WATCHED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM)


def _state() -> dict[str, Any]:
    return {
        "cwd": Path.cwd(),
        "signals": [signal.getsignal(number) for number in _WATCHED_SIGNALS],
        "wakeup": _wakeup_descriptor(),
        "policy": id(asyncio.get_event_loop_policy()),
        "environment": dict(os.environ),
        "filters": list(warnings.filters),
        "handlers": list(logging.getLogger().handlers),
        "level": logging.getLogger().level,
        "umask": _umask(),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, threading.excepthook),
    }


def _wakeup_descriptor() -> int:
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    return descriptor


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    "ending", ["'fine'", "1 / 0", "import os\nos._exit(1)", "while True: pass"]
)
def test_a_run_leaves_the_host_as_it_was(
    make_notebook: MakeNotebook, tmp_path: Path, ending: str
) -> None:
    path = make_notebook(("x = 1", "parameters"), "import os\nos.chdir('/')", ending)
    with NotebookExecutor(tmp_path, config={"interrupt_grace": 0.3}) as executor:
        # The imports of third parties may change what they like, once.
        executor.execute(path, False, {"x": 0}, only_tags=["parameters"])
        before = _state()

        executor.execute(path, "out.ipynb", {"x": 2}, timeout=1, cwd=tmp_path)

        assert _state() == before


def test_what_a_host_has_arranged_stays_arranged(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    """An application may reap its children by itself; the kernel's exit code is lost then."""
    for handler in (signal.SIG_IGN, _reap_everything):
        before = signal.signal(signal.SIGCHLD, handler)
        try:
            result = executor.execute(make_notebook("print(1)"), False)
            assert signal.getsignal(signal.SIGCHLD) is handler
        finally:
            signal.signal(signal.SIGCHLD, before)
        assert result.ok, result
        assert result.kernel.exit_code in (0, None)


def _reap_everything(*_: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def test_runs_inside_a_running_event_loop(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("import asyncio\nawait asyncio.sleep(0)\nprint('from the loop')")

    async def directly() -> str:
        loop = asyncio.get_running_loop()
        result = executor.execute(path, False)
        assert asyncio.get_running_loop() is loop
        return str(result.cells[0].output_preview)

    async def in_threads() -> list[str]:
        runs = [asyncio.to_thread(executor.execute, path, False) for _ in range(2)]
        return [str(result.cells[0].output_preview) for result in await asyncio.gather(*runs)]

    assert asyncio.run(directly()) == "from the loop"
    assert asyncio.run(in_threads()) == ["from the loop"] * 2


def test_runs_from_several_threads_do_not_mix(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    names = [f"{number}.ipynb" for number in range(4)]
    (tmp_path / "own").mkdir()
    for name in names:
        source = "import os\nprint(name, os.environ['OWN'], os.path.basename(os.getcwd()))"
        make_notebook(("name = ''", "parameters"), source, name=f"own/{name}")

    def run(name: str) -> str:
        result = executor.execute(
            f"own/{name}", f"out/{name}", {"name": name}, env={"OWN": name.upper()}
        )
        assert result.ok, result
        return result.cells[-1].output_preview

    with ThreadPoolExecutor(4) as pool:
        previews = list(pool.map(run, names))

    assert previews == [f"{name} {name.upper()} own" for name in names]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert "OWN" not in os.environ


def _run_and_report(path: Path, report: Callable[[str], None]) -> None:
    with NotebookExecutor(path.parent) as executor:
        result = executor.execute(path, False)
    report(f"{result.status} {result.cells[0].output_preview}")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_runs_in_processes_of_multiprocessing(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path, method: str
) -> None:
    path = make_notebook("print('in a child')")
    # The parent has run one, so that the fork inherits all that a run leaves in memory.
    assert executor.execute(path, False).ok
    if method == "fork":
        assert _in_a_fork(path) == "success in a child"
    else:
        assert _in_a_spawned_process(tmp_path, path) == "success in a child"


def _in_a_fork(path: Path) -> str:
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_run_and_report, args=(path, writer.send))
    child.start()
    try:
        assert reader.poll(60), "the child did not finish"
        return str(reader.recv())
    finally:
        child.join(60)
        reader.close()
        writer.close()


def _in_a_spawned_process(folder: Path, path: Path) -> str:
    """From a script of its own: spawn imports the main module, and ours is pytest's."""
    script = folder / "spawning.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import multiprocessing
            from notebook_executor import NotebookExecutor

            def run(path):
                result = NotebookExecutor().execute(path, False)
                return f"{{result.status}} {{result.cells[0].output_preview}}"

            if __name__ == "__main__":
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    print(pool.apply(run, ({str(path)!r},)))
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=folder,
    )
    return done.stdout.strip()


def test_the_kernel_gets_cwd_and_env_and_the_host_keeps_its_own(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("FROM_HOST", "host")
    monkeypatch.setenv("OVERRIDDEN", "host")
    source = "import os\nprint(os.getcwd(), os.environ['FROM_HOST'], os.environ['OVERRIDDEN'])"
    path = make_notebook(source, name="deep/er/n.ipynb")

    beside = executor.execute(path, False, env={"OVERRIDDEN": "run"})
    elsewhere = executor.execute(path, False, cwd="elsewhere")
    missing = executor.execute(path, False, cwd="no/such/folder")

    assert beside.cells[0].output_preview == f"{tmp_path}/deep/er host run"
    assert elsewhere.cells[0].output_preview == f"{tmp_path}/elsewhere host host"
    assert missing.error is not None
    assert missing.error.kind == "kernel_start"
    assert "no/such/folder" in missing.error.message
    assert os.environ["OVERRIDDEN"] == "host"


def test_names_and_values_that_are_not_utf8_pass_through(
    make_notebook: MakeNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old file systems and environments hold such bytes; Python shows them as surrogates."""
    latin = os.fsdecode(b"caf\xe9")
    monkeypatch.setenv("INHERITED", latin)
    (tmp_path / latin).mkdir()
    source = "import os\nprint(os.environb[b'INHERITED'], os.environb[b'GIVEN'], os.getcwdb()[-4:])"
    path = make_notebook(source, name=f"{latin}/{latin}.ipynb")

    with NotebookExecutor(tmp_path / latin) as executor:
        result = executor.execute(path, f"{latin}-done.ipynb", env={"GIVEN": latin})

    assert result.ok, result
    assert result.cells[0].output_preview == r"b'caf\xe9' b'caf\xe9' b'caf\xe9'"
    assert (tmp_path / latin / f"{latin}-done.ipynb").exists()
    assert result.to_json().encode()
