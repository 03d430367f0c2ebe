"""Our verdicts on cells, held against those of ``pytest --nbval`` itself."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest

from notebook_executor import NotebookExecutor

_ERROR = {"output_type": "error", "ename": "ZeroDivisionError", "traceback": ["x"]}
_DIVISION = {**_ERROR, "evalue": "division by zero"}
_SHOW = "from IPython.display import display, HTML, Image"
_OURS = {
    "match": "passed",
    "not_compared": "passed",
    "no_reference": "passed",
    "differs": "failed",
    "error": "failed",
    "skipped": "skipped",
}


def out(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def result(text: str) -> dict[str, Any]:
    data = {"text/plain": text}
    return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}


def shown(**data: str) -> dict[str, Any]:
    named = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": {}}


class Cell(NamedTuple):
    """A cell with the outputs that its file holds."""

    source: str
    outputs: tuple[dict[str, Any], ...] = ()
    tags: tuple[str, ...] = ()
    run: bool = True


CELLS = (
    Cell(_SHOW + "\nimport sys"),
    Cell("print('a')", (out("a\n"),)),
    Cell("print('a')", (out("b\n"),)),
    Cell("print('a')"),
    Cell("pass", (out("a\n"),)),
    Cell("1 + 1", (result("2"),)),
    Cell("1 + 1", (result("3"),)),
    Cell("print(1); print(2)", (out("1\n"), out("2\n"))),
    Cell("print(1, file=sys.stderr); print(2)", (out("2\n"), out("1\n", "stderr"))),
    Cell("print(1, file=sys.stderr)", (out("1\n"),)),
    Cell("# NBVAL_IGNORE_OUTPUT\nprint(1)", (out("2\n"),)),
    Cell("print(1)\n    #  NBVAL_IGNORE_OUTPUT", (out("2\n"),)),
    Cell("# PYTEST_VALIDATE_IGNORE_OUTPUT\nprint(1)", (out("2\n"),)),
    Cell("# NBVAL_CHECK_OUTPUT\nprint(1)", (out("1\n"),)),
    Cell("# NBVAL_CHECK_OUTPUT\nprint(1)", (out("2\n"),)),
    Cell("print(1)", (out("2\n"),), ("nbval-ignore-output",)),
    Cell("print(1)", (out("2\n"),), ("nbval-check-output",)),
    Cell("# NBVAL_CHECK_OUTPUT\nprint(1)", (out("2\n"),), ("nbval-ignore-output",)),
    Cell("# NBVAL_IGNORE_OUTPUT\nprint(1)", (out("2\n"),), ("nbval-check-output",)),
    Cell("# NBVAL_CHECK_OUTPUT\n# NBVAL_IGNORE_OUTPUT\nprint(1)", (out("2\n"),)),
    Cell("# NBVAL_RAISES_EXCEPTION\n1 / 0", (_DIVISION,)),
    Cell("# NBVAL_RAISES_EXCEPTION\n1 / 0", ({**_ERROR, "evalue": "other"},)),
    Cell("# NBVAL_RAISES_EXCEPTION\n1", (_DIVISION,)),
    Cell("print('x'); 1 / 0", (out("x\n"), _DIVISION), ("raises-exception",)),
    Cell("1 / 0", (_DIVISION,), ("nbval-raises-exception",)),
    Cell("1 / 0", (_DIVISION,)),
    Cell("1 +", ()),
    Cell("print('after')", (out("after\n"),)),
    Cell("# NBVAL_SKIP\n1 / 0", (out("1\n"),)),
    Cell("skipped = 1", (), ("nbval-skip",)),
    Cell("skipped"),
    Cell("print('a')", (out("b\n"),), run=False),
    Cell("print('a')", (), run=False),
    Cell("display(Image(data=b'1', format='png'))", (shown(image_png="Mg==", text_plain="x"),)),
    Cell("display(HTML('<b>1</b>'))", (shown(text_html="<b>1</b>", text_plain="<x>"),)),
    Cell("display(HTML('<b>1</b>'))", (shown(text_html="<b>2</b>"),)),
    Cell("display(1); display(2)", (shown(text_plain="1"), shown(text_plain="2"))),
    Cell("display(1); display(2)", (shown(text_plain="2"), shown(text_plain="1"))),
    Cell("display(1); display(2)", (shown(text_plain="1"),)),
    Cell("display(1); 2", (result("1"), shown(text_plain="2"))),
    Cell("print('10%\\r100%')", (out("10%\r100%\n"),)),
    Cell("print('at 12:30')", (out("at 11:15\n"),)),
    Cell("''", (result("''"),)),
    Cell("", ()),
)
SANITIZE = "regex: \\d\\d:\\d\\d\nreplace: TIME\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nbval")
    node = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
    )
    node.cells.append(nbformat.v4.new_markdown_cell("# Title", id="title"))
    for number, cell in enumerate(CELLS):
        made = nbformat.v4.new_code_cell(cell.source, id=f"c{number}")
        made.outputs = [nbformat.from_dict(output) for output in cell.outputs]
        made.execution_count = number + 1 if cell.run else None
        made.metadata["tags"] = list(cell.tags)
        node.cells.append(made)
    nbformat.write(node, folder / "all.ipynb")
    (folder / "rules.cfg").write_text(SANITIZE)
    return folder


def theirs(project: Path, *flags: str) -> dict[str, str]:
    """What nbval says of each cell."""
    report = project / "report.xml"
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null"),
            *("--rootdir", str(project), f"--junitxml={report}", *flags, "all.ipynb"),
        ],
        cwd=project,
        capture_output=True,
        timeout=90,
        check=False,
    )
    found = {}
    for case in ET.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        ended = "failed" if kinds & {"failure", "error"} else "passed"
        found[f"c{case.attrib['name'].rpartition(' ')[2]}"] = (
            "skipped" if "skipped" in kinds else ended
        )
    return found


@pytest.mark.parametrize("flag", ["--nbval", "--nbval-lax"])
def test_our_verdicts_are_nbvals(project: Path, flag: str) -> None:
    rules = {"lax": flag == "--nbval-lax", "sanitize_with": ["rules.cfg"]}

    with NotebookExecutor(project) as executor:
        report = executor.validate("all.ipynb", regression=rules).regression

    assert report is not None
    ours = {cell.id: _OURS[cell.verdict] for cell in report.cells}
    assert ours == theirs(project, flag, "--nbval-sanitize-with=rules.cfg")
    assert set(ours.values()) == {"passed", "failed", "skipped"}
