"""``nbx schedule``: notebooks that run by themselves."""

from __future__ import annotations

from importlib import import_module

import click

# In the order in which the help lists them, each with its module here, and its name in that
# where it is another one.
_COMMANDS = {
    "check": "schedule_check",
    "list": "schedule_list:list_entries",
    "next": "schedule_list:next_times",
    "tick": "schedule_tick",
    "serve": "schedule_serve",
    "run": "schedule_run",
    "pause": "schedule_pause",
    "resume": "schedule_pause",
    "hermes": "schedule_hermes",
}


class Commands(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        found = import_module(f"notebook_executor.cli.{module}")
        command: click.Command = getattr(found, name or cmd_name)
        return command


@click.command(cls=Commands)
def schedule() -> None:
    """Run notebooks when they are due, by entries in YAML."""
