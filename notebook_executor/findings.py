"""What looking at a machine, an environment or a repository has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: What was looked at.
        level: A ``problem`` keeps kernels from starting, or git from working; a
            ``warning`` is worth a look.
        text: What is the case.
        advice: What to do about it; empty where nothing is to be done.
    """

    topic: str
    level: Level
    text: str
    advice: str = ""
