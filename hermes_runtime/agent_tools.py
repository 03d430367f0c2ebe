"""The tools of the Hermes agent as functions: what they take and return is what theirs do.

Each asks the run that the kernel belongs to; whether it may is that run's policy's affair.
"""

from __future__ import annotations

from typing import Any

from hermes_runtime.calling import call


def terminal(command: str, timeout: float = 180, workdir: str | None = None) -> dict[str, Any]:
    """Run a command, beside the kernel and not longer than the run.

    Without a policy that allows any command (``*``) there is no shell: pipes, redirections and
    variables mean nothing then.

    Args:
        command: The command line.
        timeout: Seconds until it is ended, with exit code 124.
        workdir: Where it runs; None for the notebook's working directory.

    Returns:
        ``{"output", "exit_code"}``, and ``"error"`` where something is to be said of that. Of a
        long output head and tail; the whole is in the file that it names.
    """
    return _ask("terminal", command=command, timeout=timeout, workdir=workdir)


def read_file(path: str, offset: int = 1, limit: int = 2000) -> dict[str, Any]:
    """Read lines of a text file.

    Args:
        path: The file; relative to the notebook's working directory.
        offset: The first line, counted from 1.
        limit: How many lines at most.

    Returns:
        ``{"content", "total_lines", "file_size", "truncated"}``; each line of the content is
        ``NUMBER|TEXT``.
    """
    return _ask("read_file", path=path, offset=offset, limit=limit)


def write_file(path: str, content: str) -> dict[str, Any]:
    """Write a text file, whole, and the folders it is in.

    Returns:
        ``{"path", "bytes_written"}``.
    """
    return _ask("write_file", path=path, content=content)


def search_files(
    pattern: str,
    path: str = ".",
    target: str = "content",
    file_glob: str | None = None,
    limit: int = 50,
    context: int = 0,
) -> dict[str, Any]:
    """Search the lines of files for a regular expression, or files by their name.

    Args:
        pattern: The expression; with ``target="files"`` a glob, such as ``*.csv``.
        path: The folder, or the file, to search.
        target: ``"content"`` or ``"files"``.
        file_glob: Only files whose name fits.
        limit: How many matches at most.
        context: How many lines before and after each match to show.

    Returns:
        ``{"matches", "total_count", "truncated"}``; of content, a match is
        ``{"path", "line", "content"}``, of files a path.
    """
    return _ask(
        "search_files",
        pattern=pattern,
        path=path,
        target=target,
        file_glob=file_glob,
        limit=limit,
        context=context,
    )


def patch(path: str, old: str, new: str, replace_all: bool = False) -> dict[str, Any]:
    """Replace a piece of a text file, where it is there exactly once.

    Args:
        path: The file.
        old: What is there now, to the letter.
        new: What is to be there.
        replace_all: Replace all there are, not exactly one.

    Returns:
        ``{"path", "replaced", "diff"}``.

    Raises:
        ToolError: It is not there, or there more than once.
    """
    return _ask("patch", path=path, old=old, new=new, replace_all=replace_all)


def web_search(query: str, limit: int = 5) -> dict[str, Any]:
    """Search the web.

    Returns:
        ``{"success", "data": {"web": [{"url", "title", "description", "position"}]}}``.
    """
    return _ask("web_search", query=query, limit=limit)


def web_extract(urls: list[str], char_limit: int | None = None) -> dict[str, Any]:
    """The text of web pages.

    Args:
        urls: Their addresses.
        char_limit: How many characters of each at most; None for the tool's own limit.

    Returns:
        ``{"results": [{"url", "title", "content", "error"}]}``, in the order of the addresses;
        one that fails does not fail the others.
    """
    return _ask("web_extract", urls=urls, char_limit=char_limit)


def _ask(tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, without the arguments that are None: for these its own default counts."""
    given = {name: value for name, value in arguments.items() if value is not None}
    answer: dict[str, Any] = call(tool, **given)
    return answer
