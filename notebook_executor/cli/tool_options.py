"""The flags of ``nbx run`` that are about tools: a policy, and recordings of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from notebook_executor.cli.project import absolute

if TYPE_CHECKING:
    from notebook_executor.tools.policy import Policy
    from notebook_executor.tools.recording import ToolRecording

TOOL_FLAGS = [
    click.option(
        "--policy", metavar="FILE", help="What tools may do for the notebook [there are none]."
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
