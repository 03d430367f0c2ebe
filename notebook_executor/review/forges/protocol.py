"""What every forge can do for a proposal; one class for each kind of forge does it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol

from notebook_executor.models import Record

Kind = Literal["gitea", "github"]
State = Literal["pending", "success", "failure", "error"]


@dataclass(frozen=True)
class Pull:
    """A pull request that is open."""

    number: int
    url: str
    title: str
    body: str
    head: str  # its branch
    base: str  # the branch it is for


@dataclass(frozen=True)
class Hosted:
    """A repository as the forge knows it."""

    url: str
    default_branch: str


@dataclass(frozen=True)
class Status:
    """What is said of a commit, under a name of its own.

    Attributes:
        state: ``error`` is of who says it, ``failure`` of what it is said of.
        context: The name.
        description: At most 140 characters.
        url: Where a reader finds more.
    """

    state: State
    context: str
    description: str
    url: str


class Link(Record):
    """A file that the forge keeps for its readers."""

    name: str
    url: str


class Forge(Protocol):
    """One repository on a forge.

    Every method blocks for a bounded time, and raises ``ForgeError`` when the forge refuses,
    cannot be reached, or answers what cannot be understood. A method that changes something may be
    called again after that: it looks at what is there first.
    """

    kind: Kind

    def __enter__(self) -> Forge: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def repository(self) -> Hosted:
        """The repository.

        Raises:
            ForgeError: There is none, it is archived, or the token may not push to it.
        """
        ...

    def find_pull(self, head: str, base: str) -> Pull | None:
        """The open pull request from a branch of this repository to another one."""
        ...

    def open_pull(self, head: str, base: str, title: str, body: str) -> Pull:
        """Open a pull request; where there is one already, that one is returned."""
        ...

    def update_pull(self, number: int, body: str) -> None:
        """Replace the text of a pull request."""
        ...

    def comment(self, number: int, marker: str, body: str) -> str:
        """Write a comment that begins with a marker, in the place of one that does; its URL."""
        ...

    def set_status(self, commit: str, status: Status) -> None:
        """Say a commit's status, if that is not what is said already."""
        ...

    def attach(self, number: int, name: str, content: bytes, replaces: str) -> Link | None:
        """Keep a file with a pull request; None: this forge does not.

        Args:
            number: Of the pull request.
            name: A file of this name is taken for this one, and is not sent again.
            content: The file.
            replaces: What the names of its earlier versions begin with; they are removed.
        """
        ...

    def file_url(self, commit: str, path: str) -> str:
        """Where a reader sees a file of a commit."""
        ...
