"""Secret parameters: they reach the kernel, and nothing that is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from notebook_executor.errors import ParameterError

MASK = "**********"


def revealed(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The values of the parameters that are secret (``pydantic.SecretStr``)."""
    return {
        name: value.get_secret_value()
        for name, value in parameters.items()
        if isinstance(value, SecretStr)
    }


def masked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as they may be shown and written."""
    return {
        name: MASK if isinstance(value, SecretStr) else value for name, value in parameters.items()
    }


def assignments(secrets: Mapping[str, str], kernel_name: str, language: str) -> str:
    """Code that sets the parameters, which is executed without being kept anywhere.

    Raises:
        ParameterError: papermill knows no way to write a value in this language.
    """
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators

    try:
        translator = papermill_translators.find_translator(kernel_name, language)
        return str(translator.codify(dict(secrets)))
    except (PapermillException, NotImplementedError) as error:
        raise ParameterError(
            f"Secret parameters cannot be passed to {language}: papermill cannot write them in it",
            hint="Pass them in the environment (env=), or use a kernel that papermill knows.",
        ) from error
