"""The entry of ``nbx``: finds the verb, calls it, exits."""

from __future__ import annotations

import io
import sys
from importlib import import_module

import click

import notebook_executor
from notebook_executor.cli.exits import guarded
from notebook_executor.cli.signals import StopOnce

# In the order in which the help lists them; each is a module of this package and a command in it.
_VERBS = (
    *("run", "runs", "params", "scraps", "show", "edit", "diff", "merge", "strip"),
    *("validate", "review", "propose", "schedule", "kernels", "ps", "reap", "hub", "doctor"),
)


class Verbs(click.Group):
    """Imports a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        command: click.Command = getattr(
            import_module(f"notebook_executor.cli.{cmd_name}"), cmd_name
        )
        return command

    def invoke(self, ctx: click.Context) -> int:
        return guarded(lambda: super(Verbs, self).invoke(ctx), debug=ctx.params["debug"])


@click.command(
    cls=Verbs,
    epilog="Exit codes: 0 success, 1 notebook failed, 2 usage or invalid input, 3 kernel, resource "
    "or internal, 4 timeout, 5 differs, 6 nothing to compare, 130 interrupted, 143 terminated.",
)
@click.option("--debug", is_flag=True, envvar="NBX_DEBUG", help="Show tracebacks of defects.")
@click.version_option(notebook_executor.__version__, prog_name="nbx")
def nbx(debug: bool) -> None:
    """Run, read and compare Jupyter notebooks."""


def main() -> None:
    """Run the command line and exit."""
    signals = StopOnce()
    signals.install()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = guarded(lambda: nbx.main(prog_name="nbx", standalone_mode=False), debug=False)
    signals.retire()
    sys.exit(code)


if __name__ == "__main__":
    main()
