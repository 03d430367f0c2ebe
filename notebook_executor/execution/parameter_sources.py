"""Parameters as a command line passes them: papermill's flags, in papermill's precedence."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from notebook_executor.errors import ParameterError
from notebook_executor.execution.parameters import load_parameters
from notebook_executor.nbformat_loading import load_nbformat


def gather_parameters(
    *,
    encoded: Iterable[str] = (),
    files: Iterable[str] = (),
    documents: Iterable[str] = (),
    typed: Iterable[tuple[str, str]] = (),
    raw: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The parameters from all sources; of a name that several give, the last one's value.

    Args:
        encoded: YAML in base64.
        files: Paths of YAML or JSON files.
        documents: YAML.
        typed: Names and texts; ``resolve`` says what the texts mean.
        raw: Names and texts that are kept as they are.

    Raises:
        ParameterError: A source cannot be read, or does not hold a mapping.
    """
    parameters: dict[str, Any] = {}
    for text in encoded:
        parameters.update(_from_base64(text))
    for path in files:
        parameters.update(load_parameters(path))
    for text in documents:
        parameters.update(_from_yaml(text, "The YAML"))
    parameters.update({name: resolve(text) for name, text in typed})
    parameters.update(raw)
    return parameters


def resolve(text: str) -> bool | int | float | str | None:
    """The value papermill takes a text for: True, False, None, a number, else the text itself."""
    named = {"True": True, "False": False, "None": None}
    if text in named:
        return named[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _from_base64(text: str) -> Mapping[str, Any]:
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ParameterError(
            f"The parameters {_short(text)} are not base64 of YAML: {error}",
            hint="Encode the text of the YAML, in UTF-8.",
        ) from error
    return _from_yaml(decoded, "The base64")


def _from_yaml(text: str, source: str) -> Mapping[str, Any]:
    load_nbformat()
    import yaml
    from papermill.iorw import NoDatesSafeLoader

    try:
        loaded = yaml.load(text, Loader=NoDatesSafeLoader)
    except yaml.YAMLError as error:
        raise ParameterError(
            f"{source} {_short(text)} cannot be read: {error}",
            hint="Write it like 'name: value', or as JSON.",
        ) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, Mapping):
        raise ParameterError(
            f"{source} {_short(text)} holds a {type(loaded).__name__}, not a mapping",
            hint="Write it like 'name: value', or as JSON; a space follows the colon.",
        )
    return loaded


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
