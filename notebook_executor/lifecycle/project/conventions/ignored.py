"""Whether git is kept from a project's state, which is told by git itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from notebook_executor.commands import Finished, run_command
from notebook_executor.lifecycle.project.conventions.defects import Remark, good, problem, warning
from notebook_executor.lifecycle.project.settings import Project

_SECONDS = 20.0
_ALWAYS = (
    *(".jupyter_config", ".jupyter_data", ".jupyter_runtime", ".ipython", ".cache", ".logs"),
)
_IF_THERE = (".run", ".venv", "venv", "env", ".conda")
_NONE_IGNORED = 1


def gitignore(project: Project) -> Iterator[Remark]:
    root = project.root
    try:
        inside = _git(root, "rev-parse", "--is-inside-work-tree")
    except OSError:
        yield warning("git is missing, so nothing can be told", "Install git.")
        return
    if inside.code != 0:
        yield warning(f"git cannot tell: {inside.complaint}", "Make it a repository: git init.")
        return
    folders = [*_ALWAYS, *(name for name in _IF_THERE if (root / name).is_dir())]
    exposed = _exposed(root, folders)
    if exposed:
        lines = " ".join(f"/{name}/" for name in exposed)
        yield problem(f"not ignored: {', '.join(exposed)}", f"Add to .gitignore: {lines}.")
    tracked = _tracked(root, folders)
    if tracked:
        yield problem(
            f"in git: {', '.join(tracked)}", "git rm -r --cached takes them out, and leaves them."
        )
    yield good("what the project keeps for itself is ignored")


def _exposed(root: Path, folders: list[str]) -> list[str]:
    """Those that no .gitignore of the project ignores; a user's own settings do not count."""
    # A file below, for a pattern that ends in a slash means folders, and none may be there.
    paths = {f"{name}/x": name for name in folders}
    told = _git(
        root,
        *("-c", f"core.excludesFile={os.devnull}"),
        *("check-ignore", "--no-index", "-z", "--stdin"),
        stdin="\0".join(paths).encode(),
    )
    if told.code not in (0, _NONE_IGNORED):
        return folders
    ignored = {path for path in told.stdout.decode("utf-8", "replace").split("\0") if path}
    return [name for path, name in paths.items() if path not in ignored]


def _tracked(root: Path, folders: list[str]) -> list[str]:
    told = _git(root, "ls-files", "-z", "--", *(f":(literal){name}" for name in folders))
    names = told.stdout.decode("utf-8", "replace").split("\0") if told.code == 0 else []
    return sorted({name.partition("/")[0] for name in names if name})


def _git(root: Path, *arguments: str, stdin: bytes = b"") -> Finished:
    # Not a repository that a hook, of which this may be part, works in.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return run_command(
        ["git", *arguments], timeout=_SECONDS, stdin=stdin, cwd=root, env=env, keep=None
    )
