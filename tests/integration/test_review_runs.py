"""What a review may do besides: accept outputs, run the base again, take place twice at once."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.errors import UsageError
from notebook_executor.review.models import NotebookReview, Review
from tests.integration.repositories import git, isolate_git
from tests.review_projects import Project
from tests.waiting import wait_until

SCORE = "from hermes_runtime import glue\nglue('score', round(1.84 - threshold, 2))"
HEALTH = "notebooks/health.ipynb"
REFERENCE = f"runs/reference/{HEALTH}"


@pytest.fixture(autouse=True)
def isolated_git(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.make(tmp_path / "project")
    made.notebook(HEALTH, SCORE, parameters="threshold = 0.95")
    return made


@pytest.fixture
def executor(project: Project) -> Iterator[NotebookExecutor]:
    with NotebookExecutor(project.top) as made:
        yield made


def _only(review: Review) -> NotebookReview:
    (one,) = review.notebooks
    return one


def _statuses(one: NotebookReview) -> dict[str, str]:
    return {step.name: step.status for step in one.steps}


def test_accepted_outputs_are_what_the_next_change_is_held_against(
    project: Project, executor: NotebookExecutor
) -> None:
    first = executor.review(accept=True)
    assert first.verdict == "nothing_to_compare"
    assert _only(first).accepted == REFERENCE
    scrap = _only(first).scraps["score"]
    assert (scrap.base, scrap.head, scrap.direction) == (None, 0.89, "unknown")
    project.commit("base")
    project.branch("change")

    project.notebook(HEALTH, SCORE, parameters="threshold = 0.9")
    second = executor.review()

    assert second.verdict == "differs"
    one = _only(second)
    assert (one.executes, one.matches_reference) == (True, False)
    scrap = one.scraps["score"]
    assert (scrap.base, scrap.head, scrap.direction) == (0.89, 0.94, "up")
    assert scrap.change == pytest.approx(0.05)

    third = executor.review(accept=True)
    assert _only(third).accepted == REFERENCE
    accepted = nbformat.read(project.top / REFERENCE, as_version=4)
    assert "injected-parameters" not in str(accepted)
    fourth = executor.review()
    assert fourth.verdict == "pass"
    reference = _only(fourth).reference
    assert reference is not None
    assert (reference.side, reference.changed) == ("head", True)
    assert str(fourth)


def test_what_accepts_says_so_when_git_would_not_take_it(
    project: Project, executor: NotebookExecutor
) -> None:
    project.write(".gitignore", ".nbx/\nruns/\n")

    one = _only(executor.review(accept=True))

    assert any("git ignores" in warning for warning in one.warnings)


def test_the_policy_says_which_notebooks_have_references(
    project: Project, executor: NotebookExecutor
) -> None:
    project.notebook("scratch/idea.ipynb", "print(1)")
    project.notebook("scratch/other.ipynb", "print(1)")
    project.write(
        "pyproject.toml", "[tool.notebook_executor.review]\nreferences = ['notebooks/*.ipynb']\n"
    )
    executor.review(accept=True)
    assert not (project.top / "runs/reference/scratch").exists()

    assert executor.review().verdict == "pass"
    assert executor.review(paths=["scratch"]).verdict == "nothing_to_compare"


def test_the_base_run_again_tells_the_edit_from_newer_data(
    project: Project, executor: NotebookExecutor, tmp_path: Path
) -> None:
    now = tmp_path / "now"
    now.write_text("1")
    source = f"from hermes_runtime import glue\nglue('n', int(open({str(now)!r}).read()) * factor)"
    project.notebook(HEALTH, source, parameters="factor = 1")
    executor.review(accept=True)
    project.commit("base")
    project.branch("change")
    now.write_text("10")
    project.notebook(HEALTH, source, parameters="factor = 2\nshift = 0")

    stored, again = (
        executor.review(),
        executor.review(rerun_base=True, parameters={HEALTH: {"factor": 3, "shift": 1}}),
    )

    assert (_only(stored).scraps["n"].base, _only(stored).scraps["n"].head) == (1, 20)
    one = _only(again)
    assert (one.scraps["n"].base, one.scraps["n"].head) == (30, 30)
    assert one.parameters == {"factor": 3, "shift": 1}
    assert one.parameters_from == "the caller"
    assert one.base_run_id not in (None, one.run_id)
    assert one.base_duration_seconds is not None
    assert any(cell.base_duration_seconds is not None for cell in one.cells)
    assert one.matches_reference is False  # the reference is what was accepted, all the same


def test_the_checkout_is_as_it_was(project: Project, executor: NotebookExecutor) -> None:
    project.commit("base")
    project.branch("change")
    writing = "from pathlib import Path\nPath('written').write_text('x')\nPath('../README').touch()"
    project.notebook(HEALTH, writing)
    git(project.top, "add", "--all")
    project.notebook(HEALTH, writing, "print('not staged')")
    before = project.state()

    for index in (False, True):
        review = executor.review(index=index)
        assert _only(review).executes
        assert review.head == ("index" if index else "working tree")
        assert len(_only(review).cells) == (1 if index else 2)

    assert project.state() == before
    assert git(project.top, "status", "--porcelain") == f"MM {HEALTH}"


def test_in_a_linked_worktree(project: Project, tmp_path: Path) -> None:
    project.commit("base")
    linked = Project(tmp_path / "linked")
    git(project.top, "worktree", "add", "--quiet", "-b", "change", str(linked.top))
    linked.notebook(HEALTH, "print(1)")

    with NotebookExecutor(linked.top) as executor:
        review = executor.review()

    assert _only(review).executes
    assert (linked.top / ".nbx" / "runs" / str(_only(review).run_id)).is_dir()


def test_a_hooks_repository_is_not_the_notebooks(
    project: Project, executor: NotebookExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.notebook(HEALTH, "import os\nprint(os.path.exists(os.environ['GIT_DIR']))")
    monkeypatch.setenv("GIT_DIR", str(project.top / ".git"))

    head = _only(executor.review()).notebooks.head

    assert head is not None
    assert head.cells[0].outputs[0].text == "False\n"


def test_two_at_once_are_each_for_themselves(project: Project, executor: NotebookExecutor) -> None:
    project.notebook("notebooks/other.ipynb", "print(2)")
    reviews: list[Review] = []

    def review() -> None:
        reviews.append(executor.review())

    threads = [threading.Thread(target=review) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(one.notebooks) for one in reviews] == [2, 2]
    runs = {notebook.run_id for one in reviews for notebook in one.notebooks}
    assert len(runs) == 4
    assert all(notebook.executes for one in reviews for notebook in one.notebooks)


def test_each_is_told_of_as_soon_as_it_is_done(
    project: Project, executor: NotebookExecutor
) -> None:
    project.notebook("notebooks/other.ipynb", "print(2)")
    told: list[NotebookReview] = []

    review = executor.review(on_notebook=told.append)

    assert sorted(told, key=lambda one: one.path) == list(review.notebooks)


def test_what_a_callback_raises_ends_the_review(
    project: Project, executor: NotebookExecutor
) -> None:
    def fail(one: NotebookReview) -> None:
        raise LookupError(one.path)

    with pytest.raises(LookupError, match="health"):
        executor.review(on_notebook=fail)


def test_an_executor_that_is_closed_ends_its_reviews(
    project: Project, executor: NotebookExecutor, tmp_path: Path
) -> None:
    busy = tmp_path / "busy"
    slow = f"import time\nopen({str(busy)!r}, 'w').close()\ntime.sleep(600)"
    for name in ("a", "b", "c"):
        project.notebook(f"notebooks/{name}.ipynb", slow)
    reviews: list[Review] = []
    thread = threading.Thread(target=lambda: reviews.append(executor.review(max_workers=1)))
    thread.start()
    wait_until(busy.exists)

    executor.close()
    thread.join()

    (review,) = reviews
    assert review.verdict == "fail"
    slow_ones = [one for one in review.notebooks if one.path != HEALTH]
    assert [one.executes for one in slow_ones] == [None, None, None]
    assert {one.error.kind for one in slow_ones if one.error} == {"cancelled"}


def test_a_cell_that_takes_too_long_fails_its_notebook_alone(
    project: Project, executor: NotebookExecutor
) -> None:
    project.notebook("notebooks/slow.ipynb", "import time\ntime.sleep(600)")
    project.write(
        "pyproject.toml",
        '[tool.notebook_executor.review."notebooks/slow.ipynb"]\ntimeout = 0.5\n',
    )

    health, slow = executor.review().notebooks

    assert health.executes
    assert slow.error is not None
    assert slow.error.kind == "cell_timeout"
    assert slow.executes is False


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[tool.notebook_executor.review", "cannot be read"),
        ("[tool.notebook_executor]\nreview = 1", "is not a table"),
        ("[tool.notebook_executor.review]\nreferences = 1", "references"),
        ("[tool.notebook_executor.review]\nlaxx = true", "laxx"),
        ('[tool.notebook_executor.review]\n"a.ipynb" = 1', "a.ipynb"),
        ('[tool.notebook_executor.review."a.ipynb"]\ntimeout = -1', "timeout"),
        ('[tool.notebook_executor.review."a.ipynb"]\nnoise = ["no"]', "noise"),
    ],
)
def test_what_no_policy_is_refused(
    project: Project, executor: NotebookExecutor, said: str, told: str
) -> None:
    project.write("pyproject.toml", said)
    with pytest.raises(UsageError, match=r"pyproject\.toml") as caught:
        executor.review()
    assert told in caught.value.message


def test_arguments_that_mean_nothing_are_refused(executor: NotebookExecutor) -> None:
    with pytest.raises(TypeError, match="a list of paths"):
        executor.review(paths="notebooks")
    with pytest.raises(TypeError, match="max_workers"):
        executor.review(max_workers=0)
    with pytest.raises(TypeError, match="timeout"):
        executor.review(timeout=-1)
    with pytest.raises(TypeError, match="on_notebook"):
        executor.review(on_notebook="print")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="parameters"):
        executor.review(parameters={HEALTH: 1})  # type: ignore[dict-item]
    with pytest.raises(UsageError, match="is not below"):
        executor.review(paths=["../elsewhere"])


def test_paths_begin_at_the_repository_where_the_project_is_a_folder_of_it(
    project: Project, tmp_path: Path
) -> None:
    """Whoever reads the JSON elsewhere joins them to a checkout of their own."""
    inner = Project(project.top / "science")
    inner.notebook(HEALTH, SCORE, parameters="threshold = 0.95")
    (tmp_path / "link").symlink_to(inner.top)
    with NotebookExecutor(tmp_path / "link") as executor:
        one = _only(executor.review(paths=[HEALTH], accept=True))

    assert one.path == f"science/{HEALTH}"
    assert one.accepted == f"science/{REFERENCE}"
    assert one.output_path == f"science/.nbx/runs/{one.run_id}/outputs/notebook.ipynb"
    assert (project.top / one.accepted).is_file()
    assert (project.top / one.output_path).is_file()
    assert str(tmp_path) not in one.model_dump_json()


def test_a_place_that_cannot_be_written_is_no_obstacle(project: Project, tmp_path: Path) -> None:
    """The records go elsewhere; the review itself writes nothing there."""
    state = tmp_path / "state"
    (project.top / ".nbx").write_text("a file")
    with NotebookExecutor(project.top, config={"state_dir": str(state)}) as executor:
        one = _only(executor.review())

    assert one.executes
    assert one.output_path is not None
    assert Path(one.output_path).is_relative_to(state)
    assert Path(one.output_path).is_file()


def test_without_commits_git_says_why(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "empty")], check=True, timeout=60)
    with NotebookExecutor(tmp_path / "empty") as executor, pytest.raises(UsageError, match="main"):
        executor.review()
