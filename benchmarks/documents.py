"""Documents: the same job done by us and by the library that others use for it, in turns."""

from __future__ import annotations

import argparse
import base64
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat

_LIMIT = 900
_SCRAPS = 9


@dataclass(frozen=True)
class Row:
    """One job's seconds, a list each, in the order they were taken."""

    name: str
    peer: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def factor(self) -> float:
        return statistics.median(self.theirs) / statistics.median(self.ours)


def taken(job: Callable[..., None], *arguments: object) -> float:
    """Seconds that a job takes."""
    began = time.perf_counter()
    job(*arguments)
    return time.perf_counter() - began


def strip_many(folder: Path, repetitions: int, count: int = 200) -> Row:
    """Strip executed notebooks: ``nbx strip FOLDER``, and nbstripout called for each."""
    row = Row(f"strip of {count} notebooks", f"{count} calls of nbstripout")
    for _ in range(repetitions):
        ours, theirs = _executed(folder / "ours", count), _executed(folder / "theirs", count)
        row.ours.append(taken(_run, "notebook_executor.cli.main", "strip", str(ours)))
        row.theirs.append(taken(_call_nbstripout, theirs))
        for path in (*_in(ours), *_in(theirs)):
            assert not any(cell.outputs for cell in nbformat.read(path, as_version=4).cells)
        shutil.rmtree(ours)
        shutil.rmtree(theirs)
    return row


def _call_nbstripout(folder: Path) -> None:
    for path in _in(folder):
        _run("nbstripout", str(path))


def scraps_of_many(folder: Path, repetitions: int, count: int = 200) -> Row:
    """Read the scraps of executed notebooks, tables decoded to DataFrames on both sides."""
    import scrapbook

    from notebook_executor import NotebookExecutor

    def ours() -> None:
        executor = NotebookExecutor(folder)
        for path in _in(folder):
            found = executor.collect_outputs(path)
            assert len([found[name] for name in found]) == _SCRAPS

    def theirs() -> None:
        book = scrapbook.read_notebooks(str(folder))
        assert all(len(scraps) == _SCRAPS for scraps in book.notebook_scraps.values())

    _glued(folder, count)
    row = Row(f"scraps of {count} notebooks, tables decoded", "scrapbook")
    for repetition in range(repetitions + 1):
        seconds = taken(ours), taken(theirs)
        if repetition:  # the first one loads what is needed
            row.ours.append(seconds[0])
            row.theirs.append(seconds[1])
    return row


def table_of_many(folder: Path, repetitions: int, count: int = 200) -> Row:
    """Make one DataFrame of the scraps of executed notebooks."""
    import pandas
    import scrapbook

    from notebook_executor import NotebookExecutor

    def ours() -> None:
        assert len(NotebookExecutor(folder).collect_table("*.ipynb")) == count

    def theirs() -> None:
        book = scrapbook.read_notebooks(str(folder)).notebook_scraps
        assert len(pandas.DataFrame([scraps.data_dict for scraps in book.values()])) == count

    _glued(folder, count)
    row = Row(f"a table of {count} notebooks' scraps", "scrapbook")
    for repetition in range(repetitions + 1):
        seconds = taken(ours), taken(theirs)
        if repetition:
            row.ours.append(seconds[0])
            row.theirs.append(seconds[1])
    return row


def _glued(folder: Path, count: int) -> None:
    """Notebooks of 20 cells that have printed, of which nine have glued something, too."""
    import pandas

    from hermes_runtime.binary import table_output
    from hermes_runtime.formats import data_output

    table = pandas.DataFrame({"host": [f"host-{row}" for row in range(20)], "load": [0.5] * 20})
    for path in _in(_executed(folder / "made", count)):
        outputs = [
            data_output("score", "json", 0.94),
            data_output("who", "text", path.stem),
            data_output("rows", "json", [{"host": "a", "load": 0.5}] * 10),
            *(data_output(f"count_{number}", "json", number) for number in range(5)),
            table_output("table", table),
        ]
        notebook = nbformat.read(path, as_version=4)
        for cell, output in zip(notebook.cells, outputs, strict=False):
            cell.outputs.append(nbformat.v4.new_output("display_data", **output))
        nbformat.write(notebook, folder / path.name)
    shutil.rmtree(folder / "made")


