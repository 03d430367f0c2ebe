"""The step that holds the outputs against the accepted reference of the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notebook_executor.documents.cells import has_tag
from notebook_executor.documents.output_comparison import OutputJudge
from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.regression import CellComparison, with_outputs
from notebook_executor.documents.writing import write_notebook
from notebook_executor.errors import DocumentError
from notebook_executor.execution.references import reference_path
from notebook_executor.execution.regression import compare_run
from notebook_executor.review.changes import reference_of
from notebook_executor.review.executing import executes
from notebook_executor.review.models import ReferenceReview
from notebook_executor.review.subject import Finding, Scene, Subject

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHOWN = 5
_WHOSE = {
    ("head", True): "the head's reference, which it changes",
    ("base", False): "the base's reference",
    ("base", True): "the base's reference, which the head has removed",
}
_ACCEPT = "nbx review --accept writes one; commit it with the notebook."


def compare_reference(subject: Subject, scene: Scene) -> Finding:
    """Does it put out what its reference has? The head's reference where the head changes it."""
    found, data = _reference(subject, scene)
    subject.reference = found
    if found is None:
        return _without(subject, scene)
    try:
        subject.reference_notebook = parse_notebook(data, found.path)
    except DocumentError as error:
        if executes(subject.result) and scene.options.accept:
            _accept(subject, scene)
        return Finding("failed", f"the reference is no notebook: {error.message}", _ACCEPT)
    subject.base_reference = _base_reference(subject, scene, found)
    if not executes(subject.result) or subject.source is None:
        return Finding("skipped", "the notebook did not run to its end")
    subject.comparisons = _compared(subject, scene, subject.source)
    return _concluded(subject, scene, found)


def _reference(subject: Subject, scene: Scene) -> tuple[ReferenceReview | None, bytes]:
    """The reference that counts, and its file: the base's, unless the head has another."""
    comparison = scene.comparison
    base = _path_in_base(subject, scene)
    head = comparison.from_project(reference_of(subject.inside))
    old, new = comparison.old.read(base), comparison.new.read(head)
    if new is not None and new != old:
        return ReferenceReview(path=head, side="head", changed=True), new
    if old is not None:
        gone = new is None and not comparison.new.has(base)
        return ReferenceReview(path=base, side="base", changed=gone), old
    return None, b""


def _path_in_base(subject: Subject, scene: Scene) -> str:
    before = scene.comparison.in_project(subject.change.base_path or "") or subject.inside
    return scene.comparison.from_project(reference_of(before))


def _base_reference(subject: Subject, scene: Scene, found: ReferenceReview) -> NotebookNode | None:
    """What the base has accepted: what was, also where the head has accepted something else."""
    if found.side == "base":
        return subject.reference_notebook
    path = _path_in_base(subject, scene)
    data = scene.comparison.old.read(path)
    try:
        return None if data is None else parse_notebook(data, path)
    except DocumentError as error:
        subject.warnings.append(f"The base's reference is no notebook: {error.message}")
        return None


def _without(subject: Subject, scene: Scene) -> Finding:
    if subject.change.change == "deleted" or subject.change.obstacle:
        return Finding("skipped", subject.absence)
    path = scene.comparison.from_project(reference_of(subject.inside))
    told = f"there is no {path} to compare with"
    if not executes(subject.result):
        return Finding("skipped", told)
    if scene.options.accept:
        _accept(subject, scene)
    return Finding("skipped", told, _ACCEPT)


def _compared(subject: Subject, scene: Scene, source: NotebookNode) -> tuple[CellComparison, ...]:
    assert subject.result is not None
    assert subject.result.notebook is not None
    rules = subject.rules
    judge = OutputJudge(rules, scene.project)
    cells = compare_run(
        source,
        subject.result.notebook,
        subject.result,
        subject.reference_notebook,
        judge,
        lax=rules.lax,
    )
    return tuple(_if_chosen(cell, source, rules.cells) for cell in cells)


def _if_chosen(
    found: CellComparison, source: NotebookNode, chosen: tuple[str | int, ...] | None
) -> CellComparison:
    if chosen is None or found.verdict not in ("match", "differs", "no_reference"):
        return found
    cell = source.cells[found.index]
    if any(one in (found.index, found.id) or _is_tagged(cell, one) for one in chosen):
        return found
    return CellComparison(index=found.index, id=found.id, verdict="not_compared")


def _is_tagged(cell: NotebookNode, address: str | int) -> bool:
    tagged = isinstance(address, str) and address.startswith("tag:")
    return tagged and has_tag(cell, str(address).removeprefix("tag:"))


def _concluded(subject: Subject, scene: Scene, found: ReferenceReview) -> Finding:
    compared = sum(cell.verdict in ("match", "differs") for cell in subject.comparisons)
    differing = [cell.index for cell in subject.comparisons if cell.verdict == "differs"]
    subject.reference = found.model_copy(update={"compared": compared})
    subject.matches = not differing if compared or differing else None
    if scene.options.accept and subject.matches is not True:
        _accept(subject, scene)
    whose = _WHOSE[found.side, found.changed]
    if differing:
        shown = ", ".join(map(str, differing[:_SHOWN]))
        return Finding("differs", f"cells {shown} differ from {whose}", _hint(subject, scene))
    if not compared:
        return Finding("skipped", f"{whose} has no outputs to compare: {found.path}", _ACCEPT)
    return Finding("ok", f"{compared} cells as in {whose}")


def _hint(subject: Subject, scene: Scene) -> str:
    path = scene.comparison.from_project(reference_of(subject.inside))
    return f"If that is meant, nbx review --accept writes {path}; commit it."


def _accept(subject: Subject, scene: Scene) -> None:
    """Write what it has put out as the new reference: the one thing that a review writes there."""
    if subject.source is None or subject.result is None or subject.result.notebook is None:
        return
    if not scene.policy.wants_reference(subject.inside):
        return
    target = reference_path(scene.root / subject.inside, scene.root)
    write_notebook(with_outputs(subject.source, subject.result.notebook), target)
    repository = scene.comparison.new.repository
    path = subject.accepted = repository.from_top(target)
    if repository.run("check-ignore", "--quiet", "--", path).code == 0:
        subject.warnings.append(f"git ignores {path}: it takes git add --force to commit it.")
