"""The environment of a kernel: the host's, without what looks like a secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_SECRET_WORDS = frozenset(
    (
        "APIKEY",
        "AUTH",
        "BEARER",
        "CREDENTIAL",
        "CREDS",
        "DSN",
        "KEY",
        "PASSWD",
        "PASSWORD",
        "SECRET",
        "TOKEN",
        "WEBHOOK",
    )
)


def filter_environment(
    environment: Mapping[str, str], passed: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """Leave out the variables whose name says that they are secret.

    A name is taken apart at its underscores: ``GIT_AUTHOR_NAME`` and ``TOKENIZERS_PARALLELISM``
    are no secrets, ``AWS_SECRET_ACCESS_KEY`` and ``DB_PASSWORDS`` are.

    Args:
        environment: What the kernel would get.
        passed: Names that it is to get whatever they look like.

    Returns:
        What it gets, and the names that were withheld, sorted.
    """
    withheld = sorted(name for name in environment if name not in passed and looks_secret(name))
    kept = {name: value for name, value in environment.items() if name not in withheld}
    return kept, withheld


def looks_secret(name: str) -> bool:
    words = name.upper().split("_")
    return any(word in _SECRET_WORDS or word.removesuffix("S") in _SECRET_WORDS for word in words)
