"""What others may rely on, of the tools and of what kernels import: names and signatures."""

from __future__ import annotations

import inspect

import pytest

import hermes_runtime
from hermes_runtime import aio
from notebook_executor import tools


def _parameters(function: object) -> list[str]:
    assert callable(function)
    return [
        parameter.name
        if parameter.default is parameter.empty
        else f"{parameter.name}={parameter.default!r}"
        for parameter in inspect.signature(function).parameters.values()
    ]


def test_the_names_for_tools_are_these() -> None:
    assert tools.__all__ == [
        "Call",
        "HermesTools",
        "McpServer",
        "Policy",
        "Tool",
        "ToolRecording",
        "load_mcp_servers",
    ]
    for name in tools.__all__:
        assert getattr(tools, name).__name__ == name
    with pytest.raises(AttributeError, match="no_such_name"):
        tools.no_such_name  # noqa: B018
    assert [field for field in tools.Call._fields if not field.startswith("_")] == [
        "tool",
        "arguments",
        "policy",
        "cwd",
        "env",
        "spawn",
        "cancelled",
        "spill",
        "deadline",
        "cell_id",
    ]
    assert _parameters(tools.McpServer) == [
        "command=()",
        "url=None",
        "env=<factory>",
        "cwd=None",
        "headers=<factory>",
        "timeout=30.0",
    ]
    assert list(tools.Policy.model_fields) == [
        "allow",
        "terminal",
        "files",
        "web",
        "limits",
        "redact",
        "approve",
    ]


def test_tab_completion_shows_what_is_offered_and_help_explains_it() -> None:
    offered = {name for name in dir(hermes_runtime) if not name.startswith("_")}
    assert offered == {*hermes_runtime.__all__, "aio"}
    for name in offered:
        assert inspect.getdoc(getattr(hermes_runtime, name)), name


def test_the_names_in_kernels_are_these() -> None:
    assert hermes_runtime.__all__ == [
        "ReplayMismatchError",
        "ScrapError",
        "ToolDeniedError",
        "ToolError",
        "ToolsUnavailableError",
        "call",
        "glue",
        "patch",
        "read_file",
        "reglue",
        "scraps_report",
        "search_files",
        "terminal",
        "tools",
        "use_local_tools",
        "web_extract",
        "web_search",
        "write_file",
    ]
    assert set(aio.__all__) == {
        name
        for name in hermes_runtime.__all__
        if name[0].islower() and name not in ("glue", "reglue", "scraps_report", "use_local_tools")
    }
    assert {name: _parameters(getattr(hermes_runtime, name)) for name in aio.__all__} == {
        "call": ["tool", "arguments"],
        "patch": ["path", "old", "new", "replace_all=False"],
        "read_file": ["path", "offset=1", "limit=2000"],
        "search_files": [
            "pattern",
            "path='.'",
            "target='content'",
            "file_glob=None",
            "limit=50",
            "context=0",
        ],
        "terminal": ["command", "timeout=180", "workdir=None"],
        "tools": [],
        "web_extract": ["urls", "char_limit=None"],
        "web_search": ["query", "limit=5"],
        "write_file": ["path", "content"],
    }
    for name in aio.__all__:
        function = getattr(hermes_runtime, name)
        assert _parameters(getattr(aio, name)) == _parameters(function)
        assert inspect.getdoc(getattr(aio, name)) == inspect.getdoc(function)
