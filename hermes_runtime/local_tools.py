"""The tools without a run, for a notebook that is opened by hand.

They are carried out by the kernel itself, as its user: without policy, without a record, and what a
command leaves behind in another session stays. The web is not among them: its tools need packages.
"""

from __future__ import annotations

import inspect
import os
import shlex
import shutil
from typing import Any, Callable

from hermes_runtime.confinement import Confinement
from hermes_runtime.running import run_here
from hermes_runtime.searching import Search, find_ripgrep, search
from hermes_runtime.text_files import read_lines, replace_text, write_text
from hermes_runtime.tool_errors import ToolError, ToolsUnavailableError

_READABLE = Confinement((os.sep,), "read")
_WRITABLE = Confinement((os.sep,), "write")
_in_use = False


def use_local_tools() -> None:
    """Have this kernel carry out the tools by itself, where there is no run to do it.

    For notebooks opened by hand, as in JupyterLab: ``terminal``, ``read_file``, ``write_file``,
    ``search_files`` and ``patch`` then do what they do in a run whose policy allows everything.
    Within a run this changes nothing: its tools and its policy are used, or it has none.
    """
    global _in_use
    _in_use = True


def in_use() -> bool:
    """Whether ``use_local_tools`` was called."""
    return _in_use


def call_local(tool: str, arguments: dict[str, Any]) -> Any:
    """Carry out a call here.

    Raises:
        ToolError: It failed, or there is no such tool here.
    """
    if tool not in _TOOLS:
        raise ToolsUnavailableError(
            f"without a run there is no tool {tool!r}",
            tool=tool,
            hint=f"There are {', '.join(_TOOLS)}; nbx run --policy FILE has all.",
        )
    function = _TOOLS[tool]
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise ToolError(str(error), tool=tool) from None
    try:
        return function(**arguments)
    except ToolError as error:
        raise type(error)(error.message, tool=tool, hint=error.hint) from None
    except (OSError, ValueError, TypeError) as error:
        raise ToolError(str(error), tool=tool) from error


def local_tools() -> list[dict[str, Any]]:
    """What there is, as ``tools()`` tells it."""
    return [_described(name, function) for name, function in _TOOLS.items()]


def _described(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {
        "name": name,
        "description": inspect.getdoc(function) or "",
        "parameters": {
            "type": "object",
            "properties": {
                one.name: {} if one.default is one.empty else {"default": one.default}
                for one in parameters
            },
            "required": [one.name for one in parameters if one.default is one.empty],
        },
        "source": "local",
    }


def _terminal(command: Any, timeout: float = 180, workdir: str | None = None) -> dict[str, Any]:
    """Run a command in a shell."""
    if not isinstance(command, str):
        command = " ".join(map(shlex.quote, command))
    shell = shutil.which("bash") or shutil.which("sh") or "sh"
    return run_here([shell, "-c", command], os.path.abspath(workdir or "."), timeout)


def _read_file(path: str, offset: int = 1, limit: int = 2000) -> dict[str, Any]:
    """Read lines of a text file."""
    if offset < 1 or limit < 1:
        raise ToolError("offset and limit are counted from 1")
    return read_lines(_READABLE, path, offset, limit)


def _write_file(path: str, content: str) -> dict[str, Any]:
    """Write a text file, whole, and the folders it is in."""
    return write_text(_WRITABLE, path, content)


def _search_files(
    pattern: str,
    path: str = ".",
    target: str = "content",
    file_glob: str | None = None,
    limit: int = 50,
    context: int = 0,
) -> dict[str, Any]:
    """Search the lines of files, or their names."""
    wanted = Search(pattern, os.path.abspath(path), path, target, file_glob, limit, context)
    return search(_READABLE, wanted, find_ripgrep())


def _patch(path: str, old: str, new: str, replace_all: bool = False) -> dict[str, Any]:
    """Replace a piece of a text file that is there exactly once."""
    return replace_text(_READABLE, _WRITABLE, path, (old, new, replace_all))


_TOOLS: dict[str, Callable[..., Any]] = {
    "terminal": _terminal,
    "read_file": _read_file,
    "write_file": _write_file,
    "search_files": _search_files,
    "patch": _patch,
}
