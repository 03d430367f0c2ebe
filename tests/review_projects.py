"""Projects in real repositories, for tests of reviews: made file by file, commit by commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from tests.integration.repositories import git

ATTRIBUTES = "*.ipynb filter=nbstripout\n**/runs/**/*.ipynb !filter\n"
_KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


class Project:
    """A repository with a working tree; all paths are below its top."""

    def __init__(self, top: Path) -> None:
        self.top = top

    @classmethod
    def make(cls, top: Path, *arguments: str) -> Project:
        """A repository on ``main``, whose first commit has what git is to know of notebooks."""
        git(top.parent, "init", "--quiet", "--initial-branch=main", *arguments, str(top))
        project = cls(top)
        project.write(".gitattributes", ATTRIBUTES)
        project.write(".gitignore", ".nbx/\nruns/*\n!runs/reference/\n")
        project.commit()
        return project

    def write(self, path: str, text: str) -> None:
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def notebook(self, path: str, *cells: str, parameters: str = "", run: bool = False) -> None:
        """A notebook of code cells.

        Args:
            path: Where.
            cells: Their sources; what they print, if they are to have run, is after ``#>``.
            parameters: The source of a parameters cell before them.
            run: Whether they have outputs.
        """
        node = nbformat.v4.new_notebook(metadata={"kernelspec": _KERNELSPEC})
        if parameters:
            cell = nbformat.v4.new_code_cell(parameters, id="parameters")
            cell.metadata["tags"] = ["parameters"]
            node.cells.append(cell)
        for number, source in enumerate(cells):
            node.cells.append(_cell(number, source, run=run))
        self.write(path, nbformat.writes(node) + "\n")

    def commit(self, message: str = "a change") -> str:
        """Commit all, as a clone does that has no filter set up; the commit's id."""
        git(self.top, "add", "--all")
        git(self.top, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(self.top, "rev-parse", "HEAD")

    def branch(self, name: str) -> None:
        git(self.top, "checkout", "--quiet", "-b", name)

    def state(self) -> dict[str, Any]:
        """What a review must leave as it is: files with their times, the index, the objects.

        Of objects without their times: git freshens those that it finds it need not write again.
        """
        files = sorted(
            path
            for path in self.top.rglob("*")
            if ".nbx" not in path.parts and path.is_file() and not path.is_symlink()
        )
        return {
            str(path.relative_to(self.top)): (
                path.read_bytes(),
                None if "objects" in path.parts else path.stat().st_mtime_ns,
            )
            for path in files
        }


def _cell(number: int, source: str, *, run: bool) -> nbformat.NotebookNode:
    source, _, printed = source.partition("#>")
    cell: nbformat.NotebookNode = nbformat.v4.new_code_cell(source, id=f"cell-{number}")
    if run:
        cell.execution_count = number + 1
        if printed:
            cell.outputs = [nbformat.v4.new_output("stream", text=printed + "\n")]
    return cell
