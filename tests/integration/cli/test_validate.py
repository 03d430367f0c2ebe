"""``nbx validate``: reports, repairs, and regression with its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx


def test_validate(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    good = make_notebook("1", name="good.ipynb")
    bad = json.loads(good.read_text())
    bad["cells"][0]["cell_type"] = "codex"
    (tmp_path / "bad.ipynb").write_text(json.dumps(bad))

    valid, invalid = nbx("validate", "good.ipynb"), nbx("validate", "good.ipynb", "bad.ipynb")
    as_json = nbx("validate", "good.ipynb", "bad.ipynb", "missing.ipynb", "--json")

    assert valid.returncode == 0
    assert valid.stdout == f"{good} (nbformat 4.5): valid\n"
    assert invalid.returncode == as_json.returncode == 2
    assert "bad.ipynb (nbformat 4.5): not valid" in invalid.stdout
    assert "cells[0]" in invalid.stdout
    reports = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [report["valid"] for report in reports] == [True, False, False]
    assert reports[2]["issues"][0]["code"] == "not_found"


def test_validate_repairs_on_demand(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    path = make_notebook("1", "2")
    node = json.loads(path.read_text())
    node["cells"][1]["id"] = node["cells"][0]["id"]
    path.write_text(json.dumps(node, indent=4))

    before, fixed, after = (
        nbx("validate", "notebook.ipynb", *flags) for flags in ([], ["--fix"], ["--json"])
    )

    assert (before.returncode, fixed.returncode, after.returncode) == (2, 0, 0)
    assert "error duplicate_id: cells[1].id: " in before.stdout
    assert "changed cells[1].id: it was not unique; now " in fixed.stdout
    assert json.loads(after.stdout)["issues"] == []
    changed = json.loads(path.read_text())
    node["cells"][1]["id"] = changed["cells"][1]["id"]
    assert path.read_text() == json.dumps(node, indent=4)


def test_on_the_command_line(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    make_notebook(("x = 1.0", "parameters"), "print(x)")
    make_notebook(("x = 1.0", "parameters"), "1 / 0", name="failing.ipynb")
    command = ("validate", "notebook.ipynb", "--regression")

    nothing = nbx(*command)
    accepted = nbx(*command, "--accept")
    differs = nbx(*command, "-p", "x", "1.1", "--json")
    worst = nbx(*command, "failing.ipynb", "-p", "x", "1.1", "--rtol", "0.2")

    codes = [done.returncode for done in (nothing, accepted, differs, worst)]
    assert codes == [6, 0, 5, 1]
    assert "nothing to compare: 0 cells" in nothing.stdout
    assert "accepted as " in accepted.stdout
    report = json.loads(differs.stdout)["regression"]
    assert report["verdict"] == "differs"
    assert report["cells"][1]["differences"][0]["actual"] == "1.1\n"
    assert "pass: 2 cells compared" in worst.stdout
    assert "cell_error: Cell 1 ('cell-1'): it raised ZeroDivisionError" in worst.stdout


@pytest.mark.parametrize("flags", [["--accept"], ["--lax"], ["--rtol", "1"], ["-p", "x", "1"]])
def test_options_of_the_comparison_need_it(
    nbx: Nbx, make_notebook: MakeNotebook, flags: list[str]
) -> None:
    make_notebook("1")

    done = nbx("validate", "notebook.ipynb", *flags)

    assert done.returncode == 2
    assert "need --regression" in done.stderr
