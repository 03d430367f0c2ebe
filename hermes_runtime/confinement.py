"""Opening files below some roots and nowhere else, whoever moves things about meanwhile.

A path is resolved first and judged as what it has turned out to be. Then it is opened component by
component without following any symbolic link: what has become one since is an error, not a way out.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from hermes_runtime.tool_errors import ToolDeniedError, ToolError

# macOS has no O_PATH; a folder that may be passed but not listed cannot be passed there.
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENTER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Confinement:
    """The files below some folders.

    Args:
        roots: Absolute paths without symbolic links, as ``os.path.realpath`` gives them. They are
            not looked at again: a root that is replaced by a link leads nowhere.
        purpose: What is allowed below them, for messages: ``"read"``.
    """

    def __init__(self, roots: Sequence[str], purpose: str) -> None:
        self._roots = tuple(roots)
        self._purpose = purpose

    def resolve(self, path: str) -> str:
        """The absolute path that this one leads to now.

        Raises:
            ToolDeniedError: It is not below a root.
            ToolError: It cannot be a path.
        """
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError) as error:
            raise ToolError(f"{path!r} is no path: {error}") from None
        if self._root_of(real) is None:
            raise ToolDeniedError(
                f"{path!r} may not be {_DONE[self._purpose]}: it is {_led(path, real)}outside of "
                f"what the policy allows",
                hint=f"files.{self._purpose}: {', '.join(self._roots) or 'nothing'}",
            )
        return real

    def open(self, path: str) -> BinaryIO:
        """Open a regular file to read it; the caller closes it.

        Raises:
            ToolDeniedError: It is not below a root, or has other names that may not be.
            OSError: It cannot be opened.
        """
        real = self.resolve(path)
        with _folder(os.path.dirname(real)) as folder:
            descriptor = os.open(os.path.basename(real) or ".", _READ, dir_fd=folder)
        try:
            self._check_regular(path, real, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")

    def _check_regular(self, path: str, real: str, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
            raise ToolError(f"{path!r} is {kind}")
        root = self._root_of(real)
        # Below a mount point, all other names of a file are, too.
        if found.st_nlink > 1 and not (root and os.path.ismount(root)):
            raise ToolDeniedError(
                f"{path!r} may not be {_DONE[self._purpose]}: it is one of {found.st_nlink} hard "
                f"links to a file that may lie elsewhere",
                hint="Copy the file.",
            )

    def _root_of(self, real: str) -> str | None:
        return next((root for root in self._roots if _is_below(real, root)), None)

    def write(self, path: str, data: bytes) -> None:
        """Write a whole file at once, and the folders it is in: a reader sees the old or the new.

        Another name of the file (a hard link) keeps what it had.

        Raises:
            ToolDeniedError: It is not below a root.
            OSError: It cannot be written.
        """
        real = self.resolve(path)
        name = os.path.basename(real)
        with _folder(os.path.dirname(real), make=True) as folder:
            mode = _mode_of(name, folder)
            newborn = f".{name[:200]}.{secrets.token_hex(4)}"
            # The process's umask applies, as it would to any new file.
            descriptor = os.open(newborn, _CREATE, 0o666, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    if mode is not None:
                        os.fchmod(descriptor, mode)
                    file.write(data)
                os.replace(newborn, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(newborn, dir_fd=folder)
                raise

    def walk(self, path: str) -> Iterator[str]:
        """All files below a folder, or the file itself, in the order of their names.

        Nothing hidden (``.git``, ``.venv``), and no symbolic link, is followed or told.

        Yields:
            Absolute paths.
        """
        real = self.resolve(path)
        with _folder(os.path.dirname(real)) as above:
            found = os.stat(os.path.basename(real) or ".", dir_fd=above, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                yield real
                return
            with _opened(os.path.basename(real) or ".", above) as folder:
                yield from _walk(folder, real)


_DONE = {"read": "read", "write": "written"}


def _led(path: str, real: str) -> str:
    return "" if os.path.abspath(path) == real else f"{real!r}, "


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


@contextlib.contextmanager
def _folder(path: str, make: bool = False) -> Iterator[int]:
    """A descriptor of a folder, none of whose components is a symbolic link."""
    descriptor = os.open(os.sep, _PASS)
    try:
        for name in filter(None, path.split(os.sep)):
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=descriptor)
            deeper = os.open(name, _PASS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = deeper
        yield descriptor
    finally:
        os.close(descriptor)


def _mode_of(name: str, folder: int) -> int | None:
    """The permissions of a file that is to be replaced; None when there is none.

    Raises:
        OSError: It may not be written, or is not a regular file.
    """
    try:
        descriptor = os.open(name, _WRITE, dir_fd=folder)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise ToolError(f"{name!r} is not a regular file")
    return stat.S_IMODE(found.st_mode)


def _walk(folder: int, path: str) -> Iterator[str]:
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        inner = os.path.join(path, entry.name)
        if entry.is_dir(follow_symlinks=False):
            # Not to be entered, or something else by now.
            with contextlib.suppress(OSError), _opened(entry.name, folder) as deeper:
                yield from _walk(deeper, inner)
        elif entry.is_file(follow_symlinks=False):
            yield inner


@contextlib.contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    descriptor = os.open(name, _ENTER, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
