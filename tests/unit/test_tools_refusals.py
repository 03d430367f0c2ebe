"""What the policy has calls refused for, and what it has struck out of them."""

from __future__ import annotations

from typing import Any

import pytest

import hermes_runtime
from hermes_runtime import ToolDeniedError, ToolError
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Call
from tests.tool_bench import PATIENCE, bench_of, echo


def test_an_empty_allow_list_allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, Policy(), echo=echo) as bench:
        with pytest.raises(ToolDeniedError, match="allow-list is empty") as denied:
            hermes_runtime.call("echo")
        assert bench.told[0].outcome == "denied"
        assert repr(hermes_runtime.tools()) == "This run may call no tools."
    assert denied.value.tool == "echo"


def test_a_budget_of_seconds_ends_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(call: Call) -> Any:
        return call.cancelled.wait(PATIENCE)

    policy = Policy.model_validate({"allow": ["*"], "limits": {"run": {"seconds": 0.2}}})
    with (
        bench_of(monkeypatch, policy, hang=hang),
        pytest.raises(ToolError, match="used up the sec"),
    ):
        hermes_runtime.call("hang")


def test_budgets_of_calls_are_of_the_cell_and_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"run": {"calls": 3}, "cell": {"calls": 2}}
    policy = Policy.model_validate({"allow": ["*"], "limits": limits})
    with bench_of(monkeypatch, policy, echo=echo) as bench:
        hermes_runtime.call("echo")
        hermes_runtime.call("echo")
        with pytest.raises(ToolDeniedError, match="The cell has used up its budget of 2 calls"):
            hermes_runtime.call("echo")
        bench.desk.cells.ended()
        bench.desk.cells.began("message-2", "cell-2", None)
        hermes_runtime.call("echo")
        with pytest.raises(ToolDeniedError, match="The run has used up its budget of 3 calls"):
            hermes_runtime.call("echo")


def test_a_budget_of_bytes_counts_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.model_validate({"allow": ["*"], "limits": {"run": {"bytes": "2kB"}}})
    long = lambda call: "x" * int(call.arguments["length"])  # noqa: E731
    with bench_of(monkeypatch, policy, long=long):
        with pytest.raises(ToolDeniedError, match="budget of 2,000 bytes"):
            hermes_runtime.call("long", length=1, padding="y" * 3000)
        assert hermes_runtime.call("long", length=10) == "x" * 10
        with pytest.raises(ToolDeniedError, match="The result has 3,002 bytes"):
            hermes_runtime.call("long", length=3000)


def _refuses(call: Call) -> bool:
    if call.arguments.get("raise"):
        raise ValueError("the approver is ill")
    return call.arguments.get("ok") == "yes"


def test_a_call_may_need_approval(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, Policy(allow=("*",), approve=_refuses), echo=echo):
        assert hermes_runtime.call("echo", ok="yes") == {"ok": "yes"}
        with pytest.raises(ToolDeniedError, match="was not approved"):
            hermes_runtime.call("echo", ok="no")
        with pytest.raises(ToolDeniedError, match="approver is ill"):
            hermes_runtime.call("echo", **{"raise": True})


def _raises(call: Call) -> Any:
    raise LookupError(f"no {call.arguments['what']}")


def test_secrets_are_recorded_nowhere_and_withheld_ones_do_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = {"a": "x s3cr3t-parameter y", "b": ["s3cr3t-variable"]}
    with bench_of(monkeypatch, leak=lambda call: both, bad=_raises) as bench:
        answer = hermes_runtime.call("leak", api_key="k", q="s3cr3t-parameter", key="fine")
        with pytest.raises(ToolError, match=r"no \[redacted\]"):
            hermes_runtime.call("bad", what="s3cr3t-variable")
        leak, bad = bench.told
    assert answer == {"a": both["a"], "b": ["[redacted]"]}
    assert leak.arguments == {"api_key": "[redacted]", "q": "[redacted]", "key": "fine"}
    assert leak.result == {"a": "x [redacted] y", "b": ["[redacted]"]}
    assert leak.redacted == ("arguments.api_key", "arguments.q", "result.a")
    assert "s3cr3t" not in repr(bad)
