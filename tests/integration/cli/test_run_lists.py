"""``nbx runs list`` of a schedule: as a table, as CSV, and as a page."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.test_execution_history import record
from tests.unit.test_schedule_history_page import Page

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Nbx, Refused


def run_of(root: Path, number: int, entry: str, **fields: Any) -> str:
    """Record a run of an entry, with the journal that a real one has."""
    due = f"2026-11-20T{number:02}:00:00Z"
    trigger = {"kind": "schedule", "name": entry, "scheduled_at": due}
    run_id = record(root, number, trigger=trigger, **fields)
    header = json.dumps({"run_id": run_id, "trigger": trigger})
    (root / ".nbx/runs" / run_id / "journal.jsonl").write_text(f"{header}\n", "utf-8")
    return run_id


@pytest.fixture
def ids(tmp_path: Path) -> list[str]:
    table = {"$scrap": "dataframe", "path": "/t.parquet", "shape": [1, 2], "preview": "a"}
    error = {"kind": "cell_error", "message": "no"}
    notebook = tmp_path / "runs" / "1.ipynb"
    notebook.parent.mkdir()
    notebook.touch()
    return [
        run_of(
            tmp_path, 1, "fleet", parameters={"day": "20, 11"}, output_path=str(notebook),
            scraps={"score": 0.5, "note": 'a "b"\nc', "rows": [1], "table": table},
        ),
        run_of(tmp_path, 2, "fleet", status="error", error=error),
        run_of(tmp_path, 3, "other", scraps={"score": 0.1}),
        record(tmp_path, 4),
    ]  # fmt: skip


def test_the_runs_of_an_entry_are_a_table(nbx: Nbx, ids: list[str]) -> None:
    done = nbx("runs", "list", "--schedule", "fleet")

    heads, second, first = (line.split() for line in done.stdout.splitlines())
    assert heads == ["run", "due", "status", "duration", "score", "note"]
    assert (second[0], second[3]) == (ids[1], "cell_error")
    assert first[0] == ids[0]
    assert first[-3:] == ["0.5", "a", '"b"…'] or first[-4:] == ["0.5", "a", '"b"', "c"]

    told = [json.loads(line) for line in nbx("runs", "list", "--json").stdout.splitlines()]
    assert [each["schedule"] for each in told] == [None, "other", "fleet", "fleet"]
    assert told[1]["scheduled_at"] == "2026-11-20T03:00:00Z"


def test_csv_has_all_of_it(nbx: Nbx, ids: list[str]) -> None:
    done = nbx("runs", "list", "--schedule", "fleet", "--csv")

    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["run_id"] for row in rows] == [ids[1], ids[0]]
    failed, good = rows
    assert (failed["status"], failed["error_kind"]) == ("error", "cell_error")
    assert failed["scraps.score"] == failed["parameters.day"] == ""
    assert good["scheduled_at"] == "2026-11-20T01:00:00+00:00"
    assert good["parameters.day"] == "20, 11"
    assert good["scraps.note"] == 'a "b"\nc'
    assert json.loads(good["scraps.rows"]) == [1]
    assert (good["scraps.score"], good["scraps.table"]) == ("0.5", "/t.parquet")
    assert list(good)[-4:] == ["scraps.score", "scraps.note", "scraps.rows", "scraps.table"]


def test_a_page_links_to_the_notebooks(nbx: Nbx, tmp_path: Path, ids: list[str]) -> None:
    (tmp_path / "reports").mkdir()

    done = nbx("runs", "list", "--schedule", "fleet", "--html", "reports/fleet.html")

    assert done.stdout == "page  reports/fleet.html\n"
    page = Page((tmp_path / "reports/fleet.html").read_text("utf-8"))
    assert page.links == ["../runs/1.ipynb"]
    assert "2 runs · 1 of 2 succeeded" in page.text
    assert "0.1" not in page.text


def test_forms_exclude_each_other(refused: Refused) -> None:
    assert "--json and --csv" in refused("runs", "list", "--json", "--csv")
    assert "--csv and --html" in refused("runs", "list", "--csv", "--html", "x")


def test_a_page_that_cannot_be_written(nbx: Nbx, ids: list[str]) -> None:
    done = nbx("runs", "list", "--html", "no/such/folder/x.html")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
