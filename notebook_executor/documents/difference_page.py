"""A difference as one page: cells side by side, outputs as they look, nothing to run or fetch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.difference_text import title
from notebook_executor.documents.operations import cell_list_ops, pairs_of
from notebook_executor.documents.output_text import metadata_text
from notebook_executor.documents.page_outputs import bundle, output_texts
from notebook_executor.documents.page_table import text_table
from notebook_executor.documents.pairing import exact, pair_outputs
from notebook_executor.documents.sequences import Gap, gaps
from notebook_executor.text import plain, storable

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.documents.difference import CellChange, NotebookDiff

# Whatever a notebook managed to bring along, a browser is told to run and load nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"


def page(diff: NotebookDiff, a: NotebookNode, b: NotebookNode) -> str:
    """The page.

    Args:
        diff: What changed.
        a: The first notebook, as it was compared.
        b: The second.
    """
    style = resources.files(__package__).joinpath("difference_page.css").read_text("utf-8")
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        f"<title>{escape(diff.path_a)} → {escape(diff.path_b)}</title>\n",
        f"<style>\n{style}</style></head><body>\n",
        f"<header><h1>{escape(title(diff))}</h1>",
        _pair(escape(diff.path_a), escape(diff.path_b), "names"),
        "</header>\n<main>\n",
        *_notebook_metadata(diff, a, b),
        *_cells(diff, a, b),
        "</main></body></html>\n",
    ]
    text: str = storable("".join(parts))
    return text


def _notebook_metadata(diff: NotebookDiff, a: NotebookNode, b: NotebookNode) -> Iterator[str]:
    names = diff.summary.notebook_metadata
    if names:
        one, other = (
            metadata_text({k: nb.metadata[k] for k in names if k in nb.metadata}) for nb in (a, b)
        )
        yield '<section class="changed"><h2>Metadata of the notebook</h2>'
        yield f"{text_table(one, other)}</section>\n"


def _cells(diff: NotebookDiff, a: NotebookNode, b: NotebookNode) -> Iterator[str]:
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
            yield _one_sided("removed", index, a.cells[index])
        elif index in added:
            yield _one_sided("added", index, b.cells[index])
        else:
            yield _two_sided(a, b, changes[index], moved=index in moved)
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


def _one_sided(kind: str, index: int, cell: Mapping[str, Any]) -> str:
    shown = "".join(_whole(cell))
    heading = f"{kind} cells[{index}] {cell['id']} · {cell['cell_type']}"
    sides = (shown, "") if kind == "removed" else ("", shown)
    return f'<section class="{kind}"><h2>{escape(heading)}</h2>{_pair(*sides)}</section>\n'


def _whole(cell: Mapping[str, Any]) -> Iterator[str]:
    yield f'<pre class="source">{escape(plain(cell["source"]))}</pre>'
    yield from output_texts(cell.get("outputs", ()))
    yield from (bundle(found) for found in cell.get("attachments", {}).values())


def _two_sided(a: NotebookNode, b: NotebookNode, change: CellChange, *, moved: bool) -> str:
    one, other = a.cells[change.index_a], b.cells[change.index_b]
    place = "" if change.index_a == change.index_b else f" → cells[{change.index_b}]"
    what = ", ".join([*(["moved"] if moved else []), *change.changed])
    heading = f"cells[{change.index_a}]{place} {change.id} · {change.cell_type}: {what}"
    return (
        f'<section class="changed"><h2>{escape(heading)}</h2>'
        f"{''.join(_aspects(one, other, change))}</section>\n"
    )


def _aspects(one: Mapping[str, Any], other: Mapping[str, Any], change: CellChange) -> Iterator[str]:
    if "source" in change.changed:
        yield text_table(one["source"], other["source"])
    else:
        yield f'<pre class="source faint">{escape(plain(one["source"]))}</pre>'
    if "metadata" in change.changed:
        yield "<h3>metadata</h3>"
        yield text_table(metadata_text(one["metadata"]), metadata_text(other["metadata"]))
    if "attachments" in change.changed:
        yield "<h3>attachments</h3>"
        found = [side.get("attachments", {}).values() for side in (one, other)]
        yield _pair("".join(map(bundle, found[0])), "".join(map(bundle, found[1])))
    if "outputs" in change.changed:
        yield "<h3>outputs</h3>"
        yield from _outputs(one.get("outputs", []), other.get("outputs", []))


def _outputs(a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Outputs that belong together beside each other; streams line by line."""
    shown_a, shown_b = output_texts(a), output_texts(b)
    pairs = pair_outputs(a, b)
    alone = gaps(pairs, Gap(0, len(a), 0, len(b)))
    for gap in sorted([*(Gap(i, i + 1, j, j + 1) for i, j in pairs), *alone]):
        i, j = gap.start_a, gap.start_b
        if (i, j) not in pairs:
            yield _pair("".join(shown_a[i : gap.end_a]), "".join(shown_b[j : gap.end_b]))
        elif exact(a[i]) == exact(b[j]):
            yield _pair(shown_a[i], shown_b[j], "faint")
        elif a[i]["output_type"] == "stream":
            yield text_table(a[i]["text"], b[j]["text"])
        else:
            yield _pair(shown_a[i], shown_b[j])


def _pair(left: str, right: str, kind: str = "") -> str:
    names = f"pair {kind}".strip()
    return f'<div class="{names}"><div>{left}</div><div>{right}</div></div>'
