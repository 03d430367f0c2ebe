"""Edits of notebook files: what they do, what they refuse, and that nothing else changes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.documents.cells import source_hash
from notebook_executor.documents.editing import EditReport, edit_notebook
from notebook_executor.documents.edits import OPS, ReplaceSource, edits_schema
from notebook_executor.documents.reading import read_notebook
from notebook_executor.documents.validation import validate_notebook
from notebook_executor.errors import DocumentError, ParameterError, StaleEditError, UsageError
from tests.conftest import MakeNotebook

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "edits.schema.json"
DECLARED = (
    '# what to run with\nx: float = 0.9  # ä\nwho: str\nname = "a"\na, b = 1, 2',
    "parameters",
)


def sources(path: Path) -> list[str]:
    return [cell.source for cell in read_notebook(path).cells]


def ran(source: str = "print(1)", **metadata: Any) -> nbformat.NotebookNode:
    output = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    made: nbformat.NotebookNode = nbformat.from_dict(
        {
            "cell_type": "code",
            "id": "ran",
            "source": source,
            "execution_count": 4,
            "metadata": metadata,
            "outputs": [output],
        }
    )
    return made


def test_each_operation(make_notebook: MakeNotebook) -> None:
    path = make_notebook("a", "b", ran(), "d")

    report = edit_notebook(
        path,
        [
            {"op": "replace_source", "cell": "cell-0", "source": "A"},
            {"op": "find_replace", "cell": 1, "find": "b", "replace": "B"},
            {"op": "insert_before", "cell": "cell-1", "source": "between", "id": "new"},
            {"op": "insert_after", "cell": "new", "source": "# T", "cell_type": "markdown"},
            {"op": "append", "source": "last", "tags": ["end"], "metadata": {"k": 1}},
            {"op": "delete", "cell": "3"},
            {"op": "move", "cell": "ran", "before": "cell-0"},
            {"op": "set_tags", "cell": "ran", "tags": ["x", "y", "x"]},
            {"op": "set_metadata", "cell": "ran", "metadata": {"own": {"n": 1, "gone": None}}},
            {"op": "set_metadata", "metadata": {"kernelspec": {"display_name": "P"}}},
            {"op": "clear_outputs", "cell": "ran"},
        ],
    )

    nb = read_notebook(path)
    assert [cell.source for cell in nb.cells] == ["print(1)", "A", "between", "# T", "B", "last"]
    assert nb.cells[0].metadata == {"own": {"n": 1}, "tags": ["x", "y"]}
    assert (nb.cells[0].outputs, nb.cells[0].execution_count) == ([], None)
    assert nb.cells[3].cell_type == "markdown"
    assert nb.cells[5].metadata == {"k": 1, "tags": ["end"]}
    assert nb.metadata.kernelspec == {
        "name": "python3",
        "display_name": "P",
        "language": "python",
    }
    assert validate_notebook(path).valid
    assert [(edit.op, edit.cell, edit.index) for edit in report.edits[:6]] == [
        ("replace_source", "cell-0", 1),
        ("find_replace", "cell-1", 4),
        ("insert_before", "new", 2),
        ("insert_after", nb.cells[3].id, 3),
        ("append", nb.cells[5].id, 5),
        ("delete", "cell-3", None),
    ]
    assert report.edits[0].hash == source_hash("A")


def test_an_index_means_the_notebook_before_the_batch(make_notebook: MakeNotebook) -> None:
    path = make_notebook("a", "b")

    edit_notebook(
        path,
        [
            {"op": "insert_before", "cell": 0, "source": "first"},
            {"op": "replace_source", "cell": 1, "source": "B"},
        ],
    )

    assert sources(path) == ["first", "a", "B"]


def test_a_hash_is_of_what_the_editor_saw(make_notebook: MakeNotebook) -> None:
    path = make_notebook("a")
    seen = source_hash("a")
    change: dict[str, Any] = {
        "op": "find_replace",
        "cell": 0,
        "if_hash": seen,
        "find": "a",
        "replace": "ab",
    }

    edit_notebook(path, [change, {**change, "find": "b", "replace": "c"}])

    assert sources(path) == ["ac"]


def test_a_stale_edit_is_refused_and_shows_what_is_there(make_notebook: MakeNotebook) -> None:
    path = make_notebook("a", "now = 2")
    before = path.read_bytes()
    edits: list[dict[str, Any]] = [
        {"op": "replace_source", "cell": 0, "source": "A"},
        {"op": "delete", "cell": "cell-1", "if_hash": source_hash("now = 1")},
    ]

    with pytest.raises(StaleEditError, match="now = 2") as caught:
        edit_notebook(path, edits)

    assert path.read_bytes() == before
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.details["source"] == "now = 2"
    assert error.details["hash"] == source_hash("now = 2")
    assert error.details["place"] == "edits[1]"


@pytest.mark.parametrize(
    ("edit", "said", "hint"),
    [
        ({"op": "delete", "cell": "cel-0"}, "no cell 'cel-0' in a notebook of 3", "cell-0"),
        ({"op": "delete", "cell": "tag:twoo"}, "no cell 'tag:twoo'", "tag:two"),
        ({"op": "delete", "cell": "tag:two"}, r"2 cells have the tag 'two': \[1\] cell-1", "id"),
        ({"op": "delete", "cell": 3}, "no cell '3'", "index"),
        ({"op": "delete", "cell": -1}, "no cell '-1'", "index"),
        ({"op": "move", "cell": 0, "after": "0"}, "before or behind itself", ""),
        ({"op": "append", "id": "cell-2"}, "there is a cell with the id 'cell-2'", ""),
        ({"op": "find_replace", "find": "q", "replace": ""}, "'q' is 0 times in the note", ""),
        ({"op": "find_replace", "find": "b", "replace": ""}, r"2 times .*cell-1 line 1", "count"),
        ({"op": "find_replace", "cell": 0, "find": "q", "replace": ""}, "reads now:\na", ""),
        ({"op": "set_parameter", "name": "x", "value": 1}, "no cell tagged 'parameters'", "tag"),
        ({"op": "set_metadata", "cell": 0, "metadata": {"tags": "x"}}, "would not be valid", ""),
        ({"op": "set_tags", "cell": 0, "tags": ["a,b"]}, "would not be valid", ""),
        ({"op": "restore", "cell": 0, "written": {"source": "{"}}, "not the JSON of a cell", "rep"),
        ({"op": "restore", "written": {"metadata": "[]"}}, "not the JSON of a notebook", "report"),
        ({"op": "append", "written": "{}"}, "not the JSON of a cell", "report"),
        ({"op": "restore", "cell": 0, "written": {}, "if_written": "0"}, "has changed since", ""),
        ({"op": "replace_source", "cell": 0, "source": "[base64, 300 characters]"}, "the data", ""),
    ],
)
def test_what_cannot_be_done_leaves_the_file_alone(
    make_notebook: MakeNotebook, edit: dict[str, Any], said: str, hint: str
) -> None:
    path = make_notebook("a", ("b", "two"), ("b", "two"))
    before = (path.read_bytes(), path.stat().st_ino)

    with pytest.raises(DocumentError, match=f"(?s){said}") as caught:
        edit_notebook(path, [{"op": "replace_source", "cell": 0, "source": "a"}, edit])

    assert hint in caught.value.hint
    assert caught.value.message.startswith("edits[1]: ") or "not changed" in caught.value.message
    assert (path.read_bytes(), path.stat().st_ino) == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ("delete", "edits are objects, not str"),
        (5, "edits are objects, not int"),
        ([5], r"edits\[0\]"),
        ({"op": "delet", "cell": 0}, "'delet' is no operation"),
        ({"cell": 0}, "there is no op"),
        ([{"op": "delete", "cell": 0}, {"op": "delete"}], r"edits\[1\].cell: field required"),
        ({"op": "delete", "cell": True}, r"edits\[0\].cell"),
        ({"op": "delete", "cell": 0, "hash": "x"}, r"edits\[0\].hash: extra inputs"),
        ({"op": "move", "cell": 0}, "give either before or after"),
        ({"op": "find_replace", "find": "", "replace": "x"}, r"edits\[0\].find"),
        ({"op": "append", "id": "not an id"}, r"edits\[0\].id"),
        ({"op": "append", "metadata": {"a": {1, 2}}}, r"edits\[0\].metadata"),
    ],
)
def test_what_is_no_edit_is_told_with_its_place(
    make_notebook: MakeNotebook, edits: Any, said: str
) -> None:
    path = make_notebook("a")

    with pytest.raises(UsageError, match=said):
        edit_notebook(path, edits)


def test_outputs_of_a_changed_cell_are_as_asked(make_notebook: MakeNotebook) -> None:
    path = make_notebook(ran("old", tags=["t"]))

    def after(**fields: Any) -> nbformat.NotebookNode:
        edit_notebook(path, {"op": "replace_source", "cell": "ran", **fields})
        changed: nbformat.NotebookNode = read_notebook(path).cells[0]
        return changed

    stale = after(source="new")
    assert stale.metadata.nbx.outputs_of == source_hash("old")
    assert len(stale.outputs) == 1
    assert after(source="newer").metadata.nbx.outputs_of == source_hash("old")
    assert after(source="old").metadata == {"tags": ["t"]}
    assert after(source="kept", outputs="keep").metadata == {"tags": ["t"]}
    cleared = after(source="cleared", outputs="clear")
    assert (cleared.outputs, cleared.execution_count) == ([], None)
    assert after(source="never ran").metadata == {"tags": ["t"]}


def test_a_parameter_gets_another_default(make_notebook: MakeNotebook) -> None:
    path = make_notebook(DECLARED)

    def set_to(name: str, value: Any) -> str:
        edit_notebook(path, {"op": "set_parameter", "name": name, "value": value})
        return sources(path)[0].splitlines()[{"x": 1, "who": 2, "name": 3, "b": 4}[name]]

    assert set_to("x", 0.5) == "x: float = 0.5  # ä"
    assert set_to("x", None) == "x: float = None  # ä"
    assert set_to("who", "Jo 'n'") == "who: str = \"Jo 'n'\""
    assert set_to("name", 'ü\n"') == 'name = "ü\\n\\""'
    assert set_to("b", {"k": [1, True]}) == "a, b = 1, {'k': [1, True]}"
    with pytest.raises(ParameterError, match="declares no 'nam'") as caught:
        set_to("nam", 1)
    assert caught.value.hint == "Did you mean name?"


@pytest.mark.parametrize(
    ("source", "error"),
    [("x, y = f()", ParameterError), ("x = = 1", DocumentError), ("%%bash\nx=1", DocumentError)],
)
def test_a_default_that_cannot_be_set_is_refused(
    make_notebook: MakeNotebook, source: str, error: type[Exception]
) -> None:
    path = make_notebook((source, "parameters"))

    with pytest.raises(error):
        edit_notebook(path, {"op": "set_parameter", "name": "x", "value": 1})


def test_a_dry_run_tells_and_writes_nothing(make_notebook: MakeNotebook) -> None:
    path = make_notebook("x = 1\ny = 2", "gone")
    before = path.read_bytes()
    edits = [
        {"op": "find_replace", "cell": 0, "find": "x = 1", "replace": "x = 3"},
        {"op": "delete", "cell": 1},
    ]

    told = edit_notebook(path, edits, dry_run=True)

    assert path.read_bytes() == before
    assert (told.dry_run, told.changed) == (True, True)
    for line in ("-x = 1", "+x = 3", "- cells[1] cell-1", "  -gone"):
        assert line in told.diff
    assert "would change" in str(told)
    done = edit_notebook(path, edits)
    assert done.model_copy(update={"dry_run": True}) == told
    assert EditReport.model_validate_json(done.to_json()) == done


def test_an_edit_that_changes_nothing_writes_nothing(make_notebook: MakeNotebook) -> None:
    path = make_notebook(("a", "t"))
    before = path.stat()

    report = edit_notebook(
        path,
        [
            {"op": "replace_source", "cell": 0, "source": "a"},
            {"op": "set_tags", "cell": 0, "tags": ["t"]},
            {"op": "set_metadata", "metadata": {"none": None}},
            {"op": "clear_outputs"},
            {"op": "find_replace", "find": "a", "replace": "a"},
        ],
    )

    assert (report.changed, report.inverse, report.diff) == (False, (), "")
    assert path.stat() == before


def test_one_edit_as_a_model_through_the_facade(
    make_notebook: MakeNotebook, executor: NotebookExecutor
) -> None:
    path = make_notebook("a")

    report = executor.edit("notebook.ipynb", ReplaceSource(cell="cell-0", source="A"))
    executor.edit(path, {"edits": list(report.inverse)})

    assert sources(path) == ["a"]


def test_the_inverse_is_small_though_the_outputs_are_large(make_notebook: MakeNotebook) -> None:
    cell = ran()
    cell.outputs[0].text = "x" * 1_000_000

    report = edit_notebook(
        make_notebook(cell), {"op": "replace_source", "cell": 0, "source": "new"}
    )

    assert len(report.to_json()) < 2000


def test_the_published_schema_is_that_of_the_models() -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == json.loads(json.dumps(edits_schema()))
    assert len(OPS) == 12
