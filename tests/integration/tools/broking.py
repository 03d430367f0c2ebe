"""A broker with a cell running, without a kernel: for whoever calls from anywhere else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notebook_executor.tools.audit import Answers, AuditSink
from notebook_executor.tools.broker import Broker
from notebook_executor.tools.desk import Desk, Surroundings
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.redaction import RedactionRules, Redactor
from notebook_executor.tools.sources import check_tools, opened_catalogue

CELL = "the-message"


@contextmanager
def serving(
    tools: Mapping[str, Any],
    *sinks: AuditSink,
    policy: Policy | None = None,
    answers: Answers | None = None,
) -> Iterator[tuple[Broker, dict[str, str]]]:
    """A broker that serves these tools, and the environment of whoever is to call them."""
    policy = policy or Policy(allow=tuple(tools))
    redactor = Redactor(RedactionRules())
    with (
        tempfile.TemporaryDirectory() as made,
        opened_catalogue(check_tools(tools), policy) as catalogue,
        Broker(Desk(catalogue, policy, redactor, sinks, answers, keeps_results=True)) as broker,
    ):
        broker.desk.surroundings = Surroundings(Path(made), {}, _starts_nothing)
        broker.desk.cells.began(CELL, "a-cell", None)
        yield broker, {**os.environ, **broker.listen(Path(made))}


def _starts_nothing(*_: Any, **__: Any) -> Any:
    raise AssertionError("these tools start nothing")
