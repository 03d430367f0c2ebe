"""An executed notebook against its reference, cell by cell, by nbval's markers."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from notebook_executor.documents.cells import has_tag
from notebook_executor.documents.output_comparison import Difference, OutputJudge
from notebook_executor.models import Record, RunError

if TYPE_CHECKING:
    from nbformat import NotebookNode

Verdict = Literal["pass", "fail", "differs", "nothing_to_compare"]
CellVerdict = Literal[
    "match", "differs", "error", "not_compared", "no_reference", "skipped", "not_run"
]
_SHOWN = 20


class CellComparison(Record):
    """One code cell, held against the reference.

    The verdicts: ``match``, ``differs``; ``error``: it raised, and was not expected to;
    ``not_compared``: a marker, or lax mode, says so; ``no_reference``: the reference has no such
    cell, or it was never run there; ``skipped``; ``not_run``: the run ended before it.
    """

    index: int
    id: str
    verdict: CellVerdict
    reason: str = ""
    differences: tuple[Difference, ...] = ()


class ReferenceReport(Record):
    """What a notebook was compared with."""

    kind: Literal["notebook", "file", "revision"]  # notebook: its own stored outputs
    path: str
    revision: str | None = None  # the commit


class RegressionReport(Record):
    """How an execution of a notebook compares with its reference.

    ``pass``: it executes, and what was compared matches. ``fail``: it does not execute.
    ``differs``: it does, and an output is another one. ``nothing_to_compare``: it does, but no
    cell was compared, because the reference was stripped, say.
    """

    verdict: Verdict
    executes: bool
    matches_reference: bool | None  # None: nothing was compared
    compared: int  # cells
    lax: bool
    reference: ReferenceReport | None
    run_id: str | None
    error: RunError | None = None
    cells: tuple[CellComparison, ...] = ()  # code cells
    missing_cells: tuple[str, ...] = ()  # ids of the reference's cells that the notebook lacks
    accepted: str | None = None  # where the outputs were written as the new reference

    def __str__(self) -> str:
        against = f" against {_named(self.reference)}" if self.reference else ""
        lines = [f"{self.verdict.replace('_', ' ')}: {self.compared} cells compared{against}"]
        if self.error is not None:
            lines.append(f"  {self.error.kind}: {self.error.message}")
        told = [cell for cell in self.cells if cell.verdict in ("differs", "error", "no_reference")]
        for cell in told[:_SHOWN]:
            lines.append(
                f"  cells[{cell.index}] ({cell.id}) {cell.verdict}: {cell.reason}".rstrip(": ")
            )
            lines += [f"    {difference}" for difference in cell.differences]
        if len(told) > _SHOWN:
            lines.append(f"  … and {len(told) - _SHOWN} more")
        if self.missing_cells:
            lines.append(f"  cells of the reference that are gone: {', '.join(self.missing_cells)}")
        if self.verdict == "nothing_to_compare" and not self.accepted:
            lines.append("  nbx validate --regression --accept writes a reference")
        if self.accepted:
            lines.append(f"  accepted as {self.accepted}")
        return "\n".join(lines)


def _named(reference: ReferenceReport) -> str:
    if reference.kind == "notebook":
        return "its own outputs"
    at = f" at {reference.revision[:10]}" if reference.revision else ""
    return f"{reference.path}{at}"


@dataclass(frozen=True)
class Markers:
    """What nbval's comments and tags in a cell say: a comment counts more than a tag."""

    compare: bool
    may_raise: bool
    skip: bool


def markers(cell: Mapping[str, Any], *, lax: bool) -> Markers:
    from nbval.plugin import find_comment_markers, find_metadata_tags

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbval warns of contradictions; the last one counts
        found = dict(find_metadata_tags(cell["metadata"]))
        found |= dict(find_comment_markers(cell["source"]))
    return Markers(
        compare=bool(found.get("check", not lax)),
        may_raise=bool(found.get("check_exception")),
        skip=bool(found.get("skip")),
    )


def run_through(nb: NotebookNode) -> None:
    """Have each cell run whatever became of those before, and none that is marked to be skipped.

    That is how nbval runs a notebook: each cell is a test of its own.
    """
    for cell in nb.cells:
        if cell.cell_type == "code":
            skip = markers(cell, lax=False).skip
            tags = [*cell.metadata.get("tags", []), "raises-exception"]
            cell.metadata["tags"] = [*tags, "skip-execution"] if skip else tags


