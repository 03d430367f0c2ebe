"""``nbx merge``: by hand, with a recorded change, and as git's merge driver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx


@pytest.fixture
def versions(make_notebook: MakeNotebook) -> None:
    make_notebook("x = 1", "y = 2", name="base.ipynb")
    make_notebook("x = 10", "y = 2", name="ours.ipynb")
    make_notebook("x = 1", "y = 20", name="theirs.ipynb")
    make_notebook("x = 5", "y = 2", name="other.ipynb")


@pytest.mark.usefixtures("versions")
def test_merge(nbx: Nbx, tmp_path: Path) -> None:
    done = nbx("merge", "base.ipynb", "ours.ipynb", "theirs.ipynb", "-o", "out.ipynb")
    told = nbx("merge", "base.ipynb", "ours.ipynb", "other.ipynb")
    as_json = nbx("merge", "base.ipynb", "ours.ipynb", "other.ipynb", "--json", "-o", "c.ipynb")
    brief = nbx("merge", "base.ipynb", "ours.ipynb", "other.ipynb", "--llm=80")

    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out.ipynb'}: merged\n")
    merged = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [cell.source for cell in merged.cells] == ["x = 10", "y = 20"]
    assert told.returncode == as_json.returncode == brief.returncode == 5
    assert "not written: 1 conflict\n! cells[0].source (cell-0): both changed" in told.stdout
    conflict = json.loads(as_json.stdout)["conflicts"][0]
    assert (conflict["kind"], conflict["ours"], conflict["theirs"]) == (
        "source",
        "x = 10",
        "x = 5",
    )
    nbformat.validate(nbformat.read(tmp_path / "c.ipynb", as_version=4))
    assert len(brief.stdout) <= 81


@pytest.mark.usefixtures("versions")
def test_merge_usage(nbx: Nbx) -> None:
    two = nbx("merge", "base.ipynb", "ours.ipynb")
    missing = nbx("merge", "base.ipynb", "ours.ipynb", "their.ipynb")
    many = nbx("merge", "--patch", "change.json", "base.ipynb", "ours.ipynb")

    assert two.returncode == missing.returncode == many.returncode == 2
    assert "one notebook beside the difference" in many.stderr
    assert "it takes BASE, OURS and THEIRS" in two.stderr
    assert "their.ipynb does not exist" in missing.stderr


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("flags", [[], ["--lossless"]])
def test_a_recorded_change(nbx: Nbx, tmp_path: Path, flags: list[str]) -> None:
    recorded = nbx("diff", "base.ipynb", "ours.ipynb", "--json", *flags)
    (tmp_path / "change.json").write_text(recorded.stdout)

    misfit = nbx("merge", "--patch", "change.json", "theirs.ipynb")
    in_place = nbx("merge", "--patch", "change.json", "base.ipynb", "--json")

    assert (misfit.returncode, misfit.stdout) == (2, "")
    assert "does not fit" in misfit.stderr
    assert "nbx merge" in misfit.stderr
    assert json.loads(in_place.stdout)["exact"] is bool(flags)
    assert (tmp_path / "base.ipynb").read_bytes() == (tmp_path / "ours.ipynb").read_bytes()


def test_as_the_merge_driver_of_git(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    git = Git(tmp_path)
    make_notebook("x = 1", "y = 2", name="n.ipynb")
    git("add", ".")
    git("commit", "-m", "base")
    git("checkout", "-b", "clean")
    make_notebook("x = 1", "y = 20", name="n.ipynb")
    git("commit", "-am", "y")
    git("checkout", "-b", "clashing", "main")
    make_notebook("x = 5", "y = 2", name="n.ipynb")
    git("commit", "-am", "x")
    git("checkout", "main")
    make_notebook("x = 10", "y = 2", name="n.ipynb")
    git("commit", "-am", "x, otherwise")

    assert git("merge", "clean").returncode == 0
    assert [cell.source for cell in git.cells()] == ["x = 10", "y = 20"]
    clash = git("merge", "clashing", check=False)

    assert clash.returncode == 1
    assert "CONFLICT" in clash.stdout
    assert git.cells()[0].source == "<<<<<<< ours\nx = 10\n=======\nx = 5\n>>>>>>> theirs"


class Git:
    """A repository whose notebooks are merged by ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self("init", "--initial-branch=main")
        self("config", "user.name", "a")
        self("config", "user.email", "a@example.org")
        command = f"{sys.executable} -m notebook_executor.cli.main merge %O %A %B -o %A"
        self("config", "merge.nbx.driver", command)
        (folder / ".gitattributes").write_text("*.ipynb merge=nbx\n")

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )

    def cells(self) -> list[nbformat.NotebookNode]:
        found: list[nbformat.NotebookNode] = nbformat.read(
            self.folder / "n.ipynb", as_version=4
        ).cells
        return found
