"""The notebooks that git tracks: which there are, what is in them, and which attributes they have.

What the index holds counts: it is what has been checked out, and what is committed next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from notebook_executor.git.repository import GitError, Repository

ATTRIBUTES: Mapping[str, str] = {
    "filter": "nbstripout",
    "diff": "jupyternotebook",
    "merge": "jupyternotebook",
}
# A name that no notebook has, for what the attributes say of notebooks in general.
PROBE = "nbx-probe.ipynb"
_NOTEBOOKS = ":(top,glob)**/*.ipynb"
_FILES = ("100644", "100755")  # modes; a link's content is where it points to
_AT_ONCE = 50  # files whose content is held in memory


@dataclass(frozen=True)
class Tracked:
    """A notebook of the index.

    Attributes:
        path: Below the repository's top.
        blob: The id of its content.
    """

    path: str
    blob: str


def tracked_notebooks(repository: Repository) -> list[Tracked]:
    """The notebooks in the index, but those of which it holds several versions, or none yet."""
    told = repository.output("ls-files", "--stage", "-z", "--", _NOTEBOOKS)
    empty = repository.text("hash-object", "--stdin")
    found = []
    for entry in _decoded(told):
        what, _, path = entry.partition("\t")
        mode, blob, stage = what.split(" ")
        if mode in _FILES and stage == "0" and blob != empty:
            found.append(Tracked(path, blob))
    return found


def attributes(
    repository: Repository, paths: Iterable[str], *settings: str
) -> dict[str, dict[str, str]]:
    """What git's attributes say of paths, by path and by attribute.

    Args:
        repository: Whose.
        paths: Below its top; they need not exist.
        settings: Configuration for this question, as git's own ``-c name=value``.
    """
    asked = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    told = repository.output(*settings, "check-attr", "-z", "--stdin", *ATTRIBUTES, stdin=asked)
    words = iter(_decoded(told))
    found: dict[str, dict[str, str]] = {}
    while triple := list(islice(words, 3)):
        path, name, value = triple
        found.setdefault(path, {})[name] = value
    return found


def stripped_by_rule(
    repository: Repository, notebooks: Iterable[Tracked]
) -> tuple[list[Tracked], bool]:
    """Those that the attributes want stripped, and whether they want it of notebooks at all."""
    listed = list(notebooks)
    found = attributes(repository, [*(notebook.path for notebook in listed), PROBE])
    wanted = ATTRIBUTES["filter"]
    chosen = [notebook for notebook in listed if found[notebook.path]["filter"] == wanted]
    return chosen, bool(chosen) or found[PROBE]["filter"] == wanted


def contents(
    repository: Repository, notebooks: Iterable[Tracked]
) -> Iterator[tuple[Tracked, bytes]]:
    """The notebooks with what git keeps of them: the outputs of those that were not stripped, too.

    Raises:
        GitError: An object is missing.
    """
    left = iter(notebooks)
    while some := list(islice(left, _AT_ONCE)):
        asked = "".join(f"{notebook.blob}\n" for notebook in some).encode()
        told = repository.output("cat-file", "--batch", stdin=asked)
        at = 0
        for notebook in some:
            start, end = _place(told, at, notebook)
            at = end + 1
            yield notebook, told[start:end]


def _place(told: bytes, at: int, notebook: Tracked) -> tuple[int, int]:
    """Where a content begins and ends, by the line that stands before it."""
    end = told.index(b"\n", at)
    head = told[at:end].decode()
    _, _, size = head.rpartition(" ")
    if not size.isdecimal():
        raise GitError(f"the content of {notebook.path} is not here: {head}", said=head)
    return end + 1, end + 1 + int(size)


def _decoded(told: bytes) -> list[str]:
    return told.decode("utf-8", "surrogateescape").split("\0")[:-1]
