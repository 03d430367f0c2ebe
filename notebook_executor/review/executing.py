"""The step that runs the notebook, in a fresh kernel, among the files that its side has."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.parameters_cell import read_parameters
from notebook_executor.documents.regression import heed_markers
from notebook_executor.documents.relocating import relocate_outputs
from notebook_executor.errors import DocumentError
from notebook_executor.execution.plan import RECORDING
from notebook_executor.execution.request import RunRequest
from notebook_executor.git.trees import Tree
from notebook_executor.lifecycle.owned import remove_tree
from notebook_executor.models import ExecutionResult, Trigger
from notebook_executor.review.subject import Finding, Scene, Subject

if TYPE_CHECKING:
    from nbformat import NotebookNode


def execute(subject: Subject, scene: Scene) -> Finding:
    """Does it run to its end? With ``rerun_base`` the base's is run before."""
    if subject.absence:
        return Finding("skipped", subject.absence)
    if not subject.parameters_fit:
        return Finding("skipped", "its parameters do not fit")
    if scene.options.rerun_base:
        _rerun_base(subject, scene)
    sources: list[NotebookNode] = []

    def adapt(notebook: NotebookNode) -> None:
        sources.append(copy.deepcopy(notebook))
        heed_markers(notebook)

    path = subject.change.path
    with _checkout(scene, scene.comparison.new, "new") as folder:
        request = _request(subject, scene, folder / path, path, subject.parameters, adapt)
        result = subject.result = _run(scene, request, folder)
    subject.source = sources[0] if sources else None
    subject.warnings += [one for one in result.warnings if one not in subject.warnings]
    if result.error is None:
        return Finding("ok", f"{result.cells_executed} cells executed")
    return Finding("failed", f"{result.error.kind}: {result.error.message}", result.error.hint)


def _run(scene: Scene, request: RunRequest, folder: Path) -> ExecutionResult:
    result = scene.run(request)
    if result.notebook is not None:
        relocate_outputs(result.notebook, folder)
    return result


def _rerun_base(subject: Subject, scene: Scene) -> None:
    path = subject.change.base_path
    if path is None or subject.before is None:
        return
    try:
        known = read_parameters(subject.before)
    except DocumentError as error:
        subject.warnings.append(f"The base was not run again: {error.message}.")
        return
    given = {name: value for name, value in subject.parameters.items() if name in known}
    with _checkout(scene, scene.comparison.old, "old") as folder:
        request = _request(subject, scene, folder / path, path, given, heed_markers)
        result = subject.base_result = _run(scene, request, folder)
    if result.error is not None:
        subject.warnings.append(f"The base does not execute: {result.error.message}")


@contextmanager
def _checkout(scene: Scene, tree: Tree, side: str) -> Iterator[Path]:
    """The files of a side, in a folder that no other notebook's run sees.

    Also for the working tree: what a notebook writes beside itself must not end up there, and
    what git ignores must not be what makes it run.
    """
    folder = Path(tempfile.mkdtemp(dir=scene.place, prefix=f"{side}-"))
    try:
        tree.lay_out(folder, scene.place / f"{side}.index")
        yield folder
    finally:
        remove_tree(str(folder))


def _request(
    subject: Subject,
    scene: Scene,
    file: Path,
    path: str,
    parameters: dict[str, Any],
    adapt: Callable[[NotebookNode], None],
) -> RunRequest:
    rules, options = subject.rules, scene.options
    recording = file.with_suffix(RECORDING)
    return RunRequest(
        notebook=file,
        parameters=parameters,
        timeout=options.timeout if rules.timeout is None else rules.timeout,
        run_timeout=options.run_timeout if rules.run_timeout is None else rules.run_timeout,
        limits=options.limits,
        env=_without_git(file),
        replay=recording if recording.is_file() else None,
        labels={"review": scene.comparison.head_commit or scene.comparison.head},
        trigger=Trigger(kind="review", name=subject.change.path),
        adapt=adapt,
        stands_for=scene.root / (scene.comparison.in_project(path) or path),
    )


def _without_git(file: Path) -> dict[str, str] | None:
    """Where a hook of git's has called us: the notebook's own git must not mean that repository."""
    return {"GIT_DIR": str(file.with_name(".git"))} if "GIT_DIR" in os.environ else None


def executes(result: ExecutionResult | None) -> bool | None:
    """What a run proves; one that was cancelled, or not made, proves nothing."""
    if result is None or (result.error is not None and result.error.kind == "cancelled"):
        return None
    return result.ok
