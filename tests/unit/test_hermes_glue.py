"""``hermes_runtime.glue`` against scrapbook itself, in one real kernel."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

from hermes_runtime import ScrapError, glue

ROOT = Path(__file__).parents[2]

# Source of a value, and arguments: scrapbook and we must write the same.
SHARED = [
    "True",
    "0",
    "-7",
    "2**70",
    "0.1",
    "'plain text'",
    "''",
    "'12'",
    "'naïve 🛰 \"quoted\"\\n'",
    "[]",
    "[1, [2.5, None, {'deep': [True]}]]",
    "{}",
    "{'a': None, 'b': {'c': ['d']}}",
    "'[1, {\"a\": null}]', encoder='json'",
    "12, encoder='text'",
    "[1, 2], display=True",
    "'shown', display=True",
    "{'a': 1}, display=['text/plain']",
    "True, display={'exclude': ['text/html']}",
    "3, display=False",
]

# Source of a value that scrapbook refuses or spoils, and what its reader must make of ours.
BEYOND = {
    "None": None,
    "(1, (2, 'x'))": [1, [2, "x"]],
    "np.float32(1.5)": 1.5,
    "np.int64(7)": 7,
    "np.bool_(False)": False,
    "{np.str_('k'): np.arange(3)}": {"k": [0, 1, 2]},
    "np.arange(3), encoder='json'": [0, 1, 2],
    "np.array(3)": 3,
    "np.array(['a', None], dtype=object)": ["a", None],
    "np.ma.masked_array([1, 2], [False, True])": [1, None],
    "pd.Series([1, 2])": [1, 2],
    "pd.Series([1, None], dtype='Int64')": [1, None],
    "pd.Index(['a', 'b'])": ["a", "b"],
    "['odd \\ud800 name']": ["odd � name"],
}

REFUSED: list[tuple[object, str]] = [
    (date(2026, 11, 20), r"is datetime\.date .*glue value\.isoformat\(\)"),
    ({3, 1}, r"is set .*glue sorted\(value\)"),
    (b"raw", r"is bytes .*glue value\.decode\(\)"),
    (Path("a"), r"Path .*glue str\(value\)"),
    (Decimal("1.10"), r"is decimal\.Decimal .*glue float\(value\)"),
    (math.nan, r"is nan, which JSON does not have: glue None in its place"),
    ([1.5, {"a": -math.inf}], r"value at \[1\]\['a'\] is -inf, which JSON does not have"),
    (np.array([1.0, np.nan], dtype=object), r"value at \[1\] is nan"),
    (pd.Series([1, None]), r"value at \[1\] is nan, .*a DataFrame, which keep it"),
    (pd.DataFrame({"a": [object()]}), r"cannot be stored as a table: .*column a"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"stored as a table: Duplicate column names"),
    (np.datetime64("2026-11-20", "ns"), r"is numpy\.datetime64"),
    (np.longdouble(1), r"is numpy\.longdouble"),
    (1j, r"is complex"),
    (np.ndarray, r"is type"),
    ({"a": [0, {"b": {1}}]}, r"value at \['a'\]\[1\]\['b'\] is set"),
    ({"a": {1: 2}}, r"dict at \['a'\] has the key 1 \(int\)"),
]


def code_cell(number: int, source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "source": source}
    return {**cell, "outputs": [], "execution_count": None}


@pytest.fixture(scope="module")
def executed() -> nbformat.NotebookNode:
    """A notebook that glued every value above, scrapbook's twin first."""
    setup = "import numpy as np, pandas as pd, scrapbook as sb\nfrom hermes_runtime import glue"
    twins = [f"sb.glue({call!r}, {call})\nglue({call!r}, {call})" for call in SHARED]
    alone = [f"glue({source!r}, {source})" for source in BEYOND]
    cells = [code_cell(number, source) for number, source in enumerate([setup, *twins, *alone])]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    notebook = nbformat.from_dict(document)
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(ROOT)}})
    return client.execute()


