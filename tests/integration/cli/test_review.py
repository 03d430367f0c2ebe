"""``nbx review``: what it prints and writes, its exit codes, and how it is ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notebook_executor.review.models import Review
from tests.integration.cli.observing import kernels, settled
from tests.integration.repositories import git, isolate_git
from tests.review_projects import Project
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Nbx, Refused, StartNbx


@pytest.fixture(autouse=True)
def isolated_git(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)


@pytest.fixture
def project(isolated_git: None, environment: dict[str, str], tmp_path: Path) -> Project:
    made = Project.make(tmp_path / "project")
    made.notebook("notebooks/a b.ipynb", "print('one')")
    made.notebook("runs/reference/notebooks/a b.ipynb", "print('one')#>one", run=True)
    made.commit("base")
    made.branch("change")
    return made


def test_what_matches_passes_and_what_does_not_differs(
    nbx: Nbx, project: Project, tmp_path: Path
) -> None:
    project.notebook("notebooks/a b.ipynb", "print('one')  # the same")
    passed = nbx("review", cwd=project.top)
    assert passed.returncode == 0
    assert passed.stdout.startswith("pass: ")

    project.notebook("notebooks/a b.ipynb", "print('two')")
    page, comment = tmp_path / "page.html", tmp_path / "comment.md"
    differs = nbx(
        *("review", "--json", "--html", page, "--markdown", comment), cwd=project.top / "notebooks"
    )
    assert differs.returncode == 5
    review = Review.model_validate_json(differs.stdout)
    assert review.verdict == "differs"
    assert "<!-- nbx-review -->" in comment.read_text("utf-8")
    assert page.read_text("utf-8").startswith("<!")

    accepted = nbx("review", "--accept", "--llm", cwd=project.top)
    assert accepted.returncode == 0
    assert len(accepted.stdout) <= 4001
    assert nbx("review", cwd=project.top).returncode == 0


def test_what_does_not_run_fails(nbx: Nbx, project: Project) -> None:
    project.notebook("notebooks/c.ipynb", "1 / 0")
    commit = project.commit()

    failed = nbx("review", "main", commit, "--json", cwd=project.top)

    assert failed.returncode == 1
    (one,) = json.loads(failed.stdout)["notebooks"]
    assert (one["path"], one["executes"], one["matches_reference"]) == (
        "notebooks/c.ipynb", False, None,
    )  # fmt: skip


def test_paths_come_after_two_dashes(nbx: Nbx, project: Project) -> None:
    project.notebook("notebooks/c.ipynb", "1 / 0")
    project.notebook("notebooks/d.ipynb", "1")
    git(project.top, "add", "--all")

    done = nbx("review", "--index", "--json", "--", "d.ipynb", cwd=project.top / "notebooks")

    assert done.returncode == 6
    review = json.loads(done.stdout)
    assert [one["path"] for one in review["notebooks"]] == ["notebooks/d.ipynb"]
    assert review["head"] == "index"

    nothing = nbx("review", "main", "main", "--markdown", "-", cwd=project.top)
    assert nothing.returncode == 6
    assert nothing.stdout.startswith("<!-- nbx-review -->")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nope",), "'nope' is no commit"),
        (("main", "main", "--index"), "of a commit or of the index"),
        (("--json", "--llm"), "cannot go together"),
        (("--json", "--markdown", "-"), "standard output"),
        (("--limit", "memory"), "NAME=VALUE"),
        (("--execution-timeout", "-1"), "--execution-timeout"),
        (("main", "main", "main"), "unexpected extra argument"),
    ],
)
def test_what_makes_no_sense_is_refused(
    refused: Refused, project: Project, arguments: tuple[str, ...], told: str
) -> None:
    assert told in refused("review", "--root", str(project.top), *arguments)


def _start_slow(start_nbx: StartNbx, project: Project, tmp_path: Path) -> subprocess.Popen[str]:
    """A review of which two notebooks are known to be running."""
    busy = [tmp_path / f"busy-{number}" for number in range(2)]
    for number, file in enumerate(busy):
        project.notebook(
            f"notebooks/slow {number}.ipynb",
            f"import time\nopen({str(file)!r}, 'w').close()\ntime.sleep(600)",
        )
    process = start_nbx("review", "--jobs", "2", cwd=project.top)
    wait_until(lambda: all(file.exists() for file in busy))
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_of_it(
    start_nbx: StartNbx,
    project: Project,
    environment: dict[str, str],
    tmp_path: Path,
    number: int,
    code: int,
) -> None:
    process = _start_slow(start_nbx, project, tmp_path)

    os.killpg(process.pid, number)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == code
    assert "Traceback" not in stderr
    assert not settled(lambda: kernels(environment))
    assert not list(Path(environment["TMPDIR"]).iterdir())


def test_a_kill_leaves_no_process_and_nothing_that_is_not_reaped(
    start_nbx: StartNbx, nbx: Nbx, project: Project, environment: dict[str, str], tmp_path: Path
) -> None:
    process = _start_slow(start_nbx, project, tmp_path)

    process.kill()
    process.communicate(timeout=60)

    assert not settled(lambda: kernels(environment))
    place = Path(environment["TMPDIR"])
    # Its guard removes the kernels' directories by itself; whose lease is free is removed by any.
    wait_until(lambda: len(list(place.iterdir())) <= 1)
    assert nbx("reap", cwd=project.top).returncode == 0  # after which the place must be empty
