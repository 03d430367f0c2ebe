"""Reading: every kind of bad file, every older format, and ids that do not change."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebook_executor.documents.cells import check_runnable
from notebook_executor.documents.reading import adopt, parse_notebook, read_notebook
from notebook_executor.errors import DocumentError

CODE: dict[str, Any] = {"cell_type": "code", "source": "x = 1", "metadata": {}}


def document(*cells: Any, minor: int = 5, **fields: Any) -> dict[str, Any]:
    content = {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": list(cells)}
    return {**content, **fields}


def parsed(content: Any) -> nbformat.NotebookNode:
    return parse_notebook(json.dumps(content).encode(), "some.ipynb")


def refusal(content: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        parsed(content)
    assert caught.value.details["kind"] == "invalid_notebook"
    assert caught.value.message.startswith("some.ipynb: ")
    return caught.value


def test_a_missing_file_is_not_found_and_its_neighbour_named(tmp_path: Path) -> None:
    (tmp_path / "fleet_health.ipynb").write_text("{}")

    with pytest.raises(DocumentError) as caught:
        read_notebook(tmp_path / "fleet_helth.ipynb")

    assert caught.value.details["kind"] == "not_found"
    assert caught.value.hint == f"Did you mean {tmp_path / 'fleet_health.ipynb'}?"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no readable folder") as caught:
        read_notebook(tmp_path / "nowhere" / "a.ipynb")

    assert caught.value.details["kind"] == "not_found"


def test_a_folder_is_no_notebook(tmp_path: Path) -> None:
    (tmp_path / "inside.ipynb").write_text("{}")

    with pytest.raises(DocumentError, match=r"is a directory .*inside\.ipynb") as caught:
        read_notebook(tmp_path)

    assert caught.value.details["kind"] == "not_found"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ipynb")

    with pytest.raises(DocumentError, match="is not a file"):
        read_notebook(tmp_path / "pipe.ipynb")


@pytest.mark.parametrize("name", ["a\0b.ipynb", "x" * 300 + ".ipynb"])
def test_a_path_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_notebook(tmp_path / name)

    assert caught.value.details["kind"] == "not_found"


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"", "not JSON: Expecting value at line 1, column 1", "The file is empty."),
        (b'{"cells": [}', "at line 1, column 12", "Was it cut off, or edited by hand?"),
        (b'{"a": 1,\n<<<<<<< HEAD\n', "at line 2, column 1", "unresolved git merge"),
        (b'{"a":\n"\xff"}', "not UTF-8: byte 0xff at offset 7, line 2", "another kind of file"),
        (b"[" * 100_000, "nested too deeply", ""),
        (b'{"a": ' + b"1" * 5000 + b"}", "not usable JSON", ""),
    ],
)
def test_what_is_not_json(data: bytes, message: str, hint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_notebook(data, "some.ipynb")

    assert caught.value.details["kind"] == "invalid_notebook"
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "not a notebook, but a list"),
        ("text", "not a notebook, but a string"),
        (None, "not a notebook, but null"),
        ({"a": 1}, "it has no cells"),
        ({"cells": []}, "nbformat is missing"),
        (document(nbformat="4"), "nbformat is a string instead of a number"),
        (document(nbformat=True), "nbformat is a boolean instead of a number"),
        (document(nbformat=5), "nbformat 5 is newer"),
        (document(nbformat=1), "nbformat 1 is too old"),
        ({"nbformat": 4, "worksheets": []}, "has worksheets as nbformat 3 had"),
        ({"nbformat": 3, "cells": []}, "cannot be upgraded from nbformat 3"),
        ({"nbformat": 3, "worksheets": [7]}, "cannot be upgraded from nbformat 3"),
    ],
)
def test_what_is_not_a_notebook(content: Any, message: str) -> None:
    assert message in refusal(content).message


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (document(metadata=[]), "metadata", "is a list instead of an object"),
        (document(cells={}), "cells", "is an object instead of a list"),
        (document(CODE, 5), "cells[1]", "is a number instead of an object"),
        (document({**CODE, "cell_type": "heading"}), "cells[0].cell_type", "is 'heading'"),
        (document({"source": ""}), "cells[0].cell_type", "is missing"),
        (document({"cell_type": "raw"}), "cells[0]", "has no source"),
        (document({**CODE, "source": ["a", 1]}), "cells[0].source", "is a list instead of"),
        (document({**CODE, "metadata": None}), "cells[0].metadata", "is null instead of"),
        (document({**CODE, "metadata": {"tags": "x"}}), "cells[0].metadata.tags", "is a string"),
        (document({**CODE, "metadata": {"tags": [1]}}), "cells[0].metadata.tags", "holds"),
        (document({**CODE, "outputs": {}}), "cells[0].outputs", "is an object instead of"),
        (
            document(CODE, {**CODE, "outputs": [{"output_type": "pyout"}]}),
            "cells[1].outputs[0].output_type",
            "is 'pyout'",
        ),
        (
            document({**CODE, "outputs": [{"output_type": "stream", "text": 1}]}),
            "cells[0].outputs[0].text",
            "is a number instead of a string",
        ),
        (
            document({**CODE, "outputs": [{"output_type": "display_data", "data": []}]}),
            "cells[0].outputs[0].data",
            "is a list instead of an object",
        ),
    ],
)
def test_a_part_that_cannot_be_used_is_named(content: Any, place: str, message: str) -> None:
    error = refusal(content)

    assert error.details["place"] == place
    assert f"{place} {message}" in error.message


def test_places_in_bundles() -> None:
    picture = {"cell_type": "markdown", "source": "", "attachments": {"a b": {"text/x": 1}}}
    shown = {"output_type": "display_data", "data": {"text/html": None}}

    assert refusal(document(picture)).details["place"] == 'cells[0].attachments["a b"]["text/x"]'
    error = refusal(document({**CODE, "outputs": [shown]}))
    assert error.details["place"] == 'cells[0].outputs[0].data["text/html"]'


def test_missing_fields_are_filled() -> None:
    outputs = [{"output_type": kind} for kind in ("stream", "display_data", "error")]
    cells = [{"cell_type": "code", "source": ["a\n", "b"], "outputs": outputs}, dict(CODE)]

    notebook = parsed({"nbformat": 4, "cells": [*cells, {"cell_type": "raw", "source": ""}]})

    nbformat.validate(notebook)
    assert notebook.cells[0].source == "a\nb"
    assert (notebook.cells[1].outputs, notebook.cells[1].execution_count) == ([], None)
    assert notebook.cells[0].outputs[0] == {"output_type": "stream", "name": "stdout", "text": ""}


def test_what_jupyter_tolerates_stays() -> None:
    extra = {"mine": {"deep": [1]}, "kernelspec": {"name": "python3"}}
    cell = {**CODE, "metadata": {"collapsed": "maybe"}, "unknown": 1}

    notebook = parsed(document(cell, metadata=extra, more=2))

    assert notebook.metadata == extra
    assert (notebook.cells[0].unknown, notebook.cells[0].metadata.collapsed) == (1, "maybe")
    assert notebook.more == 2


def test_a_later_minor_version_is_kept_with_what_it_adds() -> None:
    notebook = parsed(document({**CODE, "id": "q", "new": "…"}, minor=9))

    assert notebook.nbformat_minor == 9
    assert notebook.cells[0].new == "…"


def test_outputs_of_what_is_no_code_are_dropped() -> None:
    cell = {"cell_type": "markdown", "source": "", "outputs": [None], "execution_count": 1}

    nbformat.validate(parsed(document(cell)))


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert parse_notebook(b"\xef\xbb\xbf" + json.dumps(document()).encode(), "a").cells == []


def version_3() -> dict[str, Any]:
    code = {
        "cell_type": "code",
        "language": "python",
        "input": ["print(1)\n", "2"],
        "prompt_number": 3,
        "outputs": [
            {"output_type": "stream", "stream": "stderr", "text": "1\n"},
            {"output_type": "pyout", "prompt_number": 3, "text": "2", "png": "aGk=\n"},
        ],
    }
    heading = {"cell_type": "heading", "level": 2, "source": "Title"}
    cells = [heading, code, {"cell_type": "code", "input": "x", "language": "python"}]
    return {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}


@pytest.mark.parametrize("major", [2, 3])
def test_old_formats_are_upgraded_in_memory_only(tmp_path: Path, major: int) -> None:
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({**version_3(), "nbformat": major, "metadata": {"name": "old"}}))
    before = path.read_bytes()

    notebook = read_notebook(path)

    nbformat.validate(notebook)
    assert isinstance(notebook, nbformat.NotebookNode)
    assert all(isinstance(cell, nbformat.NotebookNode) for cell in notebook.cells)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]
    assert notebook.cells[0].source == "## Title"
    assert notebook.cells[1].outputs[1].data == {"text/plain": "2", "image/png": "aGk=\n"}
    assert read_notebook(path) == notebook  # ids too
    assert path.read_bytes() == before


def test_adopting_copies_and_checks() -> None:
    given = nbformat.from_dict(document({**CODE, "id": "a"}, {**CODE, "id": "a"}))
    before = copy.deepcopy(given)

    adopted = adopt(given)
    adopted.cells[0].metadata["changed"] = True

    assert given == before
    assert [cell.id for cell in adopted.cells] == ["a", parsed(document(*before.cells)).cells[1].id]
    with pytest.raises(DocumentError, match="notebook: not a notebook"):
        adopt([])  # type: ignore[arg-type]


def test_adopting_what_holds_itself_is_refused() -> None:
    given = document()
    given["metadata"]["self"] = given["metadata"]

    with pytest.raises(DocumentError, match="nested too deeply"):
        adopt(given)


def test_a_source_that_no_kernel_can_get_is_named() -> None:
    fine, broken = {**CODE, "source": "'🛰'"}, {**CODE, "source": "'\ud83d'", "id": "here"}
    prose = {"cell_type": "markdown", "source": "\udead", "metadata": {}}

    check_runnable(parsed(document(fine, prose)))
    with pytest.raises(DocumentError, match=r"cells\[1\] \(id here\)") as caught:
        check_runnable(parsed(document(fine, broken)))

    assert caught.value.details["kind"] == "invalid_notebook"
    assert caught.value.details["cell_index"] == 1
