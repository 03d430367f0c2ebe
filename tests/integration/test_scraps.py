"""Named outputs of every kind, from a kernel to Python, and to and from scrapbook itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pandas as pd
import pytest
import scrapbook

from hermes_runtime.binary import array_output, table_output
from hermes_runtime.formats import data_output, shown_output
from notebook_executor import ExecutionResult, NotebookExecutor

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

FRAME = pd.DataFrame({"host": ["a", "b"], "load": [0.5, None]}, index=[3, 9])
OURS = """
import io
import numpy as np, pandas as pd, pyarrow as pa
from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image
from hermes_runtime import glue

frame = pd.DataFrame({"host": ["a", "b"], "load": [0.5, None]}, index=[3, 9])
figure = Figure(figsize=(2, 1))
figure.subplots().plot([1, 2])
picture, jpeg = Image.new("RGB", (30, 20), "red"), io.BytesIO()
picture.save(jpeg, "JPEG")
glue("frame", frame)
glue("frame shown", frame, display=True)
glue("arrow", pa.table({"x": [1, 2, 3]}), encoder="arrow")
glue("array", np.array([[1.0, np.nan, np.inf]]))
glue("dates", np.array(["2026-01-01"], dtype="M8[D]"))
glue("figure", figure)
glue("picture", picture)
glue("jpeg", jpeg.getvalue())
glue("html", HTML("<b>bold</b>"))
glue("object", object(), display=True)
glue("score", 0.5, schema={"type": "number", "maximum": 1})
"""
THEIRS = """
import scrapbook as sb
sb.glue("their frame", frame)
sb.glue("their html", HTML("<b>bold</b>"))
sb.glue("their list", [1, {"a": None}])
sb.glue("their object", object(), display=True)
"""
# scrapbook's own reglue fails on tables.
BOTH = ("score", "html", "image", "list", "array")
REGLUED = (
    f"""
from hermes_runtime import reglue, scraps_report
there = sb.read_notebook("source.ipynb")
for name in {BOTH}:
    there.reglue(name, "by scrapbook: " + name)
    reglue("source.ipynb", name, "by us: " + name)
reglue("source.ipynb", "table", "reglued")
""",
    """
reglue("source.ipynb", "html", unattached=True)
reglue("source.ipynb", "list", unattached=True)
try:
    reglue("source.ipynb", "scor")
except ValueError as error:
    print(error)
""",
    """
