"""Comparison with a reference: what counts, what is told, and that nbval would say the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebook_executor.documents.output_comparison import OutputJudge, RegressionRules
from notebook_executor.documents.reading import adopt
from notebook_executor.documents.regression import (
    CellVerdict,
    compare_cells,
    markers,
    missing_cells,
    pair_cells,
    run_through,
    with_outputs,
)
from notebook_executor.errors import UsageError

HERE = Path()


def node(**fields: Any) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.from_dict(fields)
    return made


def out(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return node(output_type="stream", name=name, text=text)


def shown(data: dict[str, Any], kind: str = "display_data") -> nbformat.NotebookNode:
    return node(output_type=kind, data=data, metadata={})


def notebook(*cells: Any) -> nbformat.NotebookNode:
    """Code cells: (id, source, outputs…); an ``execution_count`` where there is one."""
    made = []
    for name, source, count, *outputs in cells:
        made.append(
            {
                "cell_type": "code",
                "id": name,
                "source": source,
                "metadata": {},
                "outputs": outputs,
                "execution_count": count,
            }
        )
    return adopt({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


def same(left: list[Any], right: list[Any], **rules: Any) -> bool:
    return not OutputJudge(RegressionRules(**rules), HERE).differences(left, right)


def test_all_differences_are_told() -> None:
    expected = [out("a\n"), shown({"text/plain": "1", "text/html": "<b>1</b>"})]
    actual = [
        out("b\n"),
        out("x", "stderr"),
        shown({"text/plain": "1"}),
        shown({"text/plain": "2"}),
    ]

    found = OutputJudge(RegressionRules(), HERE).differences(expected, actual)

    assert [(d.kind, d.problem) for d in found] == [
        ("text/html", "missing"),
        ("stderr", "unexpected"),
        ("stdout", "value"),
        ("text/plain", "count"),
    ]
    assert (found[2].position, found[2].expected, found[2].actual) == (0, "a\n", "b\n")
    assert "stdout: expected 'a\\n', got 'b\\n'" in str(found[2])


def test_a_long_difference_is_cut() -> None:
    (found,) = OutputJudge(RegressionRules(), HERE).differences([out("a" * 9999)], [out("b")])

    assert found.expected is not None
    assert len(found.expected) <= 500


@pytest.mark.parametrize(
    ("left", "right", "rules", "equal"),
    [
        ("1.0", "1.0000001", {}, False),
        ("1.0", "1.0000001", {"relative_tolerance": 1e-6}, True),
        ("1.0", "1.1", {"relative_tolerance": 1e-6}, False),
        ("x 0 y", "x 1e-9 y", {"absolute_tolerance": 1e-8}, True),
        ("x 1.0 y", "x 1.0 z", {"relative_tolerance": 0.5}, False),
        ("1 2", "1 2 3", {"relative_tolerance": 0.5}, False),
        ("v1", "v2", {"relative_tolerance": 9}, False),
        ("a1.5b", "a1.6b", {"relative_tolerance": 9}, False),
        ("1", "1.0", {}, True),
        ("nan", "nan", {}, True),
        ("<object at 0x7f01aa>", "<object at 0x7f02bb>", {}, True),
        ("\x1b[31mred\x1b[0m", "red", {}, True),
        ("\x1b[31mred\x1b[0m", "red", {"noise": {"ansi": False}}, False),
        ("took 1.5 s", "took 2.5 s", {"noise": {"timings": True}}, True),
    ],
)
def test_texts(left: str, right: str, rules: dict[str, Any], equal: bool) -> None:
    assert same([out(left)], [out(right)], **rules) is equal
    assert same([shown({"text/plain": left})], [shown({"text/plain": right})], **rules) is equal


def test_numbers_in_json() -> None:
    left = [shown({"application/json": {"a": [1.0, True, None], "b": "1.0"}})]
    right = [shown({"application/json": {"a": [1.05, True, None], "b": "1.05"}})]

    assert not same(left, right)
    assert same(left, right, relative_tolerance=0.1)
    right[0].data["application/json"]["a"][1] = 1
    assert not same(left, right, relative_tolerance=0.1)


def test_sanitising_rules(tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("[any]\nregex: \\d+\nreplace: N\n\nregex: N s\nreplace: T\n")
    (tmp_path / "b.cfg").write_text("regex: T(x)\nreplace: \\1\n")
    judge = OutputJudge(RegressionRules(sanitize_with=("a.cfg", "b.cfg")), tmp_path)

    assert not judge.differences([out("5 sx")], [out("x")])
    assert judge.differences([out("5 sy")], [out("y")])


@pytest.mark.parametrize("text", ["regex: (\nreplace: x\n", "regex: a\nreplace: \\1\n"])
def test_rules_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.cfg").write_text(text)

    with pytest.raises(UsageError, match="cannot be used"):
        OutputJudge(RegressionRules(sanitize_with=("a.cfg",)), tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        OutputJudge(RegressionRules(sanitize_with=("missing.cfg",)), tmp_path)


@pytest.mark.parametrize("rules", [{"laxx": True}, {"relative_tolerance": -1}, 5])
def test_rules_that_make_no_sense(rules: Any) -> None:
    with pytest.raises(UsageError, match="rules of the regression"):
        RegressionRules.of(rules)


def test_markers_are_nbvals() -> None:
    def of(source: str, *tags: str, lax: bool = False) -> tuple[bool, bool, bool]:
        found = markers({"source": source, "metadata": {"tags": list(tags)}}, lax=lax)
        return found.compare, found.may_raise, found.skip

    assert of("x") == (True, False, False)
    assert of("x", lax=True) == (False, False, False)
    assert of("# NBVAL_CHECK_OUTPUT", lax=True) == (True, False, False)
    assert of("# NBVAL_IGNORE_OUTPUT", "nbval-check-output") == (False, False, False)
    assert of("1/0", "raises-exception") == (True, True, False)
    assert of("x", "nbval-skip") == (True, False, True)
    assert markers({"source": "x", "metadata": {}}, lax=False).compare


def test_to_run_through_only_tags_change() -> None:
    nb = notebook(("a", "1/0", None), ("b", "# NBVAL_SKIP\n1", None))

    run_through(nb)

    assert [cell.metadata.tags for cell in nb.cells] == [
        ["raises-exception"],
        ["raises-exception", "skip-execution"],
    ]


def test_cells_are_paired_by_id_then_by_source() -> None:
    source = notebook(("a", "1", None), ("b", "2", None), ("c", "2", None), ("d", "new", None))
    reference = notebook(("x", "2", 1), ("a", "old", 2), ("y", "2", 3), ("z", "gone", 4))

    pairs = pair_cells(source, reference)

    assert {name: cell.id for name, cell in pairs.items()} == {"a": "a", "b": "x", "c": "y"}
    assert missing_cells(source, reference) == ("z",)
    reference.cells[3].metadata["tags"] = ["injected-parameters"]
    assert missing_cells(source, reference) == ()


@pytest.mark.parametrize(
    ("reference", "status", "outputs", "verdict"),
    [
        (("a", "x", 1, out("1")), "ok", [out("1")], "match"),
        (("a", "x", 1, out("1")), "ok", [out("2")], "differs"),
        (("a", "x", 1, out("1")), "ok", [], "differs"),
        (("a", "x", None), "ok", [out("2")], "no_reference"),
        (("a", "x", None, out("1")), "ok", [out("1")], "differs"),
        (("z", "z", 1), "ok", [], "no_reference"),
        (("a", "x", 1, out("1")), "not_run", [], "not_run"),
        (("a", "x", 1, out("1")), "timeout", [out("1")], "error"),
        (("a", "x", 1, out("1")), "error", [out("1")], "error"),
        (("a", "x", 1, out("1")), "skipped", [], "skipped"),
    ],
)
def test_verdicts(
    reference: tuple[Any, ...], status: str, outputs: list[Any], verdict: CellVerdict
) -> None:
    source = notebook(("a", "x", None))
    executed = notebook(("a", "x", 1, *outputs))
    judge = OutputJudge(RegressionRules(), HERE)

    (cell,) = compare_cells(source, executed, {"a": status}, notebook(reference), judge, lax=False)

    assert cell.verdict == verdict


def test_a_new_reference_holds_outputs_and_nothing_else_of_the_run() -> None:
    source = notebook(("a", "x", None), ("b", "y", None))
    executed = notebook(("injected", "p = 1", 1), ("a", "x", 2, out("1")))
    executed.cells[1].metadata["tags"] = ["raises-exception"]

    made = with_outputs(source, executed)

    assert [cell.id for cell in made.cells] == ["a", "b"]
    assert (made.cells[0].outputs, made.cells[0].execution_count) == ([out("1")], 2)
    assert made.cells[0].metadata == {}
    assert source.cells[0].outputs == []


def nbvals_verdict(
    test: Sequence[nbformat.NotebookNode], reference: Sequence[nbformat.NotebookNode]
) -> bool:
    """The comparison of nbval's own pytest item, without pytest."""
    from nbval.plugin import IPyNbCell, coalesce_streams, nocolors

    skipped = (
        *("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count"),
        *("application/vnd.jupyter.widget-view+json", "image/png", "image/jpeg"),
    )
    item = SimpleNamespace(
        parent=SimpleNamespace(skip_compare=skipped, sanitize_patterns={}),
        colors=nocolors,
        format_output_compare=lambda *_: None,
    )
    item.sanitize = lambda value: IPyNbCell.sanitize(item, value)
    outputs = [nbformat.from_dict(list(side)) for side in (test, reference)]
    return bool(IPyNbCell.compare_outputs(item, *map(coalesce_streams, outputs)))


_texts = st.sampled_from(["a", "b", "a\n", "1", "1\r2", "x\r\n"])
_outputs = st.lists(
    st.builds(out, _texts, st.sampled_from(["stdout", "stderr"]))
    | st.builds(
        shown,
        st.dictionaries(
            st.sampled_from(["text/plain", "text/html", "image/png", "application/json"]),
            _texts | st.just({"a": 1}),
            max_size=2,
        ),
        st.sampled_from(["display_data", "execute_result"]),
    ),
    max_size=3,
)


@settings(deadline=None, max_examples=300)
@given(left=_outputs, right=_outputs)
def test_the_comparison_is_nbvals(left: list[Any], right: list[Any]) -> None:
    assert same(right, left) == nbvals_verdict(left, right)
    assert same(left, left)
