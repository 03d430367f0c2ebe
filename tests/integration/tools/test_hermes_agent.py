"""Against the agent itself, in a process of its own: its packages have names like ``tools``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.tools.hermes_agent import HermesTools

_AGENT = Path(sys.prefix, "hermes-agent")
_PROJECT = Path(__file__).parents[3]


class NoAgent:
    def dispatch_tool(self, tool_name: str, args: dict[str, Any], **kwargs: Any) -> str:
        raise AssertionError("there is no agent to call")


def test_the_tools_of_the_agent_that_this_process_is_a_plugin_of(tmp_path: Path) -> None:
    if not _AGENT.is_dir():
        pytest.skip(f"hermes-agent is not in {_AGENT}: see tests/hermes-agent.txt")
    told = ran_as_plugin(tmp_path)

    assert told["names"] == [
        "agent.count_words",
        "agent.read_file",
        "agent.refuse",
        "agent.terminal",
        "agent.text",
    ]
    assert told["described"] == {
        "name": "agent.count_words",
        "description": "count_words.",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
        "source": "hermes",
    }
    assert told["count_words"] == {"words": 2}
    assert told["one"] == {"words": 1}
    assert told["fails"]["raised"] == "ToolError"
    assert "KeyError" in told["fails"]["message"]
    assert told["refuse"] == {"raised": "ToolDeniedError", "message": "the user said no"}
    assert told["text"] == "not JSON"
    assert told["read_file"]["content"].startswith("1|a\n2|b")
    assert (told["missing"]["raised"], told["false"]["exit_code"]) == ("ToolError", 1)
    assert "nope" in told["unknown"]


def ran_as_plugin(folder: Path) -> Any:
    answer = folder / "told.json"
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("hermes_plugin.py"), answer],
        cwd=folder,
        env={
            **os.environ,
            "HERMES_HOME": str(folder / "home"),
            "PYTHONPATH": os.pathsep.join([str(_AGENT), str(_PROJECT)]),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(answer.read_text())


def test_without_an_agent_it_says_so() -> None:
    with pytest.raises(UsageError, match="no Hermes agent"):
        HermesTools(NoAgent()).tool("terminal")
