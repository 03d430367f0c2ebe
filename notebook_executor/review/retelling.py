"""A review that was made before is told again: read from its JSON, put into a pull request."""

from __future__ import annotations

import os
from pathlib import Path

from notebook_executor.documents.reading import read_file
from notebook_executor.errors import UsageError
from notebook_executor.git.remotes import push_url
from notebook_executor.git.repository import GitError, Repository
from notebook_executor.review.models import Review

_REMOTE = "origin"
# Not that of a proposal: who proposes tells of the review, too, with another token.
_MARKER = "<!-- nbx-review-ci -->"


def read_review(path: str | os.PathLike[str]) -> Review:
    """A review from a file of its JSON; without the notebooks, whose outputs a page would show.

    Raises:
        DocumentError: There is no such file.
        UsageError: It holds something else.
    """
    from pydantic import ValidationError

    try:
        return Review.model_validate_json(read_file(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(
            f"{path} is not a review: {place}: {first['msg']}",
            hint="nbx review --json writes one.",
        ) from error


def comment_on(review: Review, number: int, root: Path) -> str:
    """Write the report into CI's comment of a pull request; there is one, which each review renews.

    The forge is that of the remote ``origin``.

    Args:
        review: What is told.
        number: The pull request's.
        root: The project's folder.

    Returns:
        The comment's URL.

    Raises:
        UsageError: The project is in no repository with such a remote, or it cannot be told what
            its forge is.
        ForgeError: The forge refuses, or cannot be reached.
    """
    from notebook_executor.review.forges.addresses import address_of
    from notebook_executor.review.forges.choosing import choose_forge, read_forge_settings

    try:
        repository = Repository.of(root)
        address = address_of(push_url(repository, _REMOTE))
    except GitError as error:
        raise UsageError(error.message, hint="Comment from a clone of the forge's.") from error
    chosen = choose_forge(address, repository, read_forge_settings(root, os.environ))
    with chosen.forge as forge:
        return forge.comment(number, _MARKER, f"{_MARKER}\n{review.to_markdown()}")
