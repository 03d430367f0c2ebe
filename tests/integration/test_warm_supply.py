"""How many warm kernels wait, how long, and that none is handed out for another kernelspec."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.lifecycle import warm
from tests.conftest import MakeNotebook
from tests.waiting import stand_by, wait_until, waiting


def _below_the_guard() -> list[psutil.Process]:
    return [child for guard in psutil.Process().children() for child in guard.children()]


def test_what_nobody_wants_ends_kernels_first_and_then_their_server(
    make_notebook: MakeNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = make_notebook("1")
    monkeypatch.setattr(warm, "_PAUSE", 0.05)
    with NotebookExecutor(tmp_path, warm=True) as executor:
        executor.execute(notebook, False)
        stand_by(executor, 1)
        with monkeypatch.context() as sooner:
            sooner.setattr(warm, "_STAND_BY_SECONDS", 0.0)
            wait_until(lambda: len(_below_the_guard()) == 1)
            assert waiting() == 0
            sooner.setattr(warm, "_SERVER_SECONDS", 0.0)
            wait_until(lambda: not _below_the_guard())

        assert executor.execute(notebook, False).kernel.warm


def test_none_is_added_where_memory_is_short(
    make_notebook: MakeNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = make_notebook("1")
    with NotebookExecutor(tmp_path, warm=True) as executor:
        supply = executor._kernels.backend()._warm
        with monkeypatch.context() as short:
            short.setattr(warm, "_SPARE_BYTES", 1 << 60)
            results = [executor.execute(notebook, False) for _ in range(2)]
            assert supply._next_task() is None
            assert waiting() == 0
        assert all(result.kernel.warm for result in results)
        executor.execute(notebook, False)
        stand_by(executor, 1)


def test_no_more_wait_than_may(
    make_notebook: MakeNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = make_notebook("1")
    monkeypatch.setattr(warm, "_MOST_WAITING", 1)
    with NotebookExecutor(tmp_path, warm=True) as executor:
        supply = executor._kernels.backend()._warm
        # One of each kind is missed.
        for host_view in (False, True):
            executor.execute(notebook, False, host_view=host_view)
        stand_by(executor, 1)

        assert supply._next_task() is None
        assert supply.waiting == 1


def test_a_kernelspec_that_has_changed_gets_kernels_of_its_own(
    make_notebook: MakeNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kernels" / "mine" / "kernel.json"
    file.parent.mkdir(parents=True)
    about = {"name": "mine", "display_name": "Mine", "language": "python"}
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = make_notebook("import os\nprint(os.environ['WHICH'])", kernelspec=about)
    told = []
    with NotebookExecutor(tmp_path, warm=True) as executor:
        for which in ("one", "two"):
            file.write_text(json.dumps({**about, "argv": argv, "env": {"WHICH": which}}))
            result = executor.execute(notebook, False)
            assert result.notebook is not None
            told.append((result.notebook.cells[0].outputs[0]["text"], result.kernel.warm))
            stand_by(executor, 1)

    assert told == [("one\n", True), ("two\n", True)]
