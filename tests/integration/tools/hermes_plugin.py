"""A plugin of the Hermes agent, given the agent's own context, in a process of its own.

It writes what it got from the agent's tools, as JSON, to the file that is its argument.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from notebook_executor.errors import NotebookExecutorError
from notebook_executor.tools.hermes_agent import HermesTools
from notebook_executor.tools.tool import Tool
from tests.integration.tools.calling import call_tool


def count_words(args: dict[str, Any], **_: Any) -> str:
    return json.dumps({"words": len(args["text"].split())})


def refuse(args: dict[str, Any], **_: Any) -> str:
    return json.dumps({"status": "blocked", "error": "the user said no"})


def text(args: dict[str, Any], **_: Any) -> str:
    return "not JSON"


def register(ctx: Any) -> None:
    """What the agent calls when it loads a plugin."""
    parameters = {"type": "object", "properties": {"text": {"type": "string"}}}
    for handler in (count_words, refuse, text):
        name = handler.__name__
        schema = {"name": name, "description": f"{name}.", "parameters": parameters}
        ctx.register_tool(name, "words", schema, handler)


def outcome(tool: Tool, **arguments: Any) -> Any:
    try:
        return call_tool(tool, **arguments)
    except NotebookExecutorError as error:
        return {"raised": type(error).__name__, "message": error.message}


def main() -> None:
    agent = importlib.import_module("hermes_cli.plugins")
    context = agent.PluginContext(agent.PluginManifest(name="words"), agent.PluginManager())
    register(context)
    for module in ("tools.file_tools", "tools.terminal_tool"):
        importlib.import_module(module)
    Path("orders.csv").write_text("a\nb\n")
    told: dict[str, Any] = {}
    with HermesTools(context, ["count_words", "refuse", "text", "read_file", "terminal"]).open(
        "agent"
    ) as tools:
        by_name = {tool.name: tool for tool in tools}
        told["names"] = sorted(by_name)
        told["described"] = by_name["agent.count_words"].describe()
        told["count_words"] = outcome(by_name["agent.count_words"], text="one two")
        told["fails"] = outcome(by_name["agent.count_words"])
        told["refuse"] = outcome(by_name["agent.refuse"])
        told["text"] = outcome(by_name["agent.text"])
        told["read_file"] = outcome(by_name["agent.read_file"], path="orders.csv")
        told["missing"] = outcome(by_name["agent.read_file"], path="none.csv")
        told["false"] = outcome(by_name["agent.terminal"], command="false")
    told["one"] = outcome(HermesTools(context).tool("count_words"), text="one")
    try:
        HermesTools(context).tool("nope")
    except NotebookExecutorError as error:
        told["unknown"] = error.message
    Path(sys.argv[1]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
