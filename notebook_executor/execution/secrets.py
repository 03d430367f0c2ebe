"""Secret parameters: they reach the kernel, and nothing that is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SecretStr

from notebook_executor.errors import ParameterError
from notebook_executor.lifecycle.connection import Message

MASK = "**********"
# Shorter ones would hide what has nothing to do with them.
_SHORTEST = 4


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


class Mask:
    """Hides secrets in what a kernel says: in outputs, tracebacks and what it writes itself.

    What the notebook has changed (reversed, encoded, cut in two) is not recognised.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({one for one in secrets if len(one) >= _SHORTEST}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    @property
    def hides(self) -> bool:
        """Whether there is anything to hide."""
        return self._secrets is not None

    def message(self, message: Message) -> Message:
        """The message without the secrets."""
        if self._secrets is None:
            return message
        content = self.hide(message.content)
        return message._replace(content=content, body={**message.body, "content": content})

    def hide(self, value: Any) -> Any:
        """The value, or what is in it, without the secrets."""
        if self._secrets is None:
            return value
        if isinstance(value, str):
            return self._secrets.sub(MASK, value)
        if isinstance(value, dict):
            return {self.hide(key): self.hide(item) for key, item in value.items()}
        return [self.hide(item) for item in value] if isinstance(value, list) else value


NOTHING_SECRET = Mask(())
