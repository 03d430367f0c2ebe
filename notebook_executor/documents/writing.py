"""From a notebook to a file that is either the old one or the whole new one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.documents.canonical import chunks
from notebook_executor.documents.schema import violations
from notebook_executor.documents.structure import format_version, invalid
from notebook_executor.errors import DocumentError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_HINTS = {
    errno.EACCES: "Write elsewhere, or have the permissions changed.",
    errno.EPERM: "Write elsewhere, or have the permissions changed.",
    errno.EROFS: "The file system is mounted read-only: write elsewhere.",
    errno.ENOSPC: "Free space on the disk, or write elsewhere.",
    errno.EDQUOT: "Free some of the quota, or write elsewhere.",
    errno.EFBIG: "A limit on the size of files is set (ulimit -f).",
    errno.EISDIR: "Name a file in that folder.",
    errno.ENOTDIR: "A part of the path is a file.",
    errno.EEXIST: "A part of the path is a file.",
    errno.ENOENT: "No folder can be made or used there: write elsewhere.",
    errno.EINVAL: "Name an ordinary file.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


def serialise(nb: NotebookNode) -> bytes:
    """The file of a notebook: what nbformat would write, with NaN and infinity as null.

    Lone surrogates are written as the escapes JSON has for them, so that the bytes are UTF-8
    whatever the notebook holds. The notebook is not changed.

    Raises:
        DocumentError: It holds something that JSON has no form for.
    """
    return b"".join(chunks(nb))


def write_notebook(nb: NotebookNode, path: str | os.PathLike[str]) -> None:
    """Check a notebook against its format's schema, then replace or make the file at once.

    Parent folders are made.

    Raises:
        DocumentError: The notebook is not valid (``details["place"]`` says where; the file is
            untouched), or the file cannot be written.
    """
    check_valid(nb, str(path))
    with translated(path):
        Path(os.path.realpath(path)).parent.mkdir(parents=True, exist_ok=True)
    write_bytes(chunks(nb), path)


def check_valid(nb: NotebookNode, name: str) -> None:
    """Hold a notebook against its format's schema.

    Raises:
        DocumentError: It is not valid; ``details["place"]`` says where.
    """
    major, minor = format_version(nb, name)
    if major != 4:
        problem, place = f"it is of nbformat {major}, not 4", "nbformat"
    elif broken := next(violations(nb, major, minor), None):
        problem, place = f"{broken.place}: {broken.message}", broken.place
    else:
        return
    raise invalid(
        name,
        f"not written, because the notebook is not valid: {problem}",
        hint="What read_notebook returns has unique ids and all required fields.",
        place=place,
    )


def write_bytes(
    data: bytes | Iterable[bytes],
    path: str | os.PathLike[str],
    check: Callable[[], None] | None = None,
    *,
    durable: bool = True,
) -> None:
    """Replace or make a file atomically: no reader ever sees a part of it.

    Symbolic links are followed; an existing file's mode and owner stay.

    Args:
        data: The content, whole or in pieces.
        path: An ordinary file in an existing folder, or one to be.
        check: Called when all is ready to be replaced; what it raises prevents that.
        durable: Whether it is on the disk when this returns, should the power fail.

    Raises:
        DocumentError: It cannot be written; the old file is intact and nothing else is left.
    """
    with translated(path):
        target = Path(os.path.realpath(path))
        replaced = _replaceable(target)
        with _temporary_beside(target) as temporary:
            with open(_create(temporary), "wb") as file:
                if replaced is not None:
                    _resemble(file.fileno(), replaced)
                file.writelines([data] if isinstance(data, bytes) else data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            if check is not None:
                check()
            temporary.replace(target)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Prove that a file can be written, by making and removing one beside it.

    Parent folders are made, and stay.

    Raises:
        DocumentError: It cannot; ``details["kind"]`` is ``output_error``.
    """
    with translated(path):
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        _replaceable(target)
        with _temporary_beside(target) as temporary:
            os.close(_create(temporary))


@contextlib.contextmanager
def translated(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        if "\0" in os.fspath(path):
            raise OSError(errno.EINVAL, "there is a null byte in the path")
        yield
    except OSError as exc:
        raise DocumentError(
            f"{path!s} cannot be written: {exc.strerror}",
            hint=_HINTS.get(exc.errno or 0, "Write elsewhere."),
            kind="output_error",
            path=str(path),
        ) from exc


def _replaceable(target: Path) -> os.stat_result | None:
    """What is there now, when it is a file that may be replaced.

    Renaming over a device or a read-only file succeeds: both must be looked at before.
    """
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not an ordinary file")
    effective = os.access in os.supports_effective_ids
    if not os.access(target, os.W_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, "the file is read-only")
    return found


@contextlib.contextmanager
def _temporary_beside(target: Path) -> Iterator[Path]:
    temporary = target.with_name(f".nbx-{os.urandom(8).hex()}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _create(temporary: Path) -> int:
    # Unlike tempfile's 0600, this mode is the one that the umask leaves.
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _resemble(descriptor: int, replaced: os.stat_result) -> None:
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, replaced.st_uid, replaced.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(replaced.st_mode))
