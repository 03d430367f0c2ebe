"""``python -m notebook_executor.lifecycle``: a project's Jupyter server, from a shell.

Exit codes: 0 done, or running; 1 it could not be done; 2 it was asked for wrongly; 3 ``status``:
nothing runs, ``logs``: there is no log; 4 ``status``: a server that does not answer; 128 and the
signal's number when one ended the command.
"""

from __future__ import annotations

import argparse
import os
import sys

from notebook_executor.errors import NotebookExecutorError, UsageError
from notebook_executor.lifecycle.project.actions import ACTIONS
from notebook_executor.lifecycle.project.settings import read_project
from notebook_executor.lifecycle.project.starting import START_SECONDS


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return ACTIONS[options.action](read_project(options.root), options)
    except NotebookExecutorError as error:
        _tell(error)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Nobody reads any more; what Python still has to write is not for anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=os.environ.get("NBX_PROGRAM") or "python -m notebook_executor.lifecycle",
        description="A project's Jupyter server: start it, look after it, stop it.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    shared.add_argument("--root", default=os.curdir, help="the project's folder [.]")
    shared.add_argument("--json", action="store_true", help="print JSON")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return actions.add_parser(
            name, help=text, description=text, parents=[shared], allow_abbrev=False
        )

    add("bootstrap", "make the folders, and register the kernel into this environment")
    start = add("start", "have a server run, and wait until it answers")
    restart = add("restart", "stop the server, and start another on its port")
    add("stop", "end the server, and all it has started")
    add("status", "what runs: exit code 0 a server, 3 none, 4 one that does not answer")
    logs = add("logs", "the end of the server's log")
    start.add_argument("--foreground", action="store_true", help="stay with it, until Ctrl-C")
    for command in (start, restart):
        command.add_argument("--no-open", action="store_true", help="open no browser")
        command.add_argument("--port", type=int, metavar="PORT", help="this port or none")
        command.add_argument(
            "--timeout", type=float, default=START_SECONDS, metavar="S", help="seconds to be ready"
        )
    logs.add_argument("-f", "--follow", action="store_true", help="go on, until Ctrl-C")
    logs.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="how many [50]")
    return parser


def _tell(error: NotebookExecutorError) -> None:
    for line in str(error.details.get("log_tail", "")).splitlines():
        print(f"  | {line}", file=sys.stderr)
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
