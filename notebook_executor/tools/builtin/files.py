"""Reading, writing and changing files, within what the policy allows."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hermes_runtime.text_files import read_lines, replace_text, write_text
from notebook_executor.tools.builtin.errors import translated
from notebook_executor.tools.tool import Call


def read_file(
    call: Call,
    path: str,
    offset: Annotated[int, Field(ge=1)] = 1,
    limit: Annotated[int, Field(ge=1, le=100_000)] = 2000,
) -> dict[str, Any]:
    """Read lines of a text file: content (NUMBER|TEXT a line), total_lines, file_size, truncated.

    path: relative to the notebook's working directory. offset: the first line, counted from 1.
    limit: how many lines at most.
    """
    with translated(repr(path)):
        return read_lines(call.policy.files.readable, _absolute(call, path), offset, limit)


def write_file(call: Call, path: str, content: str) -> dict[str, Any]:
    """Write a text file, whole and at once, and the folders it is in: path, bytes_written."""
    with translated(repr(path)):
        told = write_text(call.policy.files.writable, _absolute(call, path), content)
    return {**told, "path": path}


def patch(call: Call, path: str, old: str, new: str, replace_all: bool = False) -> dict[str, Any]:
    """Replace a piece of a text file that is there exactly once: path, replaced, diff.

    replace_all: replace all there are. The file must be readable and writable by the policy.
    """
    files = call.policy.files
    with translated(repr(path)):
        change = (old, new, replace_all)
        told = replace_text(files.readable, files.writable, _absolute(call, path), change)
    return {**told, "path": path}


def _absolute(call: Call, path: str) -> str:
    return str(call.cwd / path)
