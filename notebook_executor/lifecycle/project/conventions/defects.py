"""What a look at one convention finds, and how several of them become one finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from notebook_executor.findings import Finding, Level

_ORDER: tuple[Level, ...] = ("ok", "warning", "problem")


@dataclass(frozen=True)
class Remark:
    """One observation about a convention.

    Attributes:
        level: A ``problem`` breaks the convention; a ``warning`` is worth a look.
        text: What is the case.
        advice: What to do about it; empty where nothing is to be done.
    """

    level: Level
    text: str
    advice: str = ""


def good(text: str) -> Remark:
    return Remark("ok", text)


def warning(text: str, advice: str) -> Remark:
    return Remark("warning", text, advice)


def problem(text: str, advice: str) -> Remark:
    return Remark("problem", text, advice)


def joined(topic: str, remarks: Iterable[Remark]) -> Finding:
    """One finding: of the worst level, and telling what is at fault rather than what is well."""
    ordered = sorted(remarks, key=lambda remark: _ORDER.index(remark.level), reverse=True)
    level = ordered[0].level if ordered else "ok"
    told = [remark for remark in ordered if remark.level != "ok"] or ordered
    return Finding(
        topic=topic,
        level=level,
        text="; ".join(dict.fromkeys(remark.text for remark in told)),
        advice=" ".join(dict.fromkeys(remark.advice for remark in told if remark.advice)),
    )