@pytest.fixture(scope="module")
def read_by_scrapbook(
    executed: nbformat.NotebookNode, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("glued") / "glued.ipynb"
    path.write_text(json.dumps(executed), encoding="utf-8")
    source = (
        "import json, sys, scrapbook\n"
        "scraps = scrapbook.read_notebook(sys.argv[1]).scraps\n"
        "print(json.dumps({name: scrap.data for name, scrap in scraps.items()}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    scraps: dict[str, Any] = json.loads(done.stdout)
    return scraps


def outputs_of(notebook: nbformat.NotebookNode, call: str) -> list[Any]:
    marked = (cell for cell in notebook.cells if f"glue({call!r}, " in cell.source)
    return [output for cell in marked for output in cell.outputs]


@pytest.mark.parametrize("call", SHARED)
def test_writes_what_scrapbook_writes(executed: nbformat.NotebookNode, call: str) -> None:
    outputs = outputs_of(executed, call)
    half = len(outputs) // 2
    shown = "display=" in call and "display=False" not in call

    assert half == (2 if shown else 1)
    assert json.dumps(outputs[half:]) == json.dumps(outputs[:half])  # 1 is not True here


@pytest.mark.parametrize("source", BEYOND)
def test_scrapbook_reads_what_it_could_not_write(
    read_by_scrapbook: dict[str, Any], source: str
) -> None:
    assert read_by_scrapbook[source] == BEYOND[source]


def test_notebook_json_stays_valid(executed: nbformat.NotebookNode) -> None:
    streams = [output for cell in executed.cells for output in cell.outputs if "name" in output]

    nbformat.validate(executed)
    assert json.dumps(executed, allow_nan=False).encode("utf-8")
    assert streams == []


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refuses_what_json_has_no_counterpart_for(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=rf"scrap 'name': th(e|is) .*{message}"):
        glue("name", value)


def test_what_is_refused_is_an_error_that_names_scrap_and_place() -> None:
    with pytest.raises(ScrapError) as caught:
        glue("load", {"a": [1, {2}]})

    assert (caught.value.scrap, caught.value.place) == ("load", "['a'][1]")
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


def test_refuses_a_value_that_holds_itself() -> None:
    value: list[object] = []
    value.append(value)

    with pytest.raises(TypeError, match="holds itself"):
        glue("name", value)


@pytest.mark.parametrize("name", [None, 3, ["a"]])
def test_refuses_a_name_that_is_not_text(name: Any) -> None:
    with pytest.raises(TypeError, match="name must be a str, not"):
        glue(name, 1)


def test_refuses_an_empty_name() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        glue("", 1)


def test_refuses_an_encoder_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="no encoder 'oops': there are 'json', 'text', 'p"):
        glue("name", 1, encoder="oops")


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("pandas", "int is not a table"),
        ("arrow", "int is not a table"),
        ("array", "int is not an array of plain values"),
    ],
)
def test_refuses_an_encoder_that_is_for_others(encoder: str, message: str) -> None:
    with pytest.raises(ScrapError, match=message):
        glue("name", 1, encoder=encoder)


def test_refuses_a_schema_for_what_is_not_json() -> None:
    with pytest.raises(ScrapError, match="a schema is for JSON and text, not for pandas"):
        glue("name", pd.DataFrame(), schema={})


def test_a_value_that_does_not_fit_its_schema_is_refused() -> None:
    with pytest.raises(ScrapError, match=r"'score': the value is 1\.5, .* says maximum 1"):
        glue("score", 1.5, schema={"type": "number", "maximum": 1})


def test_tables_without_pyarrow_are_refused_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ScrapError, match=r"kernel does not have: install it, or glue value\.to_d"):
        glue("table", pd.DataFrame({"a": [1]}))


def test_refuses_json_text_that_is_not_json() -> None:
    with pytest.raises(ValueError, match=r"not JSON .*leave the encoder out"):
        glue("name", "{oops", encoder="json")


def test_warns_outside_a_kernel() -> None:
    with pytest.warns(UserWarning, match=r"glue\('name'\): no kernel here, nothing is recorded"):
        glue("name", 1)


def test_needs_no_installed_package() -> None:
    """``-S`` hides site-packages, as in a kernel that has nothing of ours."""
    source = (
        "import sys, hermes_runtime\n"
        "assert not {'IPython', 'numpy', 'notebook_executor'} & set(sys.modules)\n"
        "hermes_runtime.glue('name', (1, 2))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", source],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing is recorded" in done.stderr


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "hermes_runtime").glob("*.py")])
def test_is_written_for_python_3_9(name: str) -> None:
    source = (ROOT / "hermes_runtime" / name).read_text(encoding="utf-8")

    ast.parse(source, feature_version=(3, 9))
    assert "from __future__ import annotations" in source
