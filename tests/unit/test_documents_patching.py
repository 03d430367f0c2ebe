"""Patches: what they make is what the difference was made to, or they are refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebook_executor.documents.comparable import finite
from notebook_executor.documents.difference import NotebookDiff
from notebook_executor.documents.diffing import diff_notebooks
from notebook_executor.documents.normalise import normalise
from notebook_executor.documents.patching import patch_notebook, read_diff
from notebook_executor.documents.reading import read_notebook
from notebook_executor.documents.writing import serialise
from notebook_executor.errors import DocumentError, UsageError

texts = st.sampled_from(
    ["", "a = 1", "a = 1\n", "a = 1\nb = 2", "b = 2\r\nc", "é\u2028x", "\ud800", "x" * 1200, "\x0c"]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 1.0, -0.0, 10**30, float("nan"), float("inf"), 1e300])
    | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    ),
    max_leaves=5,
)
volatile = st.sampled_from([{}, {"collapsed": True}, {"execution": {"a": "1"}}])
metadata = st.builds(lambda more, noise: {**more, **noise}, st.fixed_dictionaries(
    {}, optional={"x": values, "nbx": st.fixed_dictionaries({}, optional={"run_id": values})}
), volatile)  # fmt: skip
bundles = st.fixed_dictionaries(
    {}, optional={"text/plain": texts, "image/png": texts, "application/json": values}
)
outputs = st.one_of(
    st.builds(
        lambda name, text: {"output_type": "stream", "name": name, "text": text},
        st.sampled_from(["stdout", "stderr"]),
        texts,
    ),
    st.builds(
        lambda data, count: {
            "output_type": "execute_result",
            "data": data,
            "metadata": {},
            "execution_count": count,
        },
        bundles,
        st.sampled_from([None, 1, 2]),
    ),
    st.builds(
        lambda text: {"output_type": "error", "ename": "E", "evalue": text, "traceback": [text]},
        texts,
    ),
)
ids = st.sampled_from(["a", "b", "c", "d"])
cells = st.one_of(
    st.builds(
        lambda i, source, meta, out, count: {
            "cell_type": "code",
            "id": i,
            "source": source,
            "metadata": meta,
            "outputs": out,
            "execution_count": count,
        },
        ids,
        texts,
        metadata,
        st.lists(outputs, max_size=3),
        st.sampled_from([None, 1, 2]),
    ),
    st.builds(
        lambda i, source, meta: {
            "cell_type": "markdown",
            "id": i,
            "source": source,
            "metadata": meta,
            "attachments": {"p.png": {"image/png": source}},
        },
        ids,
        texts,
        metadata,
    ),
)
documents = st.builds(
    lambda found, meta: {"nbformat": 4, "nbformat_minor": 5, "metadata": meta, "cells": found},
    st.lists(cells, max_size=4),
    metadata,
)
styles = st.sampled_from(
    [{"indent": 1}, {"indent": 4, "sort_keys": True}, {"separators": (",", ":")}]
)
ends = st.sampled_from(["", "\n", "\r\n\n"])


def file_of(document: Any, style: dict[str, Any], end: str, *, ascii_only: bool) -> bytes:
    text = json.dumps(document, ensure_ascii=ascii_only, **style) + end
    try:
        return text.encode()
    except UnicodeEncodeError:
        return file_of(document, style, end, ascii_only=True)


files = st.builds(
    lambda document, style, end, plain: file_of(document, style, end, ascii_only=plain),
    documents,
    styles,
    ends,
    st.booleans(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("patch")


def written(folder: Path, a: bytes, b: bytes) -> tuple[Path, Path]:
    for name, data in (("a.ipynb", a), ("b.ipynb", b)):
        (folder / name).write_bytes(data)
    return folder / "a.ipynb", folder / "b.ipynb"


@settings(max_examples=70, deadline=None)
@given(a=files, b=files)
def test_a_lossless_patch_reproduces_every_byte(folder: Path, a: bytes, b: bytes) -> None:
    path_a, path_b = written(folder, a, b)

    diff = diff_notebooks(path_a, path_b, lossless=True)
    report = patch_notebook(path_a, read_back(folder, diff))

    assert path_a.read_bytes() == b
    assert report.exact
    assert diff.identical == (a == b)


@pytest.mark.parametrize(
    ("old", "new"), [([""], [[]]), ("b", ["a"]), ({"text": "b"}, {"text": ["a"]}), ("", [])]
)
@pytest.mark.parametrize("cells", [[], [{"source": ["x"]}]])
def test_a_list_in_metadata_is_no_text(folder: Path, old: Any, new: Any, cells: Any) -> None:
    head = {"nbformat": 4, "nbformat_minor": 5, "cells": []}
    a, b = (
        json.dumps({**head, "metadata": {"x": value, "cells": cells}}).encode()
        for value in (old, new)
    )
    path_a, path_b = written(folder, a, b)

    patch_notebook(path_a, diff_notebooks(path_a, path_b), folder / "c.ipynb")

    assert json.loads((folder / "c.ipynb").read_bytes()) == json.loads(b)


@settings(max_examples=70, deadline=None)
@given(a=files, b=files, noise=st.booleans())
def test_a_patch_makes_what_the_difference_was_made_to(
    folder: Path, a: bytes, b: bytes, noise: bool
) -> None:
    path_a, path_b = written(folder, a, b)

    diff = diff_notebooks(path_a, path_b, noise=noise)
    patch_notebook(path_a, read_back(folder, diff), folder / "c.ipynb")

    assert path_a.read_bytes() == a
    assert diff_notebooks(folder / "c.ipynb", path_b, noise=noise).identical
    made, wanted = (finite(read_notebook(path)) for path in (folder / "c.ipynb", path_b))
    if "\\ud800" not in path_b.read_text():  # becomes U+FFFD
        assert serialise(normalise(made)) == serialise(normalise(wanted))


def read_back(folder: Path, diff: NotebookDiff) -> NotebookDiff:
    (folder / "d.json").write_text(diff.to_json())
    return read_diff(folder / "d.json")


def code(source: str, cell_id: str, text: str = "", count: int | None = None) -> dict[str, Any]:
    stream = {"output_type": "stream", "name": "stdout", "text": text}
    fields = {"cell_type": "code", "id": cell_id, "source": source, "metadata": {}}
    return {**fields, "outputs": [stream] if text else [], "execution_count": count}


def write(path: Path, *found: dict[str, Any], **meta: Any) -> Path:
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": meta, "cells": list(found)}
    path.write_text(json.dumps(content))
    return path


A = (code("x = 1", "x"), code("print(x)", "print", "1\n"))
B = (code("x = 2", "x"), code("print(x)", "print", "1\n"), code("y = 3", "y"))


@pytest.fixture
def diff(tmp_path: Path) -> NotebookDiff:
    return diff_notebooks(write(tmp_path / "a.ipynb", *A), write(tmp_path / "b.ipynb", *B))


def test_another_run_of_the_notebook_is_patched_and_keeps_what_the_run_left(
    tmp_path: Path, diff: NotebookDiff
) -> None:
    run = (code("x = 1", "other", count=7), code("print(x)", "print", "one\n", count=8))
    path = write(tmp_path / "run.ipynb", *run, papermill={"duration": 1})

    report = patch_notebook(path, diff)

    made = json.loads(path.read_text())
    assert [cell["source"] for cell in made["cells"]] == ["x = 2", "print(x)", "y = 3"]
    assert [cell["id"] for cell in made["cells"]] == ["other", "print", "y"]
    assert [cell["execution_count"] for cell in made["cells"]] == [7, 8, None]
    assert made["cells"][1]["outputs"][0]["text"] == "one\n"
    assert made["metadata"] == {"papermill": {"duration": 1}}
    assert (report.cells_added, report.cells_removed, report.cells_changed) == (1, 0, 1)
    assert str(report) == f"{path}: cells added 1, removed 0, changed 1"


def test_a_difference_of_other_notebooks_is_refused(tmp_path: Path, diff: NotebookDiff) -> None:
    path = write(tmp_path / "c.ipynb", code("x = 0", "x"), A[1])
    before = path.read_bytes()

    with pytest.raises(DocumentError, match="is not the notebook that the difference") as caught:
        patch_notebook(path, diff)

    assert caught.value.details["kind"] == "does_not_fit"
    assert "nbx merge" in caught.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("lossless", [False, True])
def test_a_difference_is_not_applied_twice(tmp_path: Path, lossless: bool) -> None:
    a, b = write(tmp_path / "a.ipynb", *A), write(tmp_path / "b.ipynb", *B)
    diff = diff_notebooks(a, b, lossless=lossless)
    patch_notebook(a, diff)
    before = a.read_bytes()

    with pytest.raises(DocumentError, match="already has what changed"):
        patch_notebook(a, diff)

    assert a.read_bytes() == before


def test_a_lossless_difference_wants_every_byte(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.ipynb", *A), write(tmp_path / "b.ipynb", *B)
    diff = diff_notebooks(a, b, lossless=True)
    a.write_bytes(a.read_bytes() + b"\n")

    with pytest.raises(DocumentError, match="does not fit"):
        patch_notebook(a, diff)


@pytest.mark.parametrize(
    "ops",
    [
        ({"op": "patch", "key": "cells", "diff": [{"op": "removerange", "key": 9, "length": 2}]},),
        ({"op": "patch", "key": "cells", "diff": [{"op": "dance", "key": 0}]},),
        ({"op": "patch", "key": "cells", "diff": [{"op": "addrange", "key": 0, "valuelist": 5}]},),
        ({"op": "add", "key": "metadata", "value": 1},),
        ({"op": "remove", "key": "cells"},),
        ({"no": "operation"},),
        (),
    ],
)
@pytest.mark.parametrize("lossless", [False, True])
def test_a_damaged_difference_is_refused(
    tmp_path: Path, ops: tuple[dict[str, Any], ...], lossless: bool
) -> None:
    a, b = write(tmp_path / "a.ipynb", *A), write(tmp_path / "b.ipynb", *B)
    diff = diff_notebooks(a, b, lossless=lossless)
    exact = diff.exact and diff.exact.model_copy(update={"ops": ops})
    before = a.read_bytes()

    with pytest.raises(DocumentError) as caught:
        patch_notebook(a, diff.model_copy(update={"ops": ops, "exact": exact}))

    assert caught.value.details["kind"] in ("invalid_diff", "does_not_fit")
    assert a.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"path_a": 5}', b"\xff"])
def test_a_file_that_holds_no_difference_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(content)

    with pytest.raises(DocumentError, match=r"d\.json is not a difference of notebooks"):
        read_diff(path)


def test_an_old_notebook_is_not_replaced_by_one_of_the_current_format(tmp_path: Path) -> None:
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}}
    cell = {"cell_type": "code", "input": "x", "language": "python", "outputs": []}
    (tmp_path / "a.ipynb").write_text(json.dumps({**old, "worksheets": [{"cells": [cell]}]}))
    diff = diff_notebooks(tmp_path / "a.ipynb", write(tmp_path / "b.ipynb", *B))

    with pytest.raises(UsageError, match="nbformat 3"):
        patch_notebook(tmp_path / "a.ipynb", diff)
    patch_notebook(tmp_path / "a.ipynb", diff, tmp_path / "c.ipynb")

    assert diff_notebooks(tmp_path / "c.ipynb", tmp_path / "b.ipynb").identical


LAYOUTS = [
    {"indent": 1},
    {"indent": 4},
    {"indent": "\t", "ensure_ascii": False},
    {"indent": 2, "sort_keys": True},
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("newline", "end"), [("\n", ""), ("\r\n", "\r\n"), ("\n", "\n")])
def test_what_does_not_change_stays_as_it_was_written(
    tmp_path: Path, layout: dict[str, Any], newline: str, end: str
) -> None:
    content = {
        "cells": [
            {**code(f"print('é', {n})\n# end", f"c{n}", "ü\n"), "source": [f"é = {n}\n", "# end"]}
            for n in range(5)
        ],
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"z": 1, "a": {"d": [], "c": {}}},
    }
    changed = json.loads(json.dumps(content))
    changed["cells"][2]["source"] = ["é = 'x'\n", "# end"]
    for name, found in (("a", content), ("b", changed)):
        text = json.dumps(found, **layout).replace("\n", newline) + end
        (tmp_path / name).write_bytes(text.encode())

    patch_notebook(tmp_path / "a", diff_notebooks(tmp_path / "a", tmp_path / "b"))

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_patches_at_once_are_applied_once(tmp_path: Path, diff: NotebookDiff) -> None:
    path = tmp_path / "a.ipynb"

    def attempt(_: int) -> str:
        try:
            return str(patch_notebook(path, diff))
        except DocumentError as error:
            return error.message

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(attempt, range(8)))

    assert sum("changed 1" in text for text in told) == 1
    assert sum("already has what changed" in text for text in told) == 7
