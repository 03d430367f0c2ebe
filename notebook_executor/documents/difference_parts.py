"""A difference as parts of a page: cells side by side, outputs as they look, nothing to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.operations import cell_list_ops, pairs_of
from notebook_executor.documents.output_text import metadata_text
from notebook_executor.documents.page_outputs import bundle, output_texts
from notebook_executor.documents.page_table import text_table
from notebook_executor.documents.pairing import exact, pair_outputs
from notebook_executor.documents.sequences import Gap, gaps
from notebook_executor.html_page import style_of
from notebook_executor.text import visible

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.documents.difference import CellChange, NotebookDiff


def difference_style() -> str:
    """The style sheet for these parts."""
    return style_of(__package__, "difference_parts.css")


def difference_parts(
    diff: NotebookDiff, a: NotebookNode, b: NotebookNode, *, level: int = 2
) -> Iterator[str]:
    """What changed, cell by cell in the order of the second notebook, as parts of a page.

    Args:
        diff: What changed.
        a: The first notebook, as it was compared.
        b: The second.
        level: Of the cells' headings.
    """
    yield from _notebook_metadata(diff, a, b, level)
    yield from _cells(diff, a, b, level)


def _notebook_metadata(
    diff: NotebookDiff, a: NotebookNode, b: NotebookNode, level: int
) -> Iterator[str]:
    names = diff.summary.notebook_metadata
    if names:
        one, other = (
            metadata_text({k: nb.metadata[k] for k in names if k in nb.metadata}) for nb in (a, b)
        )
        heading = _heading("Metadata of the notebook", level)
        yield _section("changed", heading, text_table(one, other))


def _section(kind: str, *parts: str) -> str:
    return f'<section class="cell {kind}">{"".join(parts)}</section>\n'


def _heading(text: str, level: int) -> str:
    return f"<h{level}>{escape(text)}</h{level}>"


def _aspect(name: str) -> str:
    return f'<p class="aspect">{name}</p>'


def _cells(diff: NotebookDiff, a: NotebookNode, b: NotebookNode, level: int) -> Iterator[str]:
    """The cells in the order of the second notebook; removed ones where they were."""
    summary = diff.summary
    added = {ref.index for ref in summary.added}
    changes = {change.index_b: change for change in (*summary.changed, *summary.moved)}
    moved = {change.index_b for change in summary.moved}
    same = 0
    for is_b, index in _order(diff, len(a.cells), len(b.cells)):
        if is_b and index not in added and index not in changes:
            same += 1
            continue
        if same:
            yield _unchanged(same)
            same = 0
        if not is_b:
            yield _one_sided("removed", index, a.cells[index], level)
        elif index in added:
            yield _one_sided("added", index, b.cells[index], level)
        else:
            change = changes[index]
            heading = _heading(_changed_title(change, moved=index in moved), level)
            sides = a.cells[change.index_a], b.cells[change.index_b]
            yield _section("changed", heading, *_aspects(*sides, change))
    if same:
        yield _unchanged(same)


def _order(diff: NotebookDiff, count_a: int, count_b: int) -> list[tuple[bool, int]]:
    """Indices in the second notebook (True), and of removed cells before what follows them."""
    follower = dict(pairs_of(cell_list_ops(diff.ops), count_a))
    removed = {ref.index for ref in diff.summary.removed}
    places = [(j, True, j) for j in range(count_b)]
    after = count_b
    for i in range(count_a - 1, -1, -1):
        after = follower.get(i, after)
        if i in removed:
            places.append((after, False, i))
    return [(is_b, index) for _, is_b, index in sorted(places)]


def _unchanged(count: int) -> str:
    return f'<p class="same">{count} unchanged cell{"s" if count > 1 else ""}</p>\n'


def _one_sided(kind: str, index: int, cell: Mapping[str, Any], level: int) -> str:
    shown = "".join(_whole(cell))
    heading = f"{kind} cells[{index}] {cell['id']} · {cell['cell_type']}"
    sides = (shown, "") if kind == "removed" else ("", shown)
    return _section(kind, _heading(heading, level), pair(*sides))


def _whole(cell: Mapping[str, Any]) -> Iterator[str]:
    yield f'<pre class="source">{escape(visible(cell["source"]))}</pre>'
    yield from output_texts(cell.get("outputs", ()))
    yield from (bundle(found) for found in cell.get("attachments", {}).values())


def _changed_title(change: CellChange, *, moved: bool) -> str:
    place = "" if change.index_a == change.index_b else f" → cells[{change.index_b}]"
    what = ", ".join([*(["moved"] if moved else []), *change.changed])
    return f"cells[{change.index_a}]{place} {change.id} · {change.cell_type}: {what}"


def _aspects(one: Mapping[str, Any], other: Mapping[str, Any], change: CellChange) -> Iterator[str]:
    if "source" in change.changed:
        yield text_table(one["source"], other["source"])
    else:
        yield f'<pre class="source faint">{escape(visible(one["source"]))}</pre>'
    if "metadata" in change.changed:
        yield _aspect("metadata")
        yield text_table(metadata_text(one["metadata"]), metadata_text(other["metadata"]))
    if "attachments" in change.changed:
        yield _aspect("attachments")
        found = [side.get("attachments", {}).values() for side in (one, other)]
        yield pair("".join(map(bundle, found[0])), "".join(map(bundle, found[1])))
    if "outputs" in change.changed:
        yield _aspect("outputs")
        yield from outputs_beside(one.get("outputs", []), other.get("outputs", []))


def outputs_beside(a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Outputs that belong together beside each other; streams line by line."""
    shown_a, shown_b = output_texts(a), output_texts(b)
    pairs = pair_outputs(a, b)
    alone = gaps(pairs, Gap(0, len(a), 0, len(b)))
    for gap in sorted([*(Gap(i, i + 1, j, j + 1) for i, j in pairs), *alone]):
        i, j = gap.start_a, gap.start_b
        if (i, j) not in pairs:
            yield pair("".join(shown_a[i : gap.end_a]), "".join(shown_b[j : gap.end_b]))
        elif exact(a[i]) == exact(b[j]):
            yield pair(shown_a[i], shown_b[j], "faint")
        elif a[i]["output_type"] == "stream":
            yield text_table(a[i]["text"], b[j]["text"])
        else:
            yield pair(shown_a[i], shown_b[j])


def pair(left: str, right: str, kind: str = "") -> str:
    """Two pieces of HTML beside each other; on a narrow screen below each other."""
    names = f"pair {kind}".strip()
    return f'<div class="{names}"><div>{left}</div><div>{right}</div></div>'
