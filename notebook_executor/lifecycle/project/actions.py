"""What each word of the command line does: call, print, and say how it went."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.project import telling
from notebook_executor.lifecycle.project.bootstrapping import bootstrap
from notebook_executor.lifecycle.project.browser import open_in_browser, wants_browser
from notebook_executor.lifecycle.project.foreground import attend
from notebook_executor.lifecycle.project.leaving import is_within_server, leave
from notebook_executor.lifecycle.project.log import FollowedLog, tail
from notebook_executor.lifecycle.project.places import read_token
from notebook_executor.lifecycle.project.settings import Project
from notebook_executor.lifecycle.project.starting import StartedServer, Wanted, start_server
from notebook_executor.lifecycle.project.status import State, described, look_at
from notebook_executor.lifecycle.project.stop_signals import Asked, StopSignals
from notebook_executor.lifecycle.project.stopping import (
    StoppedServers,
    restart_server,
    stop_server,
)

_FOLLOW_SECONDS = 0.2
_BY_STATE: dict[State, int] = {"running": 0, "stopped": 3, "not answering": 4}


def _bootstrap(project: Project, options: Namespace) -> int:
    done = bootstrap(project)
    if options.json:
        _print_json({"project": project.name, "kernel": project.kernel_name, "done": done})
    else:
        print("\n".join(done or ["all is there"]))
    return 0


def _start(project: Project, options: Namespace) -> int:
    numbers = [signal.SIGINT, signal.SIGTERM]
    if options.foreground:
        # In the background, a terminal that closes during the start takes only this process along.
        numbers.append(signal.SIGHUP)
    with StopSignals(*numbers) as signals:
        try:
            started = start_server(project, _wanted(options, signals, options.foreground))
        except Asked:
            return signals.exit_code
        _show(project, started, options)
        if options.foreground and started.child is not None:
            out = sys.stdout.fileno()
            return attend(project, started, started.child, signals, out)
    return 0


def _restart(project: Project, options: Namespace) -> int:
    if is_within_server(project) and not leave(project):
        return 0
    # Half of it, an end without a start, is what nobody wants whose terminal closes.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopSignals(signal.SIGINT, signal.SIGTERM) as signals:
        try:
            stopped, started = restart_server(project, _wanted(options, signals))
        except Asked:
            return signals.exit_code
    if not options.json:
        _show_stopped(stopped)
    _show(project, started, options)
    return 0


def _stop(project: Project, options: Namespace) -> int:
    if is_within_server(project) and not leave(project):
        return 0
    stopped = stop_server(project)
    if options.json:
        _print_json(
            {
                "ended": [asdict(tree) for tree in stopped.ended],
                "removed": [str(path) for path in stopped.removed],
            }
        )
    else:
        _show_stopped(stopped)
    return 1 if stopped.left else 0


def _status(project: Project, options: Namespace) -> int:
    status = look_at(project)
    if options.json:
        _print_json(status.to_dict())
    else:
        print("\n".join(telling.status_lines(status)))
    return _BY_STATE[status.state]


def _logs(project: Project, options: Namespace) -> int:
    if options.lines < 0:
        raise UsageError(f"{options.lines} lines cannot be shown", hint="Pass 0 or more.")
    if not project.log.exists() and not options.follow:
        print(f"there is no log yet: {project.log}", file=sys.stderr)
        return 3
    with FollowedLog(project.log) as log:
        if end := tail(project.log, options.lines):
            print(end, flush=True)
        while options.follow:
            sys.stdout.buffer.write(log.read())
            sys.stdout.buffer.flush()
            time.sleep(_FOLLOW_SECONDS)
    return 0


ACTIONS: dict[str, Callable[[Project, Namespace], int]] = {
    "bootstrap": _bootstrap,
    "start": _start,
    "restart": _restart,
    "stop": _stop,
    "status": _status,
    "logs": _logs,
}


def _wanted(options: Namespace, signals: StopSignals, ends_with_us: bool = False) -> Wanted:
    if not 0 < options.timeout < float("inf"):
        raise UsageError(f"--timeout {options.timeout} is not a time", hint="Pass seconds.")
    return Wanted(
        port=options.port,
        patience=options.timeout,
        ends_with_us=ends_with_us,
        when_ready=signals.hold,
    )


def _show(project: Project, started: StartedServer, options: Namespace) -> None:
    server, token = started.server, read_token(project)
    for warning in started.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if options.json:
        _print_json(
            {
                **described(server),
                "already_running": started.child is None,
                "token_file": str(project.token_file),
                "warnings": list(started.warnings),
            }
        )
        return
    how = "is running already" if started.child is None else "is ready"
    # A terminal is its user's alone; what else we write to may be a log.
    shown = telling.address(server, token if sys.stdout.isatty() else None)
    print(f"the server of {project.display_name} {how} (process {server.pid}): {shown}", flush=True)
    if options.port not in (None, server.port):
        print(f"not on port {options.port}: stop it first", file=sys.stderr)
    if token and wants_browser(options.no_open) and os.environ.get("TERM") != "dumb":
        open_in_browser(project, server, token)


def _show_stopped(stopped: StoppedServers) -> None:
    for tree in stopped.ended:
        how = "was killed: it did not end in time" if tree.forced else "ended"
        left = f"; {tree.left} of its processes are still there" if tree.left else ""
        print(f"the server (process {tree.pid}) {how}{left}")
    if not stopped.ended:
        print("no server was running")


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
