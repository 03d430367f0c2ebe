"""A change from an agent's edit to the merge, with a remote, clones, and git as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.review.models import NotebookReview, ReferenceReview, Review
from tests.integration.clones import ATTRIBUTES, isolate_commands, nbx, set_up, sources, typed
from tests.integration.repositories import git
from tests.review_projects import Project

HEALTH = "notebooks/health.ipynb"
REFERENCE = f"runs/reference/{HEALTH}"
BRANCH = "agent/threshold"
CELLS = (
    "scores = [1.0] * 16 + [0.91, 0.6]",
    "alerts = [score for score in scores if score < threshold]",
    "from hermes_runtime import glue\n"
    "glue('health_score', round(1 - len(alerts) / len(scores), 2))\n"
    "print(len(alerts), 'alerts')",
)


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_commands(monkeypatch)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository, whose main branch has the notebook and its accepted reference."""
    folder = tmp_path_factory.mktemp("origin")
    bare = folder / "remote.git"
    with pytest.MonkeyPatch.context() as patch:
        isolate_commands(patch)
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        owner = Project.make(folder / "owner")
        owner.write(".gitattributes", ATTRIBUTES)
        set_up(owner.top)
        owner.notebook(HEALTH, *CELLS, parameters="threshold = 0.95")
        done = nbx(owner.top, "validate", "--regression", "--accept", HEALTH)
        assert done.returncode == 0, done.stdout
        owner.commit("the fleet's health")
        git(owner.top, "push", "--quiet", str(bare), "main")
    return bare


@pytest.fixture
def remote(origin: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(origin, tmp_path / "remote.git"))


def clone(remote: Path, name: str, *, ready: bool = True) -> Path:
    folder = remote.parent / name
    git(remote.parent, "clone", "--quiet", str(remote), str(folder))
    if ready:
        set_up(folder)
    return folder


def edit(folder: Path, *words: str) -> None:
    done = nbx(folder, "edit", HEALTH, *words)
    assert done.returncode == 0, done.stderr


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", message)


def only(review: Review) -> NotebookReview:
    (notebook,) = review.notebooks
    return notebook


def steps(notebook: NotebookReview) -> dict[str, str]:
    return {step.name: step.status for step in notebook.steps}


def test_an_agents_change_is_reviewed_accepted_merged_and_reviewed_again(remote: Path) -> None:
    agent, reviewer = clone(remote, "agent"), clone(remote, "reviewer")
    git(agent, "checkout", "--quiet", "-b", BRANCH)
    edit(agent, "set_parameter", "--name=threshold", "--value=0.90")
    commit(agent, "alert below 0.90")
    git(agent, "push", "--quiet", "origin", BRANCH)

    # The reviewer sees what the change does, and has nothing of it in the working tree.
    git(reviewer, "fetch", "--quiet")
    page, comment = reviewer.parent / "review.html", reviewer.parent / "review.md"
    files = (f"--html={page}", f"--markdown={comment}")
    done = nbx(reviewer, "review", "main", f"origin/{BRANCH}", *files, "--json")
    assert done.returncode == 5, done.stderr
    (first,) = json.loads(done.stdout)["notebooks"]
    score = {"base": 0.89, "head": 0.94, "change": pytest.approx(0.05), "direction": "up"}
    assert (first["executes"], first["matches_reference"]) == (True, False)
    assert first["scraps"]["health_score"] == score
    assert "was <b>0.89</b>, is <b>0.94</b>" in page.read_text("utf-8")
    assert "`health_score` was 0.89, is 0.94 ↑" in comment.read_text("utf-8")
    assert git(reviewer, "status", "--porcelain") == ""

    # The agent accepts the numbers on purpose; that is a part of the change, and told.
    assert nbx(agent, "review", "main", "--accept").returncode == 0
    commit(agent, "what the fleet's health is now")
    git(agent, "push", "--quiet", "origin", BRANCH)
    git(reviewer, "fetch", "--quiet")
    with NotebookExecutor(reviewer) as executor:
        second = executor.review("main", f"origin/{BRANCH}")
        assert (second.verdict, only(second).matches_reference) == ("pass", True)
        assert only(second).reference == ReferenceReview(
            path=REFERENCE, side="head", changed=True, compared=len(CELLS) + 1
        )
        assert only(second).scraps["health_score"].model_dump() == score

        # Meanwhile main has gone on, in another cell. The driver brings both together.
        edit(reviewer, "insert_after", "--cell=cell-1", "--source=quiet = not alerts", "--id=quiet")
        commit(reviewer, "is it quiet?")
        merged = typed(reviewer, "git", "merge", "--no-edit", f"origin/{BRANCH}")
        assert merged.returncode == 0, merged.stdout
        told = sources((reviewer / HEALTH).read_text("utf-8"))
        assert told == ["threshold = 0.9", CELLS[0], CELLS[1], "quiet = not alerts", CELLS[2]]
        third = executor.review("origin/main", "HEAD")
    assert third.verdict == "pass"
    assert only(third).scraps["health_score"].model_dump() == score
    git(reviewer, "push", "--quiet", "origin", "main")
    assert git(remote, "show", f"main:{REFERENCE}").count('"data": 0.94') == 1


