"""A review, from two sides of a repository to a verdict; ``review_changes`` is all of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from notebook_executor.errors import NotebookExecutorError
from notebook_executor.execution.crew import Crew
from notebook_executor.lifecycle.workplace import workplace
from notebook_executor.review.changes import NotebookChange, find_changes
from notebook_executor.review.comparison import Comparison, compare
from notebook_executor.review.concluding import notebook_review, verdict_of
from notebook_executor.review.documents import check_stripped, check_structure, compare_sources
from notebook_executor.review.executing import execute
from notebook_executor.review.lanes import Lanes
from notebook_executor.review.models import NotebookReview, Review, StepName, StepOutcome
from notebook_executor.review.options import ReviewOptions
from notebook_executor.review.policy import FILE, ReviewPolicy
from notebook_executor.review.referring import compare_reference
from notebook_executor.review.running import Runner
from notebook_executor.review.schedules import FOLDER, Schedules, check_schedules
from notebook_executor.review.subject import Finding, Scene, Subject

STEPS: Mapping[StepName, Callable[[Subject, Scene], Finding]] = {
    "structure": check_structure,
    "sources": compare_sources,
    "parameters": check_schedules,
    "execution": execute,
    "reference": compare_reference,
    "strip": check_stripped,
}


def review_changes(
    base: str,
    head: str | None,
    *,
    index: bool,
    options: ReviewOptions,
    runner: Runner,
    crew: Crew,
) -> Review:
    """Find the notebooks that a change touches, take each through all steps, and judge.

    Blocks until all is done and every kernel is gone.

    Args:
        base: What the head is compared with, from the commit that they have in common.
        head: A commit; None for what is not committed.
        index: Of that, the index instead of the working tree.
        options: What the caller has asked for.
        runner: Runs notebooks.
        crew: The threads that they run on.

    Raises:
        UsageError: There is no such commit, or what the project says of reviews makes no sense.
        GitError: git fails.
        KeyboardInterrupt: As it came, after teardown.
    """
    began = time.monotonic()
    with workplace("review") as place:
        comparison = compare(runner.root, base, head, index=index, place=place)
        changes = find_changes(comparison, options.paths)
        scene = _scene(comparison, place, options, runner)
        review = partial(review_notebook, scene=scene)
        tell = options.on_notebook or _told_nobody
        lanes = Lanes(changes.notebooks, review, tell, runner.cancellation)
        reviews = lanes.run(crew, options.max_workers or os.cpu_count() or 1)
    return Review(
        verdict=verdict_of(reviews, partial(_counts, scene=scene)),
        base=comparison.base,
        head=comparison.head,
        base_commit=comparison.base_commit,
        head_commit=comparison.head_commit,
        merge_base=comparison.merge_base,
        notebooks=tuple(reviews),
        duration_seconds=round(time.monotonic() - began, 3),
        warnings=(*comparison.warnings, *changes.warnings, *scene.schedules.warnings()),
    )


def _told_nobody(_: NotebookReview) -> None:
    pass


def review_notebook(change: NotebookChange, scene: Scene) -> NotebookReview:
    """Take one notebook through all steps, each with what those before have found out."""
    inside = scene.comparison.in_project(change.path) or change.path
    subject = Subject(change, inside, scene.policy.notebook(inside))
    steps = [_taken(name, step, subject, scene) for name, step in STEPS.items()]
    return notebook_review(subject, scene, steps)


def _taken(
    name: StepName, step: Callable[[Subject, Scene], Finding], subject: Subject, scene: Scene
) -> StepOutcome:
    began = time.monotonic()
    try:
        found = step(subject, scene)
    except NotebookExecutorError as error:
        found = Finding("failed", error.message, error.hint)
    return StepOutcome(
        name=name,
        status=found.status,
        message=found.message,
        hint=found.hint or None,
        duration_seconds=round(time.monotonic() - began, 3),
    )


def _scene(comparison: Comparison, place: Path, options: ReviewOptions, runner: Runner) -> Scene:
    """What all notebooks have in common, and what the lanes will only read."""
    file = comparison.from_project(FILE)
    policy = ReviewPolicy.of(comparison.new.read(file))
    own = [comparison.from_project(name) for name in policy.files()]
    wanted = [path for path in own if comparison.new.has(path)]
    wanted += comparison.new.paths(comparison.from_project(FOLDER))
    top = place / "own"
    top.mkdir()
    comparison.new.lay_out(top, place / "new.index", wanted)
    if options.rerun_base:
        comparison.old.lay_out(top, place / "old.index", ())
    project = top / comparison.prefix
    project.mkdir(parents=True, exist_ok=True)
    return Scene(
        comparison=comparison,
        policy=policy,
        schedules=Schedules(project, top),
        place=place,
        project=project,
        root=runner.root,
        run=runner,
        options=options,
    )


def _counts(one: NotebookReview, scene: Scene) -> bool:
    """Whether a notebook is one that there should have been something to compare of."""
    inside = scene.comparison.in_project(one.path) or one.path
    return one.change != "deleted" and scene.policy.wants_reference(inside)
