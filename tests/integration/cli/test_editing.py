"""``nbx show``, ``edit`` and ``strip``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from notebook_executor.documents.cells import source_hash

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx

PNG = "iVBORw0KGgo" * 1000


def executed() -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.from_dict(
        {
            "cell_type": "code",
            "id": "plot",
            "source": "plot()",
            "metadata": {},
            "execution_count": 2,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": f"x\n{PNG}\n"},
                {
                    "output_type": "display_data",
                    "data": {"image/png": PNG, "text/plain": "<Figure>"},
                    "metadata": {},
                },
            ],
        }
    )
    return made


def test_show(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    source = "x = 'Größe'\ny = 2"
    make_notebook((source, "parameters"), executed())

    plain, as_json = nbx("show", "notebook.ipynb"), nbx("show", "notebook.ipynb", "--json")
    one = nbx("show", "notebook.ipynb", "tag:parameters")
    brief = nbx("show", "notebook.ipynb", "--llm=60")
    unknown = nbx("show", "notebook.ipynb", "plt")

    assert plain.stdout.splitlines() == [
        f"[0] cell-0 code {source_hash(source)} #parameters",
        "    x = 'Größe'",
        "    y = 2",
        f"[1] plot code {source_hash('plot()')}",
        "    plot()",
        "  → x [base64, 11,000 characters] <Figure> [image/png, 11,000 characters]",
    ]
    found = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [cell["id"] for cell in found] == ["cell-0", "plot"]
    assert set(found[0]) == {
        *("index", "id", "hash", "type", "tags", "source", "output_preview", "stale"),
    }
    assert "iVBOR" not in as_json.stdout
    assert one.stdout == "\n".join(plain.stdout.splitlines()[:3]) + "\n"
    assert 0 < len(brief.stdout) <= 60
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "hint: Did you mean plot?" in unknown.stderr


@pytest.mark.parametrize(
    ("flags", "sources"),
    [
        (("replace_source", "--cell", "cell-0", "--source", "X"), ["X", "b"]),
        (("find-replace", "--find", "b", "--replace", "B"), ["a", "B"]),
        (
            ("insert_after", "--cell", "0", "--source", "n", "--id", "n", "--tag", "t"),
            ["a", "n", "b"],
        ),
        (("append", "--type", "markdown", "--source", "# T", "--metadata", '{"k": 1}'), None),
        (("move", "--cell", "1", "--before", "0"), ["b", "a"]),
        (("set_tags", "--cell", "0"), ["a", "b"]),
    ],
)
def test_edit_by_flags(
    nbx: Nbx, make_notebook: MakeNotebook, flags: tuple[str, ...], sources: list[str] | None
) -> None:
    path = make_notebook("a", "b")

    done = nbx("edit", "notebook.ipynb", *flags)

    assert (done.returncode, done.stderr) == (0, "")
    found = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    assert found == (sources or ["a", "b", "# T"])


def test_edit_by_a_batch_and_back(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    path = make_notebook(("x = 1", "parameters"), "b")
    before = path.read_bytes()
    batch = [
        {"op": "set_parameter", "name": "x", "value": "ü"},
        {"op": "replace_source", "cell": "cell-1", "source": "B"},
    ]
    given = json.dumps(batch).encode()

    dry = nbx("edit", "notebook.ipynb", "--dry-run", stdin=given)
    assert path.read_bytes() == before
    done = nbx("edit", "notebook.ipynb", "--json", stdin=given)

    assert dry.stdout.splitlines()[1:] == [
        "~ cells[0] cell-0",
        "  @@ -1 +1 @@",
        "  -x = 1",
        "  +x = 'ü'",
        "~ cells[1] cell-1",
        "  @@ -1 +1 @@",
        "  -b",
        "  +B",
    ]
    report = json.loads(done.stdout)
    assert report["changed"] is True
    (tmp_path / "back.json").write_text(json.dumps(report["inverse"]))
    back = nbx("edit", "notebook.ipynb", "--edits", "back.json", "--llm=30")
    assert 0 < len(back.stdout) <= 30
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("delet", "--cell", "0"), b"", "hint: Did you mean delete?"),
        (("delete", "--cell", "0", "--if-hash", "0"), b"", "It reads now:\na\n"),
        (("--cell", "0"), b"[]", "error: Flags of an edit need an operation"),
        ((), b"[{", "error: standard input is not JSON"),
        (("--edits", "no.json"), b"", "error: no.json cannot be read"),
        ((), b'[{"op": "append", "source": 5}]', "error: edits[0].source: "),
    ],
)
def test_an_edit_that_cannot_be(
    nbx: Nbx, make_notebook: MakeNotebook, arguments: tuple[str, ...], stdin: bytes, said: str
) -> None:
    path = make_notebook("a")
    before = path.read_bytes()

    done = nbx("edit", "notebook.ipynb", *arguments, stdin=stdin)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert path.read_bytes() == before


def test_strip(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    path, kept = make_notebook(executed()), make_notebook(executed(), name="runs/kept.ipynb")
    before = path.read_bytes()

    check = nbx("strip", "--check", ".")
    assert (check.returncode, check.stdout) == (5, "not stripped: notebook.ipynb\n")
    piped = nbx("strip", stdin=before)
    done = nbx("strip", ".", "runs/kept.ipynb")

    assert (done.returncode, done.stdout) == (0, "stripped: notebook.ipynb\n")
    assert path.read_text() == piped.stdout
    assert PNG not in piped.stdout
    assert kept.read_bytes() == before
    assert (nbx("strip", "--check", ".").returncode, nbx("strip", ".").stdout) == (0, "")
    (tmp_path / "broken.ipynb").write_text("{")
    broken = nbx("strip", "--json", ".")
    assert broken.returncode == 2
    told = [json.loads(line) for line in broken.stdout.splitlines()]
    assert [line["error"] is None for line in told] == [False, True]
    assert nbx("strip", "no.ipynb").returncode == nbx("strip", stdin=b"{").returncode == 2