def test_a_conflict_fails_its_review_until_it_is_solved(remote: Path) -> None:
    agent, owner = clone(remote, "agent"), clone(remote, "second owner")
    git(agent, "checkout", "--quiet", "-b", BRANCH)
    for folder, value in ((agent, "0.90"), (owner, "0.55")):
        edit(folder, "set_parameter", "--name=threshold", f"--value={value}")
        commit(folder, f"alert below {value}")
    git(owner, "push", "--quiet", "origin", "main")
    git(agent, "fetch", "--quiet")

    merging = typed(agent, "git", "merge", "--no-edit", "origin/main")

    assert merging.returncode == 1
    assert git(agent, "status", "--porcelain") == f"UU {HEALTH}"
    nbformat.validate(nbformat.read(agent / HEALTH, as_version=4))
    with NotebookExecutor(agent) as executor:
        torn = executor.review("origin/main")
        assert torn.verdict == "fail"
        assert steps(only(torn))["structure"] == "failed"
        assert "+<<<<<<< ours\n+threshold = 0.9\n+=======\n" in torn.to_markdown()

        executor.edit(
            HEALTH,
            [
                {"op": "replace_source", "cell": "parameters", "source": "threshold = 0.9"},
                {"op": "set_metadata", "cell": "parameters", "metadata": {"nbx": None}},
            ],
        )
        commit(agent, "merge main, and alert below 0.90")
        solved = executor.review("origin/main", "HEAD")
    assert (solved.verdict, only(solved).executes) == ("differs", True)
    assert only(solved).diff is not None
    assert "-threshold = 0.55\n+threshold = 0.9" in solved.to_markdown()


def test_a_fresh_clone_without_set_up_is_caught_and_mended(remote: Path) -> None:
    fresh = clone(remote, "fresh", ready=False)
    git(fresh, "checkout", "--quiet", "-b", BRANCH)
    edit(fresh, "set_parameter", "--name=threshold", "--value=0.90")
    notebook = nbformat.read(fresh / HEALTH, as_version=4)
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="1 alerts\n")]
    notebook.cells[3].execution_count = 4
    nbformat.write(notebook, fresh / HEALTH)
    commit(fresh, "alert below 0.90, with outputs")

    with NotebookExecutor(fresh) as executor:
        caught = executor.review("main", "HEAD")
        assert caught.verdict == "fail"
        assert steps(only(caught)) == {
            "structure": "ok",
            "sources": "ok",
            "parameters": "ok",
            "execution": "ok",
            "reference": "differs",
            "strip": "failed",
        }
        assert only(caught).stripped_away == (3,)
        assert "nbx doctor --fix" in str(caught)
        assert nbx(fresh, "strip", "--check").returncode == 5

        set_up(fresh)
        git(fresh, "add", "--renormalize", ".")
        git(fresh, "commit", "--quiet", "-m", "without outputs")
        mended = executor.review("main", "HEAD")
    assert (mended.verdict, steps(only(mended))["strip"]) == ("differs", "ok")
    assert nbx(fresh, "strip", "--check").returncode == 0
    assert only(mended).scraps["health_score"].head == 0.94
