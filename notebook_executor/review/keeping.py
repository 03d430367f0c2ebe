"""What a proposal leaves for its readers: the executed notebook and the report, as files."""

from __future__ import annotations

import io
import random
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from notebook_executor.errors import ForgeError
from notebook_executor.git.remotes import OvertakenError, fetched_branch, push_commit
from notebook_executor.git.repository import GitError, Repository
from notebook_executor.review.forges.protocol import Forge, Link
from notebook_executor.review.models import Review

BRANCH = "notebook-runs"
"""Where they go on a forge that keeps no files, beside what schedules commit there."""

_PREFIX = "nbx-review-"
_REPORT = "review.html"
_TRIES = 8
# That a forge keeps no such file; everything else may be better the next time.
_FOR_GOOD = ("too_large", "invalid", "not_found", "forbidden", "refused", "locked")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def files_of(review: Review, top: Path) -> dict[str, bytes]:
    """The report as a page, and each executed notebook, by its path.

    Args:
        review: Made here.
        top: The repository's, where the review's paths begin.
    """
    files = {_REPORT: review.to_html().encode("utf-8", "backslashreplace")}
    for notebook in review.notebooks:
        executed = top / notebook.output_path if notebook.output_path else None
        if executed is not None and executed.is_file():
            files[notebook.path] = executed.read_bytes()
    return files


def keep_files(
    forge: Forge, number: int, review: Review, repository: Repository, remote: str, branch: str
) -> tuple[tuple[Link, ...], str | None]:
    """Attach them to the pull request; where the forge does not do that, commit and link them.

    Returns:
        Links, and what could not be done.

    Raises:
        ForgeError: The forge failed in a way that another try may help.
    """
    files = files_of(review, repository.top)
    identity = next((each.run_id for each in review.notebooks if each.run_id), "none")
    try:
        kept = forge.attach(number, f"{_PREFIX}{identity}.zip", _archive(files), _PREFIX)
    except ForgeError as error:
        if error.kind not in _FOR_GOOD:
            raise
        return (), f"The files could not be attached: {error.message}"
    if kept is not None:
        return (kept,), None
    placed = {f"proposals/{branch}/{path}": content for path, content in files.items()}
    try:
        commit = _committed(repository, remote, placed, f"proposal {branch}")
    except GitError as error:
        return (), f"The files could not be committed to {BRANCH!r}: {error.message}"
    links = zip(files, placed, strict=True)
    return tuple(Link(name=name, url=forge.file_url(commit, path)) for name, path in links), None


def _archive(files: Mapping[str, bytes]) -> bytes:
    """One archive, because forges allow few kinds of files, and this is one of them."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return kept.getvalue()


def _committed(
    repository: Repository, remote: str, files: Mapping[str, bytes], message: str
) -> str:
    """Commit files to the remote's branch, whoever else commits there; no branch of ours moves."""
    entries = {path: f"100644 blob {repository.store(content)}" for path, content in files.items()}
    author = repository.author()
    for tries in range(_TRIES):
        tip = fetched_branch(repository, remote, BRANCH)
        tree = tip and repository.tree_of(tip)
        for path, entry in entries.items():
            tree = repository.with_file(tree, path, entry)
        assert tree is not None
        commit = repository.commit(tree, (tip,) if tip else (), message, author)
        try:
            push_commit(repository, remote, BRANCH, commit)
        except OvertakenError:
            if tries == _TRIES - 1:
                raise
            time.sleep(random.uniform(0, 0.05 * 2**tries))
        else:
            break
    return commit
