"""Validation: nbformat's errors with their place, all of them, and never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.schema import violations
from notebook_executor.documents.structure import CURRENT_MINOR
from notebook_executor.documents.validation import ValidationReport, validate_notebook

CODE: dict[str, Any] = {
    "cell_type": "code",
    "id": "a",
    "source": "1",
    "metadata": {},
    "outputs": [],
    "execution_count": None,
}


def document(*cells: Any, **fields: Any) -> dict[str, Any]:
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    return {**content, **fields}


@pytest.fixture
def validated(tmp_path: Path) -> Any:
    def validate(content: Any) -> ValidationReport:
        path = tmp_path / "a.ipynb"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return validate_notebook(path)

    return validate


def test_a_valid_notebook(validated: Any) -> None:
    report = validated(document(CODE))

    assert (report.valid, report.nbformat, report.issues) == (True, "4.5", ())
    assert str(report).endswith("a.ipynb (nbformat 4.5): valid")


def test_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "fleet.ipynb").write_text("{}")

    report = validate_notebook(tmp_path / "flet.ipynb")

    assert (report.valid, report.nbformat) == (False, None)
    assert [issue.code for issue in report.issues] == ["not_found"]
    assert "fleet.ipynb" in report.issues[0].hint


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"{", "not_json", "line 1, column 2"),
        (b"\xff", "not_utf8", "offset 0"),
        ([], "not_a_notebook", "but a list"),
        ({"nbformat": 4}, "not_a_notebook", "no cells"),
        ({"cells": []}, "bad_version", "nbformat is missing"),
        (document(nbformat=5), "unsupported_version", "nbformat 5"),
        ({"nbformat": 2, "worksheets": 1}, "not_a_notebook", "cannot be upgraded"),
    ],
)
def test_what_does_not_get_as_far_as_the_schema(
    validated: Any, content: Any, code: str, message: str
) -> None:
    (issue,) = validated(content).issues

    assert (issue.level, issue.code) == ("error", code)
    assert message in issue.message


def test_every_violation_is_told_with_its_place(validated: Any) -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout"},
        {"output_type": "pyout"},
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": 4}},
        5,
    ]
    cells = [
        {**CODE, "source": 5, "outputs": outputs, "execution_count": -1},
        {"cell_type": "markdown", "source": "", "metadata": {"tags": ["a", "a"]}},
        {"cell_type": "heading", "source": "", "metadata": {}, "id": "a"},
        {**CODE, "id": "not valid", "extra": 1},
        {"source": ""},
        7,
    ]
    report = validated(document(*cells, metadata={"kernelspec": {"name": "x"}}, more=1))

    assert not report.valid
    assert [(issue.code, issue.place, issue.cell_index) for issue in report.issues] == [
        ("schema", "notebook", None),
        ("schema", "metadata.kernelspec", None),
        ("schema", "cells[0].source", 0),
        ("schema", "cells[0].outputs[0]", 0),
        ("schema", "cells[0].outputs[1]", 0),
        ("schema", 'cells[0].outputs[2].data["text/plain"]', 0),
        ("schema", "cells[0].outputs[3]", 0),
        ("schema", "cells[0].execution_count", 0),
        ("missing_id", "cells[1]", 1),
        ("schema", "cells[1].metadata.tags", 1),
        ("schema", "cells[2]", 2),
        ("schema", "cells[3]", 3),
        ("invalid_id", "cells[3].id", 3),
        ("schema", "cells[4]", 4),
        ("schema", "cells[5]", 5),
        ("duplicate_id", "cells[2].id", 2),
    ]
    messages = [issue.message for issue in report.issues]
    assert messages[2] == "a number instead of a string or a list of strings"
    assert messages[4].startswith("output_type is 'pyout'; it must be one of ")
    assert messages[10] == "cell_type is 'heading'; it must be one of raw, markdown, code"
    assert messages[13].startswith("cell_type is missing")
    assert messages[15] == "the id 'a' is already that of cells[0]"
    assert "error schema: cells[0].source: a number instead of" in str(report)


def test_a_long_report_is_cut_where_it_is_printed(validated: Any) -> None:
    cells = [{key: CODE[key] for key in CODE if key != "id"}] * 100

    report = validated(document(*cells))

    assert len(report.issues) == 100
    assert report.issues[0].hint
    assert str(report).endswith("… and 80 more")


def test_ids_are_not_asked_of_older_formats(validated: Any) -> None:
    cell = {key: CODE[key] for key in CODE if key != "id"}

    assert validated(document(cell, cell, nbformat_minor=4)).valid


def test_duplicates_are_told_with_the_first_of_them(validated: Any) -> None:
    report = validated(document(CODE, CODE, CODE))

    assert [issue.message for issue in report.issues] == [
        "the id 'a' is already that of cells[0]"
    ] * 2


def test_the_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(document(CODE, CODE)))
    before = path.read_bytes()

    assert not validate_notebook(path).valid
    assert path.read_bytes() == before


def test_nan_is_a_warning(validated: Any) -> None:
    shown = {"output_type": "display_data", "metadata": {}, "data": {"a+json": "x"}}
    shown["data"] = {"application/json": [float("nan")]}

    report = validated(document({**CODE, "outputs": [shown]}))

    (issue,) = report.issues
    assert report.valid
    assert (issue.level, issue.code) == ("warning", "not_finite")
    assert issue.place == 'cells[0].outputs[0].data["application/json"][0]'


def test_an_old_format_is_a_warning(validated: Any) -> None:
    cell = {"cell_type": "code", "language": "python", "input": "1", "outputs": [], "metadata": {}}
    content = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [{"cells": [cell]}],
    }

    good, broken = validated(content), validated({**content, "worksheets": [{"cells": [{}]}]})

    assert (good.valid, [issue.code for issue in good.issues]) == (True, ["old_format"])
    assert (broken.valid, broken.issues[0].place) == (False, "worksheets[0].cells[0]")


outputs = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["stream", "error", "display_data", "nonsense"])},
    optional={
        "name": st.text(max_size=2),
        "text": st.text(max_size=2) | st.lists(st.text(max_size=2) | st.none(), max_size=2),
        "data": st.dictionaries(st.sampled_from(["text/plain", "a/b"]), st.text() | st.none()),
        "metadata": st.just({}) | st.none(),
        "ename": st.just("E"),
        "evalue": st.just("v") | st.none(),
        "traceback": st.just([]),
    },
)
cells = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw", "nonsense"])},
    optional={
        "id": st.sampled_from(["a", "b", "c d", ""]),
        "source": st.text(max_size=3) | st.lists(st.text(max_size=2), max_size=2) | st.none(),
        "metadata": st.just({}) | st.just({"tags": ["x"]}) | st.just({"tags": "x"}),
        "outputs": st.lists(outputs, max_size=2),
        "execution_count": st.none() | st.integers(-1, 2),
    },
)


@given(cells=st.lists(cells, max_size=3), minor=st.integers(0, 6))
def test_the_verdict_is_that_of_nbformat(cells: Any, minor: int) -> None:
    content = json.loads(json.dumps(document(*cells, nbformat_minor=minor)))
    ours = list(violations(content, 4, minor))

    assert (not ours) == nbformat.validator.isvalid(content)
    if not ours and minor <= CURRENT_MINOR:
        parse_notebook(json.dumps(content).encode(), "what is valid can be read")
