"""What can be done with a project's notebooks and runs without a kernel; it only delegates."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from nbformat import NotebookNode
    from pandas import DataFrame

    from notebook_executor.config import Settings
    from notebook_executor.documents.difference import NotebookDiff
    from notebook_executor.documents.editing import EditReport, EditsGiven
    from notebook_executor.documents.merge_report import NotebookMerge
    from notebook_executor.documents.outline import CellOutline
    from notebook_executor.documents.parameters_cell import Parameters
    from notebook_executor.documents.patching import PatchReport
    from notebook_executor.execution.history import Runs, StatusFilter
    from notebook_executor.references import Scraps

StrPath = str | os.PathLike[str]


class ProjectDocuments:
    """Reads, edits and compares the notebooks of one project.

    Args:
        root: The project's folder, which relative paths are below.
        settings: The operator's.

    Raises:
        UsageError: ``root`` is not a folder.
    """

    def __init__(self, root: StrPath, settings: Settings) -> None:
        self.settings = settings
        self.root = Path(os.path.abspath(root))
        if not self.root.is_dir():
            raise UsageError(f"The root {self.root} is not a folder", hint="Create it first.")

    def runs(
        self,
        *,
        notebook: StrPath | None = None,
        since: datetime | None = None,
        status: StatusFilter | None = None,
        sweep: str | None = None,
        schedule: str | None = None,
        limit: int | None = None,
    ) -> Runs:
        """The runs that are recorded in the project, the newest first.

        Args:
            notebook: Only runs of this file.
            since: Only runs that were asked for since; a time without zone is a local one.
            status: Only these; ``interrupted`` are those that were cut off or cancelled.
            sweep: Only runs of the sweep of this name.
            schedule: Only runs of the schedule's entry of this name.
            limit: So many at most.

        Raises:
            UsageError: There is no such status.
        """
        from itertools import islice

        from notebook_executor.execution.history import Runs, list_runs

        rows = list_runs(
            self.root,
            self.settings.state_dir,
            notebook=None
            if notebook is None
            else Path(os.path.abspath(self._below_root(notebook))),
            since=since,
            status=status,
            sweep=sweep,
            schedule=schedule,
        )
        return Runs(islice(rows, limit))

    def collect_outputs(self, notebook_path: StrPath) -> Scraps:
        """The scraps that an executed notebook holds, by name.

        As in a result, ``{"$scrap": …}`` stands for what JSON cannot hold, and asking for it by
        name (``scraps["orders"]``) loads it.

        Raises:
            DocumentError: The file is not a readable notebook.
        """
        from notebook_executor.execution.named_outputs import read_scraps

        return read_scraps(self._below_root(notebook_path))

    def collect_table(self, glob: str) -> DataFrame:
        """The scraps of many executed notebooks: a row each, sorted by path.

        The columns are ``path`` and ``scraps.NAME`` for each name; a column ``error`` appears
        where a file is no readable notebook, and says why. References stay references.

        Args:
            glob: Which files, relative to the root: ``"runs/**/*.ipynb"``; a folder means all
                notebooks below it.

        Raises:
            UsageError: pandas is not installed; the extra ``tables`` has it.
        """
        from notebook_executor.execution.named_outputs import collect_table

        return collect_table(self.root, os.fspath(glob))

    def inspect_parameters(self, notebook_path: StrPath) -> Parameters:
        """The parameters that a notebook declares: name to type, default and help.

        Raises:
            DocumentError: The file is not a readable notebook, or its parameters cell is not
                valid Python.
        """
        from notebook_executor.documents.parameters_cell import read_parameters

        return read_parameters(self.read_notebook(notebook_path))

    def read_notebook(self, path: StrPath) -> NotebookNode:
        """A notebook in the current format; older ones are upgraded in memory only.

        Raises:
            DocumentError: The file is missing, unreadable, or not a notebook.
        """
        from notebook_executor.documents.reading import read_notebook

        return read_notebook(self._below_root(path))

    def write_notebook(self, nb: NotebookNode, path: StrPath) -> None:
        """Validate a notebook and write it atomically.

        Raises:
            DocumentError: It is not valid, or cannot be written; the file is as it was before.
        """
        from notebook_executor.documents.writing import write_notebook

        write_notebook(nb, self._below_root(path))

    def diff_notebooks(
        self, path_a: StrPath, path_b: StrPath, *, noise: bool = False, lossless: bool = False
    ) -> NotebookDiff:
        """What changed from one notebook to another: nbdime's operations, and a summary.

        Args:
            path_a: The notebook to begin with.
            path_b: What it became.
            noise: Ids, execution counts, and what else differs from run to run, count too.
            lossless: So does every byte, and the difference is a patch that reproduces it.

        Raises:
            DocumentError: One of them is not a readable notebook.
        """
        from notebook_executor.documents.diffing import diff_notebooks

        a, b = self._below_root(path_a), self._below_root(path_b)
        return diff_notebooks(a, b, noise=noise, lossless=lossless)

    def patch(
        self, notebook_path: StrPath, diff: NotebookDiff | StrPath, output: StrPath | None = None
    ) -> PatchReport:
        """Apply a difference to the notebook that it was made of; to any other, nothing is done.

        Args:
            notebook_path: The notebook. Its ids, counts, and the outputs that the difference does
                not change, may be others than they were.
            diff: What ``diff_notebooks`` returned, or the path of a file of its JSON.
            output: Where the result goes; None for the notebook itself.

        Raises:
            DocumentError: The difference does not fit (``details["kind"]`` is ``does_not_fit``),
                or a file cannot be read or written. The notebook is as it was before.
        """
        from notebook_executor.documents.difference import NotebookDiff
        from notebook_executor.documents.patching import patch_notebook, read_diff

        if not isinstance(diff, NotebookDiff):
            diff = read_diff(self._below_root(diff))
        target = None if output is None else self._below_root(output)
        return patch_notebook(self._below_root(notebook_path), diff, target)

    def outline(self, path: StrPath) -> list[CellOutline]:
        """The cells of a notebook as an agent reads them; binary data never among it.

        Raises:
            DocumentError: The file is not a readable notebook.
        """
        from notebook_executor.documents.outline import outline

        return outline(self._below_root(path))

    def edit(self, path: StrPath, edits: EditsGiven, *, dry_run: bool = False) -> EditReport:
        """Apply a batch of edits to a notebook file: all of them, or none.

        Nothing else in the file changes, whatever program wrote it. Edits are models of
        ``notebook_executor.documents.edits`` or mappings with the same fields.

        Args:
            path: A notebook of nbformat 4.
            edits: One or several, applied one after another. Addresses mean the notebook as it
                was before the batch.
            dry_run: Only tell what would change.

        Raises:
            UsageError: One of them is not an edit.
            DocumentError: The file cannot be read or written, an edit cannot be done, or the
                notebook would not be valid afterwards; the file is as it was before.
            StaleEditError: An edit was made for something else than what is there now.
        """
        from notebook_executor.documents.editing import edit_notebook

        return edit_notebook(self._below_root(path), edits, dry_run=dry_run)

    def merge(
        self, base: StrPath, ours: StrPath, theirs: StrPath, output: StrPath | None = None
    ) -> NotebookMerge:
        """Bring together two notebooks that were made of one.

        Args:
            base: What both were made of; an empty file where there was nothing.
            ours: One of them; where both changed what cannot conflict (ids, counts), it counts.
            theirs: The other.
            output: Where the result goes, conflicts or not; None for nowhere: it is the
                ``notebook`` of what is returned.

        Raises:
            DocumentError: One of them is not a readable notebook, or the result cannot be
                written.
        """
        from notebook_executor.documents.merging import merge_notebooks

        target = None if output is None else self._below_root(output)
        base, ours, theirs = map(self._below_root, (base, ours, theirs))
        return merge_notebooks(base, ours, theirs, target)

    def _below_root(self, path: StrPath) -> Path:
        return self.root / path
