"""The flags of ``nbx run`` for secret parameters, whose values are never on a command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.options import read_pairs
from notebook_executor.errors import ParameterError

if TYPE_CHECKING:
    from pydantic import SecretStr

_STDIN = "-"

SECRET_FLAGS = [
    click.option(
        "--secret",
        metavar="NAME[=VARIABLE]",
        multiple=True,
        help="A parameter that is recorded nowhere: the value of the variable of that name.",
    ),
    click.option(
        "--secret-file",
        metavar="NAME=PATH",
        multiple=True,
        help="Such a parameter: the text of a file, without a last newline; - is standard input.",
    ),
]


def read_secrets(
    variables: tuple[str, ...], files: tuple[str, ...], others: Collection[str], *, piped: bool
) -> dict[str, SecretStr]:
    """The secret parameters that are named.

    Args:
        variables: Each ``NAME``, or ``NAME=VARIABLE``.
        files: Each ``NAME=PATH``.
        others: Names of the parameters that are no secret.
        piped: Standard input is the notebook.

    Raises:
        click.BadParameter: They are not named so.
        ParameterError: A value is not there, or a name has two of them.
    """
    if not (variables or files):
        return {}
    from pydantic import SecretStr

    named = read_pairs("--secret", tuple(_spelled(one) for one in variables))
    paths = read_pairs("--secret-file", files)
    if piped and _STDIN in paths.values():
        raise click.UsageError("Standard input is the notebook: it cannot be a secret, too.")
    given = [*others, *named, *paths]
    for name in (*named, *paths):
        if given.count(name) > 1:
            raise ParameterError(
                f"The parameter {name!r} is given twice, as a secret and otherwise",
                hint="Give it once.",
            )
    values = {name: _of_variable(name, variable) for name, variable in named.items()}
    values.update({name: _of_file(name, path) for name, path in paths.items()})
    return {name: SecretStr(value) for name, value in values.items()}


def _spelled(given: str) -> str:
    return given if "=" in given else f"{given}={given}"


def _of_variable(name: str, variable: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise ParameterError(
            f"The secret parameter {name!r} has no value: there is no variable {variable}",
            hint=f"Set {variable}; --secret {name}=OTHER reads another one.",
        )
    return value


def _of_file(name: str, path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == _STDIN else Path(path).read_bytes()
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ParameterError(
            f"The secret parameter {name!r} cannot be read from {path}: {reason}",
            hint="Name a text file, or - for standard input.",
        ) from error
    return text.removesuffix("\n").removesuffix("\r")
