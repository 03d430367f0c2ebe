"""Named outputs as files: kept in a run's record, read from notebooks, joined to tables."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.reading import parse_json, parse_notebook, read_file
from notebook_executor.documents.writing import translated, write_bytes
from notebook_executor.errors import DocumentError
from notebook_executor.references import Scraps, is_reference, tables_module
from notebook_executor.scraps.collecting import CollectedScraps, collect_scraps
from notebook_executor.text import one_line

if TYPE_CHECKING:
    from pandas import DataFrame

_LONGEST_NAME = 60
_UNSAFE = re.compile(r"[^\w.+-]+")


def keep_payloads(collected: CollectedScraps, directory: Path | None) -> list[str]:
    """Write what references stand for into files, and their paths into the references.

    What cannot be written keeps the path None.

    Args:
        collected: Its references are completed.
        directory: Made when it is needed; None where there is nowhere to write.

    Returns:
        One warning for each file that could not be written.
    """
    warnings = []
    suffixes = {name: payload.suffix for name, payload in collected.payloads.items()}
    names = _file_names(suffixes) if directory else {}
    for name, file in names.items():
        assert directory is not None
        path = directory / file
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path.write_bytes(collected.payloads[name].content())
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or error
            warnings.append(f"The data of scrap {name!r} could not be kept in {path}: {problem}")
        else:
            collected.values[name]["path"] = str(path)
    return warnings


def save_scraps(scraps: Scraps, directory: Path) -> list[Path]:
    """Write what references stand for into a directory, which is made; returns the files.

    Raises:
        DocumentError: The data of one is gone, or a file cannot be written.
    """
    contents = {name: scraps.content(name) for name, value in scraps.items() if is_reference(value)}
    names = _file_names({name: suffix for name, (suffix, _) in contents.items()})
    for name, file in names.items():
        with translated(directory / file):
            directory.mkdir(parents=True, exist_ok=True)
        write_bytes(contents[name][1], directory / file)
    return [directory / file for file in names.values()]


def _file_names(suffixes: dict[str, str]) -> dict[str, str]:
    """A file's name for each scrap: its own where a file can have it, numbered where two clash."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for name, suffix in suffixes.items():
        stem = _UNSAFE.sub("_", name)[:_LONGEST_NAME].strip(".") or "scrap"
        numbered = (f"{stem}-{number}{suffix}" for number in itertools.count(2))
        file = stem + suffix
        while file.casefold() in taken:
            file = next(numbered)
        taken.add(file.casefold())
        names[name] = file
    return names


def read_scraps(path: str | os.PathLike[str]) -> Scraps:
    """The scraps of an executed notebook, straight from its JSON where that is as it should be.

    Raises:
        DocumentError: The file is not a readable notebook.
    """
    data = read_file(path)
    raw: Any = parse_json(data, str(path))
    notebook = raw if _is_sound(raw) else parse_notebook(data, str(path))
    values, _, payloads = collect_scraps(notebook)
    return Scraps(values, payloads)


def _is_sound(raw: Any) -> bool:
    """Whether a file's JSON is a notebook of format 4 as far as scraps are concerned."""
    if not isinstance(raw, dict) or raw.get("nbformat") != 4:
        return False
    cells = raw.get("cells")
    return isinstance(cells, list) and all(map(_is_sound_cell, cells))


def _is_sound_cell(cell: Any) -> bool:
    if not isinstance(cell, dict):
        return False
    outputs = cell.get("outputs", [])
    return isinstance(outputs, list) and all(
        isinstance(output, dict)
        and isinstance(output.get("data", {}), dict)
        and isinstance(output.get("metadata", {}), dict)
        for output in outputs
    )


def read_many(root: Path, pattern: str) -> Iterator[tuple[str, Scraps | DocumentError]]:
    """Each notebook that a pattern names, sorted by path, with its scraps or why it has none.

    Args:
        root: What the pattern, and the paths that are told, are relative to.
        pattern: As in the shell, ``**`` for any number of folders; a folder means all notebooks
            below it. Checkpoints of Jupyter are left out.
    """
    if (root / pattern).is_dir():
        pattern = f"{glob.escape(pattern)}/**/*.ipynb"
    # Path.glob takes no absolute patterns.
    for path in sorted(glob.iglob(pattern, root_dir=root, recursive=True)):  # noqa: PTH207
        if ".ipynb_checkpoints" in Path(path).parts or (root / path).is_dir():
            continue
        try:
            yield path, read_scraps(root / path)
        except DocumentError as error:
            yield path, error


def collect_table(root: Path, pattern: str) -> DataFrame:
    """A row for each notebook that a pattern names: ``path``, and ``scraps.NAME`` for each scrap.

    Where a file is no readable notebook its row says why, in a further column ``error``.
    """
    pandas = tables_module("pandas")
    rows = list(read_many(root, pattern))
    columns = ["path"]
    if any(isinstance(found, DocumentError) for _, found in rows):
        columns.append("error")
    columns += dict.fromkeys(
        f"scraps.{name}" for _, found in rows if isinstance(found, Scraps) for name in found
    )
    table: DataFrame = pandas.DataFrame([_row(*row) for row in rows], columns=columns)
    return table


def _row(path: str, found: Scraps | DocumentError) -> dict[str, Any]:
    if isinstance(found, DocumentError):
        return {"path": path, "error": one_line(found.message, 500)}
    return {"path": path, **{f"scraps.{name}": value for name, value in found.items()}}
