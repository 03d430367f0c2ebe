"""The flags of ``nbx run`` that are about tools: servers, a policy, and recordings of calls."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.options import read_pairs
from notebook_executor.cli.project import absolute

if TYPE_CHECKING:
    from notebook_executor.tools.policy import Policy
    from notebook_executor.tools.recording import ToolRecording
    from notebook_executor.tools.sources import GivenTool

policy_option = click.option(
    "--policy", metavar="FILE", help="What tools may do for the notebook [there are none]."
)

TOOL_FLAGS = [
    policy_option,
    click.option(
        "--mcp",
        metavar="NAME=COMMAND|URL",
        multiple=True,
        help="An MCP server, whose tools the notebook calls as NAME.tool.",
    ),
    click.option(
        "--mcp-config",
        metavar="FILE",
        multiple=True,
        help='MCP servers from a JSON file, as other clients read it: {"mcpServers": {...}}.',
    ),
    click.option("--record", metavar="FILE", help="Write the tool calls and their answers there."),
    click.option("--replay", metavar="FILE", help="Answer tool calls from there; make none."),
    click.option(
        "--ignore",
        metavar="TOOL.ARGUMENT",
        multiple=True,
        help="With --record or --replay: an argument that changes from run to run.",
    ),
]


def read_servers(named: tuple[str, ...], files: tuple[str, ...]) -> Mapping[str, GivenTool] | None:
    """The MCP servers that are named; None where none are.

    Raises:
        UsageError: One is named that cannot be a server, or a file cannot be read.
    """
    if not (named or files):
        return None
    from notebook_executor.tools.mcp_config import load_mcp_servers
    from notebook_executor.tools.mcp_server import McpServer
    from notebook_executor.tools.sources import check_tools

    servers: dict[str, McpServer] = {}
    for file in files:
        servers.update(load_mcp_servers(absolute(file)))
    for name, told in read_pairs("--mcp", named).items():
        is_address = told.startswith(("http://", "https://"))
        servers[name] = McpServer(url=told) if is_address else McpServer(_words(told))
    return check_tools(servers)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise click.BadParameter(f"{command!r}: {error}.", param_hint="--mcp") from None


def read_policy(path: str | None) -> Policy | None:
    """The policy that is named, if one is.

    Raises:
        UsageError: It is not there, or says what no policy can.
    """
    if path is None:
        return None
    from notebook_executor.tools.policy import Policy

    return Policy.load(absolute(path))


def recording(path: str | None, ignored: tuple[str, ...]) -> ToolRecording | None:
    """The recording that is named, if one is, and what does not count in it.

    Args:
        path: As it was given.
        ignored: Each ``TOOL.ARGUMENT``; the tool's name may have dots.
    """
    if path is None:
        return None
    from notebook_executor.tools.recording import ToolRecording

    ignore: dict[str, list[str]] = {}
    for one in ignored:
        tool, _, argument = one.rpartition(".")
        if not (tool and argument):
            raise click.BadParameter(f"{one!r} is not TOOL.ARGUMENT.", param_hint="--ignore")
        ignore.setdefault(tool, []).append(argument)
    return ToolRecording(absolute(path), ignore)
