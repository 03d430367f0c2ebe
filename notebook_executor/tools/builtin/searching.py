"""Searching files, within what the policy allows, in a process that can be ended."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_executor.tools.builtin.errors import translated
from notebook_executor.tools.builtin.worker import work_apart
from notebook_executor.tools.tool import Call

_WORK = "hermes_runtime.searching:search_apart"
_SECONDS = 60.0


def search_files(
    call: Call,
    pattern: str,
    path: str = ".",
    target: Literal["content", "files"] = "content",
    file_glob: str | None = None,
    limit: Annotated[int, Field(ge=1, le=10_000)] = 50,
    context: Annotated[int, Field(ge=0, le=20)] = 0,
) -> dict[str, Any]:
    """Search the lines of files for a regular expression: matches, total_count, truncated.

    A match is path, line, content, and before and after where context is wanted. With
    target="files" pattern is a glob for names, and a match is a path. What is hidden, binary, or
    may not be read is passed over. path: a folder, or a file.
    """
    absolute = str(call.cwd / path)
    with translated():
        call.policy.files.readable.resolve(absolute)
    wanted = {
        "pattern": pattern,
        "path": absolute,
        "shown": path,
        "target": target,
        "file_glob": file_glob,
        "limit": limit,
        "context": context,
    }
    payload = {"roots": call.policy.files.read, "wanted": wanted}
    found: dict[str, Any] = work_apart(
        call, "hermes_runtime.searching:search_apart", payload, _SECONDS
    )
    return found
