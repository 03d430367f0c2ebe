"""``nbx strip --check``: does git hold outputs that its attributes want stripped?"""

from __future__ import annotations

import sys

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.project import working_directory
from notebook_executor.cli.screen import Screen
from notebook_executor.cli.strip_outcome import heaviest, tell_outcome
from notebook_executor.errors import UsageError
from notebook_executor.git.repository import NoRepositoryError, Repository
from notebook_executor.git.tracked import Tracked, contents, stripped_by_rule, tracked_notebooks
from notebook_executor.git.trees import index_of

_NO_RULE = "no attribute says that notebooks are to be stripped: nothing was looked at"
_REMEDY = (
    "They come from a clone without the filter. nbx doctor --fix sets it up here, and then "
    "git add --renormalize . strips them."
)


def check_tracked(as_json: bool) -> ExitCode:
    """Look at all notebooks that git tracks here."""
    try:
        repository = Repository.of(working_directory())
    except NoRepositoryError as error:
        raise UsageError(error.message, hint="Name notebooks or folders.") from None
    repository = repository.having(GIT_INDEX_FILE=str(index_of(repository)))
    tracked = tracked_notebooks(repository)
    chosen, ruled = stripped_by_rule(repository, tracked)
    if tracked and not ruled:
        _tell(f"error: {_NO_RULE}", "nbx doctor shows the lines for .gitattributes.")
        return ExitCode.NOTHING_TO_COMPARE
    codes = [_check(notebook, data, as_json) for notebook, data in contents(repository, chosen)]
    if ExitCode.DIFFERS in codes:
        _tell("", _REMEDY)
    return heaviest(codes)


def _check(notebook: Tracked, data: bytes, as_json: bool) -> ExitCode:
    from notebook_executor.documents.stripping import strip_data

    def look() -> bool:
        return strip_data(data, notebook.path) != data

    return tell_outcome(notebook.path, look, shown=notebook.path, check=True, as_json=as_json)


def _tell(text: str, hint: str) -> None:
    screen = Screen(sys.stderr)
    if text:
        screen.line(text, "bad")
    screen.line(f"hint: {hint}")
