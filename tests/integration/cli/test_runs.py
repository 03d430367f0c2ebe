"""``nbx runs``: what has run here, what runs, and what was cut off."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor import NotebookExecutor
from tests.integration.cli.observing import SLOW, printed, result_of, wait_for

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, StartNbx


def listed(nbx: Nbx, *arguments: str) -> list[dict[str, Any]]:
    done = nbx("runs", "list", "--json", *arguments)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_runs_are_listed_and_shown(
    nbx: Nbx, make_notebook: MakeNotebook, executor: NotebookExecutor
) -> None:
    good = make_notebook("print('fine')", name="good.ipynb")
    bad = make_notebook("1 / 0", name="bad.ipynb")
    first, second = executor.execute(good), executor.execute(bad)
    third = executor.execute("nowhere.ipynb")

    rows = listed(nbx)
    by_id = {row["run_id"]: row for row in rows}
    assert [row["run_id"] for row in rows] == sorted(by_id, reverse=True)
    assert by_id[first.run_id] == {
        "run_id": first.run_id,
        "started_at": first.started_at.isoformat().replace("+00:00", "Z"),
        "status": "success",
        "error_kind": None,
        "duration_seconds": first.duration_seconds,
        "input_path": str(good),
        "output_path": first.output_path,
        "sweep": None,
        "schedule": None,
        "scheduled_at": None,
        "parameters": {},
        "scraps": {},
    }
    assert by_id[second.run_id]["error_kind"] == "cell_error"
    assert by_id[third.run_id]["error_kind"] == "not_found"

    assert listed(nbx, "--limit", "1") == rows[:1]
    assert listed(nbx, "--status", "success") == [by_id[first.run_id]]
    assert listed(nbx, "--notebook", "bad.ipynb") == [by_id[second.run_id]]
    assert listed(nbx, "--status", "running") == []
    assert len(listed(nbx, "--since", "2h")) == 3
    assert listed(nbx, "--since", "2999-01-01") == []
    assert listed(nbx, "--sweep", "none") == []
    assert nbx("runs", "list", "--since", "soon").returncode == 2
    assert listed(nbx, "--status", "interrupted") == []

    header, *lines = nbx("runs", "list").stdout.splitlines()
    assert header.split() == ["run", "started", "status", "error", "duration", "notebook"]
    assert [line.split()[0] for line in lines] == [row["run_id"] for row in rows]
    (line,) = [line for line in lines if line.startswith(second.run_id)]
    assert line.split()[3:5] == ["error", "cell_error"]
    assert line.endswith("bad.ipynb")

    shown = nbx("runs", "show", second.run_id, "--json")
    shown_result = result_of(shown.stdout)
    assert shown_result.model_dump() == second.model_dump()
    by_suffix = nbx("runs", "show", second.run_id.partition("-")[2])
    assert "error (cell_error): Cell 0" in by_suffix.stdout
    assert nbx("runs", "show", "last").stdout.endswith(f"run       {rows[0]['run_id']}\n")
    brief = nbx("runs", "show", "--llm=150", second.run_id)
    assert brief.stdout == second.for_llm(150) + "\n"

    unknown = nbx("runs", "show", "nope")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("error: No run is called 'nope'\nhint: ")


def test_without_runs_there_is_nothing_to_list(nbx: Nbx) -> None:
    plain, as_json, shown = (
        nbx("runs", "list"),
        nbx("runs", "list", "--json"),
        nbx("runs", "show", "last"),
    )

    assert (plain.returncode, plain.stdout) == (0, "")
    assert "no such runs" in plain.stderr
    assert (as_json.returncode, as_json.stdout, as_json.stderr) == (0, "", "")
    assert shown.returncode == 2
    assert "No run is recorded" in shown.stderr


def test_a_list_is_cut_and_says_so(nbx: Nbx, tmp_path: Path) -> None:
    for number in range(25):
        (tmp_path / ".nbx" / "runs" / f"20261120T0000{number:02}Z-abcdef").mkdir(parents=True)

    done = nbx("runs", "list")

    assert len(done.stdout.splitlines()) == 21
    assert "newest 20" in done.stderr
    assert len(listed(nbx)) == 25


def test_a_run_that_goes_on_and_one_that_was_cut_off(
    start_nbx: StartNbx, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("print('done')", SLOW)
    process = start_nbx("run", "notebook.ipynb", "out.ipynb", "--log-output")
    wait_for("busy", process.stderr)

    (row,) = rows_meanwhile(start_nbx, "--status", "running")
    assert row["status"] == "running"
    assert row["input_path"] == str(path)
    assert row["duration_seconds"] is None
    assert rows_meanwhile(start_nbx, "--status", "interrupted") == []
    refused = start_nbx("runs", "recover", "last")
    _, told = refused.communicate(timeout=60)
    assert (refused.returncode, told.count("\n")) == (2, 2)
    assert "still going on" in told
    assert "--output PATH" in told
    so_far, _ = start_nbx("runs", "recover", "last", "--output", "s.ipynb").communicate(timeout=60)
    assert so_far.startswith("so far: 1 of 2 cells")
    assert "cell 'cell-1' is running" in so_far
    assert printed(path.parent / "s.ipynb", 0) == "done\n"

    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    (row,) = rows_meanwhile(start_nbx, "--status", "interrupted")
    assert row["status"] == "cut off"
    shown, _ = start_nbx("runs", "show", "last").communicate(timeout=60)
    assert shown.startswith("cut off: ")
    assert "notebook  out.ipynb\n" in shown
    assert f"cells     .nbx/runs/{row['run_id']}/journal.jsonl\n" in shown
    as_json, _ = start_nbx("runs", "show", "last", "--json").communicate(timeout=60)
    assert json.loads(as_json) == row
    assert f"nbx runs recover {row['run_id']}" in shown
    scraps = start_nbx("scraps", "last")
    _, told = scraps.communicate(timeout=60)
    assert scraps.returncode == 2
    assert "has no result" in told

    recovering = start_nbx("runs", "recover", row["run_id"], "--json")
    recovered, errors = recovering.communicate(timeout=60)
    assert (recovering.returncode, errors) == (0, "")
    assert json.loads(recovered) == {
        "run_id": row["run_id"],
        "output_path": str(path.parent / "out.ipynb"),
        "cells_restored": 1,
        "cells_to_run": 2,
        "interrupted_cell": "cell-1",
        "running": False,
        "recorded": True,
        "damaged_lines": 0,
    }
    assert printed(path.parent / "out.ipynb", 0) == "done\n"
    (row,) = rows_meanwhile(start_nbx, "--status", "interrupted")
    assert (row["status"], row["error_kind"]) == ("error", "cancelled")
    shown, _ = start_nbx("runs", "show", "last").communicate(timeout=60)
    assert shown.startswith("error (cancelled): The process that ran the notebook was killed while")
    assert "variables are gone" in shown


def test_an_unreadable_record_does_not_hide_the_others(
    nbx: Nbx, make_notebook: MakeNotebook, executor: NotebookExecutor, tmp_path: Path
) -> None:
    result = executor.execute(make_notebook("1"))
    broken = tmp_path / ".nbx" / "runs" / "20000101T000000Z-abcdef"
    broken.mkdir()
    (broken / "record.json").write_text('{"schema": 2}')

    assert [(row["run_id"], row["status"]) for row in listed(nbx)] == [
        (result.run_id, "success"),
        (broken.name, "unreadable"),
    ]
    assert nbx("runs", "show", "20000101").returncode == 2


def rows_meanwhile(start_nbx: StartNbx, *arguments: str) -> list[dict[str, Any]]:
    """As ``listed``, while another command runs."""
    stdout, _ = start_nbx("runs", "list", "--json", *arguments).communicate(timeout=60)
    return [json.loads(line) for line in stdout.splitlines()]
