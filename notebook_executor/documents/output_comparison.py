"""nbval's comparison of a cell's outputs, with all differences told and numbers compared as such.

nbval joins the streams of a cell, takes all outputs apart into their kinds (stdout, stderr, MIME
types, the parts of an error), and wants the same values of each kind in the same order. Metadata,
execution counts, tracebacks, PNG and JPEG pictures and widgets' models do not count. What differs
then may still be noise (``normalise``), or numbers within a tolerance.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from notebook_executor.documents.normalise import ALL_NOISE, Noise, normalise_text
from notebook_executor.errors import UsageError
from notebook_executor.models import Record
from notebook_executor.text import clip, json_form

if TYPE_CHECKING:
    from nbformat import NotebookNode

_NOT_COMPARED = {
    *("execution_count", "metadata", "name", "output_type", "prompt_number", "traceback"),
    *("application/vnd.jupyter.widget-view+json", "image/jpeg", "image/png"),
}
_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w])")
_SHOWN = 500
_Values = dict[str, list[Any]]


class RegressionRules(Record):
    """How executed notebooks are held against references."""

    lax: bool = False  # only cells that are marked for it are compared
    relative_tolerance: float = Field(0.0, ge=0)  # of numbers, of the larger one
    absolute_tolerance: float = Field(0.0, ge=0)
    sanitize_with: tuple[str, ...] = ()  # files of regex: and replace: lines, as nbval reads them
    noise: Noise = ALL_NOISE  # what never counts

    @classmethod
    def of(cls, given: RegressionRules | Mapping[str, Any] | bool) -> RegressionRules:
        """The rules that a caller means; True are the default ones.

        Raises:
            UsageError: A rule is unknown, or has a value that it cannot have.
        """
        if isinstance(given, RegressionRules):
            return given
        try:
            return cls.model_validate({} if given is True else given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
            )
            raise UsageError(
                f"The rules of the regression are not valid: {wrong}",
                hint=f"Known rules are {', '.join(cls.model_fields)}.",
            ) from error


class Difference(Record):
    """One kind of output that is not as in the reference."""

    kind: str  # stdout, stderr, ename, evalue, or a MIME type
    problem: Literal["missing", "unexpected", "count", "value"]
    position: int | None = None  # among the cell's outputs of that kind
    expected: str | None = None  # a text, cut to head and tail when it is long
    actual: str | None = None

    def __str__(self) -> str:
        if self.problem == "missing":
            return f"{self.kind} is missing; expected {self.expected!r}"
        if self.problem == "unexpected":
            return f"{self.kind} is not expected: {self.actual!r}"
        return f"{self.kind}: expected {self.expected!r}, got {self.actual!r}"


class OutputJudge:
    """Compares the outputs of cells.

    Args:
        rules: What counts.
        folder: What the paths in ``rules.sanitize_with`` are relative to.

    Raises:
        UsageError: A file of sanitising rules cannot be read, or holds a broken pattern.
    """

    def __init__(self, rules: RegressionRules, folder: Path) -> None:
        self._rules = rules
        self._patterns = _patterns([folder / name for name in rules.sanitize_with])

    def differences(
        self, expected: Iterable[NotebookNode], actual: Iterable[NotebookNode]
    ) -> tuple[Difference, ...]:
        """What is not as in the reference; nothing when it is as it should be."""
        wanted, found = self._values(expected), self._values(actual)
        differences = [
            Difference(kind=kind, problem="missing", expected=_shown(values))
            for kind, values in wanted.items()
            if kind not in found
        ]
        differences += [
            Difference(kind=kind, problem="unexpected", actual=_shown(values))
            for kind, values in found.items()
            if kind not in wanted
        ]
        for kind in wanted:
            differences += self._of_kind(kind, wanted[kind], found.get(kind, wanted[kind]))
        return tuple(differences)

    def _of_kind(self, kind: str, wanted: list[Any], found: list[Any]) -> list[Difference]:
        if len(wanted) != len(found):
            one = Difference(
                kind=kind, problem="count", expected=_shown(wanted), actual=_shown(found)
            )
            return [one]
        return [
            Difference(
                kind=kind,
                problem="value",
                position=position,
                expected=_shown([left]),
                actual=_shown([right]),
            )
            for position, (left, right) in enumerate(zip(wanted, found, strict=True))
            if not self._same(kind, left, right)
        ]

    def _values(self, outputs: Iterable[NotebookNode]) -> _Values:
        from nbformat import NotebookNode
        from nbval.plugin import coalesce_streams, transform_streams_for_comparison

        copies = [NotebookNode(output) for output in outputs if output.get("text") != ""]
        values: _Values = defaultdict(list)
        for output in transform_streams_for_comparison(coalesce_streams(copies)):
            for key, value in output.items():
                parts = value if key == "data" else {key: value}
                for kind, part in parts.items():
                    if key not in _NOT_COMPARED and kind not in _NOT_COMPARED:
                        values[kind].append(self._sanitized(part))
        return dict(values)

    def _sanitized(self, value: Any) -> Any:
        if isinstance(value, str):
            for pattern, replacement in self._patterns.items():
                value = re.sub(pattern, replacement, value)
        return value

    def _same(self, kind: str, left: Any, right: Any) -> bool:
        if left == right:
            return True
        if isinstance(left, str) and isinstance(right, str):
            stream = kind in ("stdout", "stderr")
            left = normalise_text(left, self._rules.noise, stream=stream)
            right = normalise_text(right, self._rules.noise, stream=stream)
        return left == right or self._close(left, right)

    def _close(self, left: Any, right: Any) -> bool:
        """Whether two values differ in numbers alone, and in those by no more than is allowed."""
        if isinstance(left, bool) or isinstance(right, bool):
            return bool(left is right)
        if isinstance(left, int | float) and isinstance(right, int | float):
            return self._near(left, right)
        if isinstance(left, str) and isinstance(right, str):
            words_match = _NUMBER.split(left) == _NUMBER.split(right)
            numbers = zip(_NUMBER.findall(left), _NUMBER.findall(right), strict=False)
            return words_match and all(self._near(float(a), float(b)) for a, b in numbers)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            return left.keys() == right.keys() and all(
                self._close(left[key], right[key]) for key in left
            )
        if isinstance(left, list) and isinstance(right, list):
            return len(left) == len(right) and all(map(self._close, left, right))
        return bool(left == right)

    def _near(self, left: float, right: float) -> bool:
        return left == right or math.isclose(
            left,
            right,
            rel_tol=self._rules.relative_tolerance,
            abs_tol=self._rules.absolute_tolerance,
        )


def _patterns(paths: Sequence[Path]) -> dict[str, str]:
    """The patterns of all files, and what each is replaced with; of equal ones the last counts."""
    from nbval.plugin import get_sanitize_patterns

    found: dict[str, str] = {}
    for path in paths:
        try:
            found |= dict(get_sanitize_patterns(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"The sanitising rules {path} cannot be read: {error}",
                hint="It is a file of lines 'regex: …', each followed by 'replace: …'.",
            ) from error
    for pattern, replacement in found.items():
        try:
            re.sub(pattern, replacement, "")
        except (re.error, IndexError) as error:
            raise UsageError(
                f"The sanitising rule {pattern!r} cannot be used: {error}",
                hint="It is a regular expression as Python's re module has them.",
            ) from error
    return found


def _shown(values: list[Any]) -> str:
    texts = [value if isinstance(value, str) else str(json_form(value)) for value in values]
    return clip("\n".join(texts), _SHOWN)
