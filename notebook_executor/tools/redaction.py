"""What is struck out of arguments and results before they are written anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import Any

from pydantic import field_validator

from notebook_executor.lifecycle.environment import looks_secret
from notebook_executor.models import Record
from notebook_executor.text import storable

REDACTED = "[redacted]"
"""Stands where something secret was, as the whole of a value or within a text."""

# Shorter ones would strike out what has nothing to do with them.
_SHORTEST_KNOWN = 4
_SHORTEST_WITHHELD = 8
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_ALONE = ("key", "keys")
_NUMBERS = frozenset((int, float, bool, type(None)))
_SEEN_NAMES = 512
_LONGEST_SEEN = 64
_HEADERS = ("authorization", "cookie", "set-cookie", "proxy-authorization")


class RedactionRules(Record):
    """What counts as secret, besides the secret parameters and variables of the run.

    Attributes:
        names: Patterns of keys whose values are struck out, wherever in a call they are.
        patterns: Regular expressions; what they match in a text is struck out.
    """

    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @field_validator("patterns")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return patterns


class Redactor:
    """Strikes secrets out of what calls pass and return.

    Args:
        rules: The policy's.
        known: Values that the notebook has (secret parameters): recorded nowhere.
        withheld: Values that it has not (variables kept from the kernel): it does not get them
            from a tool either.
    """

    def __init__(
        self, rules: RedactionRules, known: Iterable[str] = (), withheld: Iterable[str] = ()
    ) -> None:
        self._names = tuple(name.lower() for name in rules.names)
        # A pattern may fit a text, and not its form in JSON.
        self._walks = bool(rules.names or rules.patterns)
        kept_back = [value for value in withheld if len(value) >= _SHORTEST_WITHHELD]
        told = [value for value in known if len(value) >= _SHORTEST_KNOWN]
        self._withheld = _any_of(kept_back)
        self._recorded = _any_of([*kept_back, *told], rules.patterns)
        self._seen_name = lru_cache(_SEEN_NAMES)(self._is_telling)

    def answer(self, text: str) -> str:
        """A result, as JSON text, as the notebook may have it."""
        if self._withheld is None or not self._withheld.search(text):
            return text
        # Not in the text: what looks like a number there would be torn out of it.
        struck = _struck(json.loads(text), "", [], self._withheld, lambda _: False)
        return json.dumps(struck, separators=(",", ":"))

    def message(self, text: str) -> str:
        """A text as it may be recorded."""
        return self._recorded.sub(REDACTED, text) if self._recorded else text

    def arguments(self, given: Mapping[str, Any], secret: Collection[str]) -> tuple[Any, list[str]]:
        """Arguments as they may be recorded and stored, and where something was struck out.

        Args:
            given: The arguments.
            secret: Names of those that the tool says are secret.
        """
        if self._has_nothing_secret(given, secret):
            return dict(given), []
        places: list[str] = []
        named = partial(self._is_secret_argument, secret=frozenset(secret))
        struck = _struck(dict(given), "arguments", places, self._recorded, named)
        return storable(struck), places

    def _has_nothing_secret(self, given: Mapping[str, Any], secret: Container[str]) -> bool:
        """Whether that can be told at a glance, as it can of most calls."""
        for name, value in given.items():
            if name in secret or len(name) > _LONGEST_SEEN or self._seen_name(name):
                return False
            if not (type(value) in _NUMBERS or (type(value) is str and self._is_clean(value))):
                return False
            if not self._is_clean(name):
                return False
        return True

    def _is_clean(self, text: str) -> bool:
        return text.isascii() and not (self._recorded and self._recorded.search(text))

    def result(self, text: str) -> tuple[Any, list[str]]:
        """A result, of its JSON text, as it may be recorded, and where something was struck out."""
        places: list[str] = []
        value = json.loads(text)
        if not self._walks and not (self._recorded and self._recorded.search(text)):
            return value, places
        return _struck(value, "result", places, self._recorded, self._is_secret_name), places

    def _is_secret_name(self, name: str) -> bool:
        lowered = name.lower()
        return any(fnmatchcase(lowered, pattern) for pattern in self._names)

    def _is_secret_argument(self, name: str, secret: frozenset[str]) -> bool:
        return name in secret or self._is_telling(name)

    def _is_telling(self, name: str) -> bool:
        words = _CAMEL.sub("_", name).replace("-", "_")
        telling = looks_secret(words) and words.lower() not in _NOT_ALONE
        return telling or name.lower() in _HEADERS or self._is_secret_name(name)


def _struck(
    value: Any,
    place: str,
    places: list[str],
    secret: re.Pattern[str] | None,
    is_secret_name: Callable[[str], bool],
) -> Any:
    """The value without secrets; where they were is added to ``places``."""
    if isinstance(value, str):
        struck = secret.sub(REDACTED, value) if secret else value
        if struck != value:
            places.append(place)
        return struck
    if isinstance(value, list):
        return [
            _struck(item, f"{place}[{index}]", places, secret, is_secret_name)
            for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, item in value.items():
        name = secret.sub(REDACTED, key) if secret else key
        inside = f"{place}.{name}"
        if item is not None and is_secret_name(key):
            places.append(inside)
            made[name] = REDACTED
        else:
            made[name] = _struck(item, inside, places, secret, is_secret_name)
    return made


def _any_of(values: Iterable[str], patterns: Iterable[str] = ()) -> re.Pattern[str] | None:
    """What matches any of these texts, as they are or as a JSON text has them."""
    forms = {form for value in values for form in (value, json.dumps(value)[1:-1])}
    # The longest first: one secret may begin with another.
    escaped = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
    every = [*escaped, *(f"(?:{pattern})" for pattern in patterns)]
    return re.compile("|".join(every)) if every else None