def _in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ipynb"))


def _executed(folder: Path, count: int) -> Path:
    """Notebooks of 20 cells that have printed 1 kB each."""
    folder.mkdir()
    text = nbformat.v4.new_output("stream", name="stdout", text="0123456789\n" * 93)
    for number in range(count):
        cells = [
            nbformat.v4.new_code_cell(f"print({cell})", execution_count=1, outputs=[text])
            for cell in range(20)
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{number:03}.ipynb")
    return folder


def diff_few(folder: Path, repetitions: int) -> Row:
    """Compare notebooks of 500 cells and 50 MB of images; 50 images and 20 sources differ."""
    return _diff("a few cells edited", folder, repetitions, every=10)


def diff_all(folder: Path, repetitions: int) -> Row:
    """The same where each image differs, as after another run."""
    return _diff("run again, each image another", folder, repetitions, every=1)


def _diff(what: str, folder: Path, repetitions: int, every: int) -> Row:
    """Both read the files; what they import is loaded before."""
    import nbdime

    from notebook_executor.documents.diffing import diff_notebooks

    a, b = _illustrated(folder / "a.ipynb"), _illustrated(folder / "b.ipynb", every)

    def ours() -> None:
        assert diff_notebooks(a, b).summary.outputs_changed == 500 // every

    def theirs() -> None:
        nodes = [nbformat.read(path, as_version=4) for path in (a, b)]
        assert nbdime.diff_notebooks(*nodes)

    row = Row(f"diff, 500 cells and 50 MB of images: {what}", "nbdime")
    for _ in range(repetitions):
        row.ours.append(taken(ours))
        row.theirs.append(taken(theirs))
    return row


def _illustrated(path: Path, every: int = 0) -> Path:
    """A notebook of 500 cells with an image of 100 kB each.

    Args:
        path: Where it goes.
        every: Each so manieth image is another one, and each 25th source; 0 for none.
    """
    lots, other = random.Random(5), random.Random(6)
    cells = []
    for number in range(500):
        source = "\n".join(f"x{number}_{n} = compute({lots.random()})" for n in range(8))
        image = lots.randbytes(75_000)
        if every and number % 25 == 0:
            source = source.replace("compute", "calculate", 1)
        if every and number % every == 0:
            image = other.randbytes(75_000)
        data = {"image/png": base64.b64encode(image).decode() + "\n", "text/plain": "<Figure>"}
        outputs = [
            nbformat.v4.new_output("stream", name="stdout", text=f"step {number}\n" * 20),
            nbformat.v4.new_output("display_data", data=data),
        ]
        cells.append(
            nbformat.v4.new_code_cell(
                source, id=f"c{number}", execution_count=number + 7 * every, outputs=outputs
            )
        )
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def _run(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", *words], check=True, timeout=_LIMIT, stdout=subprocess.DEVNULL
    )


MEASUREMENTS: dict[str, Callable[[Path, int], Row]] = {
    "strip": strip_many,
    "scraps": scraps_of_many,
    "table": table_of_many,
    "diff-few": diff_few,
    "diff-all": diff_all,
}


def table(rows: list[Row]) -> str:
    header = "| job | ours s | the other s | times faster than |\n|---|---|---|---|"
    lines = [
        f"| {row.name} | {statistics.median(row.ours):.2f} | {statistics.median(row.theirs):.2f} "
        f"| {row.factor():.1f}: {row.peer} |"
        for row in rows
    ]
    return "\n".join([header, *lines])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.documents", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MEASUREMENTS)}; all, if none")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args()
    rows = []
    for name in options.names or MEASUREMENTS:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as made:
            rows.append(MEASUREMENTS[name](Path(made), options.repetitions))
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