def heed_markers(nb: NotebookNode) -> None:
    """Have the cells that nbval's markers speak of raise, or not run, as the markers say.

    Unlike ``run_through``, the run still ends with the first error that nobody expects.
    """
    for cell in nb.cells:
        if cell.cell_type == "code":
            marked = markers(cell, lax=False)
            more = ["raises-exception"] * marked.may_raise + ["skip-execution"] * marked.skip
            if more:
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), *more]


def compare_cells(
    source: NotebookNode,
    executed: NotebookNode,
    ran: Mapping[str, str],
    reference: NotebookNode,
    judge: OutputJudge,
    *,
    lax: bool,
) -> Iterator[CellComparison]:
    """The verdict of each code cell.

    Args:
        source: The notebook as its file has it, with its own tags.
        executed: The notebook after the run.
        ran: How the run says that each cell ended, by id.
        reference: The notebook to compare with; its cells are found by id, else by source.
        judge: Compares outputs.
        lax: Compare only cells that are marked for it.
    """
    outputs = {cell.id: cell.outputs for cell in executed.cells if cell.cell_type == "code"}
    partners = pair_cells(source, reference)
    for index, cell in enumerate(source.cells):
        if cell.cell_type != "code":
            continue
        verdict, reason, differences = _judged(
            markers(cell, lax=lax),
            ran.get(cell.id, "not_run"),
            outputs.get(cell.id, []),
            partners.get(cell.id),
            judge,
            empty=not cell.source.strip(),
        )
        yield CellComparison(
            index=index, id=cell.id, verdict=verdict, reason=reason, differences=differences
        )


def _judged(
    marked: Markers,
    status: str,
    outputs: list[NotebookNode],
    partner: NotebookNode | None,
    judge: OutputJudge,
    *,
    empty: bool,
) -> tuple[CellVerdict, str, tuple[Difference, ...]]:
    if marked.skip or (status == "skipped" and not empty):
        return "skipped", "", ()
    if status in ("not_run", "timeout"):
        return ("error", "it took too long", ()) if status == "timeout" else ("not_run", "", ())
    raised = next((output for output in outputs if output.output_type == "error"), None)
    if raised is not None and not marked.may_raise:
        return "error", f"it raised {raised.ename}: {raised.evalue[:200]}", ()
    if status == "error":
        return "error", "the kernel died", ()
    if partner is not None and partner.execution_count is None and partner.outputs:
        return "differs", "the reference has outputs, but no execution count: it was not run", ()
    if not marked.compare:
        return "not_compared", "", ()
    if partner is None:
        return "no_reference", "the reference has no such cell", ()
    if partner.execution_count is None:
        return "no_reference", "the reference was not run, or was stripped", ()
    differences = judge.differences(partner.outputs, outputs)
    return ("differs", "", differences) if differences else ("match", "", ())


def pair_cells(source: NotebookNode, reference: NotebookNode) -> dict[str, NotebookNode]:
    """For each code cell, by its id, the reference's: by id, else the one with equal source."""
    left = {cell.id: cell for cell in reference.cells if cell.cell_type == "code"}
    cells = [cell for cell in source.cells if cell.cell_type == "code"]
    pairs = {cell.id: left.pop(cell.id) for cell in cells if cell.id in left}
    by_source: dict[tuple[str, int], str] = {}
    seen: Counter[str] = Counter()
    for name, cell in left.items():
        by_source[cell.source, seen[cell.source]] = name
        seen[cell.source] += 1
    seen.clear()
    for cell in cells:
        if cell.id not in pairs:
            name = by_source.get((cell.source, seen[cell.source]))
            seen[cell.source] += 1
            if name is not None:
                pairs[cell.id] = left.pop(name)
    return pairs


def missing_cells(source: NotebookNode, reference: NotebookNode) -> tuple[str, ...]:
    """The ids of the reference's code cells that the notebook lacks; injected ones do not count."""
    paired = {cell.id for cell in pair_cells(source, reference).values()}
    return tuple(
        cell.id
        for cell in reference.cells
        if cell.cell_type == "code"
        and cell.id not in paired
        and not has_tag(cell, "injected-parameters")
    )


def with_outputs(source: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """The notebook with what its cells put out, and nothing else of the run."""
    made: NotebookNode = copy.deepcopy(source)
    ran = {cell.id: cell for cell in executed.cells if cell.cell_type == "code"}
    for cell in made.cells:
        if cell.cell_type == "code" and cell.id in ran:
            cell.outputs = ran[cell.id].outputs
            cell.execution_count = ran[cell.id].execution_count
    return made