scraps_report(["source.ipynb"])
scraps_report("source.ipynb", ["score"], headers=False)
scraps_report("source.ipynb", include_data=True)
""",
)


def source_outputs() -> list[dict[str, Any]]:
    """What another notebook has glued."""
    return [
        data_output("score", "json", 0.5),
        shown_output("html", {"text/html": ["<b>\n", "bold</b>"], "text/plain": "x"}, {"a": 1}),
        shown_output("image", {"image/png": "iVBORw0KGgo="}, {}),
        data_output("list", "json", [1, None]),
        array_output("array", np.array([[1.0, np.nan, np.inf]])),
        table_output("table", FRAME),
        shown_output("table", {"text/plain": "the table"}, {}),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ExecutionResult:
    folder = tmp_path_factory.mktemp("scraps")
    cells = [nbformat.v4.new_code_cell(source) for source in (OURS, THEIRS, *REGLUED)]
    node = nbformat.v4.new_notebook(cells=cells)
    node.metadata.kernelspec = {"name": "python3", "display_name": "x", "language": "python"}
    nbformat.write(node, folder / "in.ipynb")
    shown = [{"output_type": "display_data", **output} for output in source_outputs()]
    cell = {"cell_type": "code", "source": "", "metadata": {}, "id": "a", "execution_count": 1}
    glued = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    glued["cells"] = [{**cell, "outputs": shown}]
    (folder / "source.ipynb").write_text(json.dumps(glued))
    with NotebookExecutor(folder) as executor:
        return executor.execute("in.ipynb", "out.ipynb", check=True)


@pytest.fixture
def read_by_scrapbook(run: ExecutionResult) -> Any:
    assert run.output_path is not None
    return scrapbook.read_notebook(run.output_path).scraps


def references(scraps: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    return {
        name: (value["$scrap"], value["shape"])
        for name, value in scraps.items()
        if isinstance(value, dict) and "$scrap" in value
    }


def test_each_kind_is_told(run: ExecutionResult) -> None:
    found = {
        name: value
        for name, value in references(run.scraps).items()
        if not name.startswith(("by ", "reglued"))
    }
    height, width = found.pop("figure")[1]

    assert height < width
    assert found == {
        "frame": ("dataframe", [2, 2]),
        "frame shown": ("dataframe", [2, 2]),
        "arrow": ("dataframe", [3, 1]),
        "array": ("array", [1, 3]),
        "dates": ("array", [1]),
        "picture": ("image", [20, 30]),
        "jpeg": ("image", [20, 30]),
        "html": ("display", None),
        "object": ("display", None),
        "their frame": ("dataframe", [2, 2]),
        "their html": ("display", None),
        "their object": ("display", None),
    }
    assert run.scraps["score"] == 0.5
    assert run.scraps["their list"] == [1, {"a": None}]
    assert run.warnings == ()


def load_all(scraps: dict[str, Any]) -> None:
    for name in ("frame", "frame shown", "their frame"):
        pd.testing.assert_frame_equal(scraps[name], FRAME)
    assert scraps["arrow"]["x"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(scraps["array"], [[1.0, np.nan, np.inf]])
    assert scraps["dates"].dtype == "M8[D]"
    assert scraps["picture"].startswith(b"\x89PNG")
    assert scraps["jpeg"].startswith(b"\xff\xd8\xff")
    assert scraps["html"]["text/html"] == scraps["their html"]["text/html"] == "<b>bold</b>"
    assert scraps["object"]["text/plain"].startswith("<object ")


def test_each_kind_is_loaded_from_result_record_and_notebook(run: ExecutionResult) -> None:
    assert run.output_path is not None
    project = Path(run.output_path).parent
    with NotebookExecutor(project) as executor:
        collected = executor.collect_outputs("out.ipynb")
    recorded = ExecutionResult.model_validate_json(run.to_json())

    load_all(run.scraps)
    load_all(recorded.scraps)
    load_all(collected)
    kept = project / ".nbx" / "runs" / run.run_id / "outputs" / "scraps"
    assert dict(run.scraps.items())["jpeg"]["path"] == str(kept / "jpeg.jpg")
    assert recorded == run
    assert references(collected) == references(run.scraps)


def test_accounts_stay_short(run: ExecutionResult) -> None:
    assert "array 1 × 3 in /" in run.for_llm(8000)
    assert "iVBOR" not in run.to_json()
    assert len(run.for_llm(500)) <= 500
    previews = [value["preview"] for value in dict(run.scraps.items()).values()
                if isinstance(value, dict)]  # fmt: skip
    assert all(0 < len(preview) <= 200 for preview in previews)


def test_scrapbook_reads_ours(read_by_scrapbook: Any) -> None:
    pd.testing.assert_frame_equal(read_by_scrapbook["frame"].data, FRAME)
    assert read_by_scrapbook["arrow"].data["x"].tolist() == [1, 2, 3]
    assert read_by_scrapbook["score"].data == 0.5
    for name in ("array", "figure", "picture", "jpeg", "html", "object"):
        assert read_by_scrapbook[name].data is None
        assert read_by_scrapbook[name].display["metadata"]["scrapbook"]["name"] == name


def outputs(result: ExecutionResult, cell: int) -> list[dict[str, Any]]:
    assert result.notebook is not None
    found: list[dict[str, Any]] = json.loads(json.dumps(result.notebook.cells[cell].outputs))
    return found


def test_a_table_is_written_as_scrapbook_writes_it(run: ExecutionResult) -> None:
    mime = "application/scrapbook.scrap.pandas+json"
    (ours, *_), (theirs, *_) = outputs(run, 0), outputs(run, 1)

    assert list(ours["data"]) == list(theirs["data"]) == [mime]
    assert {**ours["data"][mime], "name": ""} == {**theirs["data"][mime], "name": ""}
    assert ours["metadata"]["scrapbook"] == {**theirs["metadata"]["scrapbook"], "name": "frame"}


def test_reglue_does_what_scrapbook_s_does(run: ExecutionResult) -> None:
    written = outputs(run, 2)[: 2 * len(BOTH)]
    theirs, ours = written[::2], written[1::2]

    assert len(ours) == len(BOTH)
    assert json.loads(json.dumps(ours).replace("by us: ", "by scrapbook: ")) == theirs
    np.testing.assert_array_equal(run.scraps["by us: array"], [[1.0, np.nan, np.inf]])
    assert run.scraps["by us: score"] == run.scraps["by scrapbook: score"] == 0.5


def test_a_table_can_be_reglued(run: ExecutionResult) -> None:
    pd.testing.assert_frame_equal(run.scraps["reglued"], FRAME)
    reference = dict(run.scraps.items())["reglued"]
    assert (reference["shape"], reference["preview"]) == ([2, 2], "the table")


def test_unattached_is_shown_and_not_recorded(run: ExecutionResult) -> None:
    html, listed, error = outputs(run, 3)

    assert (html["data"]["text/html"], html["metadata"]) == ("<b>\nbold</b>", {"a": 1})
    assert (listed["data"], listed["metadata"]) == ({"text/plain": "[1, None]"}, {})
    assert error["text"] == "no scrap 'scor' in source.ipynb: did you mean 'score'?\n"
    assert "list" not in run.scraps


def test_a_report_shows_each_scrap_under_its_name(run: ExecutionResult) -> None:
    shown = [next(iter(output["data"].values())) for output in outputs(run, 4)]
    whole = shown[10:]

    assert shown[:4] == ["### source", "#### html", "<b>\nbold</b>", "#### image"]
    assert shown[5:10] == [
        "#### array",
        "float64 [[ 1. nan inf]]",
        "#### table",
        "the table",
        "0.5",
    ]
    assert whole[:5] == ["### source", "#### score", "0.5", "#### html", "<b>\nbold</b>"]


def test_scraps_survive_a_cell_that_prints_too_much(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    source = "glue('before', 1)\nprint('x' * 5000)\nglue('score', 0.5)\nglue('long', 'y' * 3000)"
    make_notebook(f"from hermes_runtime import glue\n{source}\nglue('last', 2)")
    with NotebookExecutor(tmp_path, config={"output_limit": 1000}) as executor:
        result = executor.execute("notebook.ipynb", "out.ipynb")
        collected = executor.collect_outputs("out.ipynb")

    assert result.scraps == {"before": 1, "score": 0.5, "long": "y" * 3000, "last": 2}
    assert collected == {"before": 1, "score": 0.5, "last": 2}


def test_without_a_record_values_stay_in_memory(
    make_notebook: MakeNotebook, executor: NotebookExecutor, tmp_path: Path
) -> None:
    (tmp_path / ".nbx").touch()
    make_notebook("import numpy\nfrom hermes_runtime import glue\nglue('a', numpy.arange(3))")
    result = executor.execute("notebook.ipynb", False)

    assert dict(result.scraps.items())["a"]["path"] is None
    assert result.scraps["a"].tolist() == [0, 1, 2]
