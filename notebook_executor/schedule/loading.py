"""Entries from files: which ones there are, and where each mistake stands."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from notebook_executor.errors import UsageError
from notebook_executor.models import Record
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.problems import Problem, Source, explain
from notebook_executor.schedule.yaml_places import YamlError, place_of, read_documents

SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 64 * 1024 * 1024


class Loaded(Record):
    """What files of entries hold.

    Attributes:
        entries: The valid ones, in the order of files and of places in them.
        problems: Why others are not there; each stands for itself.
        files: All that were read, or should have been; a file with a problem may hold entries too.
    """

    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    sources: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    def source(self, name: str) -> Source:
        """Where the entry of this name stands."""
        found: Source = self.sources[name]
        return found

    def entry(self, name: str) -> Entry:
        """The entry of this name.

        Raises:
            UsageError: There is none, or it has a mistake.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        for problem in self.problems:
            if problem.entry == name:
                raise UsageError(f"The entry {name!r} is not valid: {problem}", hint=problem.hint)
        names = [entry.name for entry in self.entries]
        close = difflib.get_close_matches(name, names, n=1)
        raise UsageError(
            f"There is no entry {name!r:.100}",
            hint=f"Did you mean {close[0]}?" if close else "nbx schedule list shows all.",
        )


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The files that paths mean: themselves, and of folders what ends in .yaml, .yml or .json.

    Hidden files and folders are left out; each file comes once, in the order of names.

    Raises:
        UsageError: A path does not exist.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(
                f"There is no {path}", hint="Name files of entries, or a folder that holds some."
            )
        for file in _below(path) if path.is_dir() else [path]:
            found[Path(os.path.abspath(file))] = None
    return list(found)


def _below(folder: Path) -> Iterable[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(at, name)


def load_entries(paths: Iterable[str | os.PathLike[str]]) -> Loaded:
    """Read entries: one a document or a list of them, several documents a file, folders of files.

    A mistake keeps its entry out, and no other one; a file that is not YAML is left out whole. Of
    two entries with one name the first one stays.

    Raises:
        UsageError: A path does not exist.
    """
    files = find_files(paths)
    loading = _Loading()
    for file in files:
        loading.read(file)
    return Loaded.model_construct(
        entries=tuple(loading.entries.values()),
        problems=tuple(loading.problems),
        files=tuple(map(str, files)),
        sources=loading.sources,
    )


class _Loading:
    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.sources: dict[str, Source] = {}
        self.problems: list[Problem] = []

    def read(self, file: Path) -> None:
        shown = os.fsencode(file).decode("utf-8", "replace")
        try:
            documents = read_documents(_text(file))
        except YamlError as error:
            line, column = error.place
            self.problems.append(
                Problem(file=shown, line=line, column=column, message=error.message)
            )
            return
        for document in documents:
            if isinstance(document.value, list):
                for number, value in enumerate(document.value):
                    self._add(value, Source(shown, document, (number,)))
            else:
                self._add(document.value, Source(shown, document, ()))

    def _add(self, value: Any, source: Source) -> None:
        if not isinstance(value, dict):
            told = f"an entry is a mapping, not {_kind(value)}"
            self.problems.append(
                source.problem(None, told, hint="Give it name, schedule and path.")
            )
            return
        try:
            entry = Entry.model_validate(value)
        except ValidationError as error:
            self.problems += explain(error, value, source)
            return
        if entry.name in self.entries:
            other = self.sources[entry.name]
            told = f"the name {entry.name} is taken, by {other.file}:{other.find('name')[0]}"
            self.problems.append(
                source.problem(entry.name, told, "name", hint="Names are unique in all files.")
            )
            return
        self.entries[entry.name] = entry
        self.sources[entry.name] = source


def _text(file: Path) -> str:
    """What a file holds.

    Raises:
        YamlError: It cannot be read, is too large, or not UTF-8.
    """
    try:
        if not file.is_file():
            raise YamlError("not a file", (1, 1))
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise YamlError(f"cannot be read: {error.strerror}", (1, 1)) from error
    if len(data) > _LARGEST:
        raise YamlError(f"larger than {_LARGEST // 1024**2} MiB", (1, 1))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = place_of(data[: error.start].decode("utf-8-sig"), error.start)
        raise YamlError("not UTF-8", place) from error


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
