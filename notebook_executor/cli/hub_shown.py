"""What ``nbx hub`` shows, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from notebook_executor.cli.reap import fields_of
from notebook_executor.cli.summary import duration, mebibytes

if TYPE_CHECKING:
    from notebook_executor.cli.screen import Screen
    from notebook_executor.lifecycle.project.hub import Machine, ProjectView, ServerView
    from notebook_executor.lifecycle.project.hub_actions import ReapedOrphan, StoppedServer
    from notebook_executor.lifecycle.project.orphans import Orphan

_COLUMNS = [
    "project", "state", "port", "pid", "kernels", "memory", "age", "orphans", "run by", "folder",
]  # fmt: skip
_PORT_COLUMNS = ["port", "state", "user", "pid", "project", "command"]
_ORPHAN_COLUMNS = ["orphan", "project", "memory", "age", "command"]


def show_machine(screen: Screen, aside: Screen, machine: Machine) -> None:
    show_projects(screen, machine)
    screen.line()
    held = list(_port_rows(machine))
    if held:
        screen.table(_PORT_COLUMNS, held)
    screen.line(f"free ports: {_ranges(_free(machine)) or 'none'}")
    orphans = [*(one for project in machine.projects for one in project.orphans), *machine.orphans]
    if orphans:
        screen.line()
        screen.table(_ORPHAN_COLUMNS, [_orphan_row(orphan, machine) for orphan in orphans])
    if any(project.orphans or project.leftovers for project in machine.projects):
        aside.line("hint: nbx hub reap ends orphans and removes what is left over.")
    if machine.leftovers:
        aside.line("hint: nbx reap removes what runs of no project have left.")


def show_projects(screen: Screen, machine: Machine) -> None:
    rows = [row for project in machine.projects for row in _project_rows(project)]
    rows += [["-", "running", *_server_cells(view)] for view in machine.strangers]
    if rows:
        screen.table(_COLUMNS, rows)
    else:
        screen.line("There are no projects, and no Jupyter server runs.")


def _project_rows(project: ProjectView) -> Iterator[list[str]]:
    for view in project.servers:
        *cells, _ = _server_cells(view)
        cells[5] = _count(project)
        yield [project.name, project.state, *cells, str(project.root)]
    if not project.servers:
        empty = ["-", "-", "-", "", ""]
        yield [project.name, project.state, *empty, _count(project), "", str(project.root)]


def _server_cells(view: ServerView) -> list[str]:
    server = view.server
    return [
        "-" if server.port is None else str(server.port),
        str(server.pid),
        str(view.kernels.count),
        mebibytes(server.memory_bytes + view.kernels.memory_bytes),
        _age(server.started_at),
        "",
        _runner(view),
        str(server.root or server.directory or ""),
    ]


def _runner(view: ServerView) -> str:
    server = view.server
    if server.service is not None:
        return f"{server.service.scope} service {server.service.name}"
    return "" if server.mine else server.user


def _count(project: ProjectView) -> str:
    return str(len(project.orphans) + len(project.leftovers) or "")


def _port_rows(machine: Machine) -> Iterator[list[str]]:
    names = {project.root: project.name for project in machine.projects}
    for port in machine.ports:
        if port.state == "free":
            continue
        yield [
            str(port.number),
            port.state,
            port.user or "",
            "" if port.pid is None else str(port.pid),
            names.get(port.root, str(port.root)) if port.root is not None else "",
            port.command if port.state == "other" else "",
        ]


def _free(machine: Machine) -> list[int]:
    return [port.number for port in machine.ports if port.state == "free"]


def _ranges(numbers: list[int]) -> str:
    """Numbers in order, those in a row as the first and the last of them."""
    rows: list[list[int]] = []
    for number in numbers:
        if rows and rows[-1][-1] + 1 == number:
            rows[-1].append(number)
        else:
            rows.append([number])
    return ", ".join(str(row[0]) if len(row) == 1 else f"{row[0]} to {row[-1]}" for row in rows)


def _orphan_row(orphan: Orphan, machine: Machine) -> list[str]:
    names = {project.root: project.name for project in machine.projects}
    project = names.get(orphan.root, "-") if orphan.root is not None else "-"
    age, memory = _age(orphan.started_at), mebibytes(orphan.memory_bytes)
    return [str(orphan.pid), project, memory, age, orphan.command]


def _age(started_at: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(started_at)).total_seconds()
    return duration(max(0.0, seconds))


def stopped_sentence(server: StoppedServer) -> str:
    where = "" if server.port is None else f" on port {server.port}"
    of = "" if server.root is None else f" of {server.root}"
    if server.processes_left:
        left = f"still there: {server.processes_left} processes"
        return f"could not stop the server {server.pid}{where}{of}; {left}"
    how = "killed" if server.forced else "stopped"
    return f"{how} the server {server.pid}{where}{of} in {duration(server.seconds)}"


def orphan_sentence(reaped: ReapedOrphan, *, dry_run: bool) -> str:
    orphan = reaped.orphan
    what = f"the {orphan.kind} {orphan.pid} of {orphan.root}"
    if dry_run:
        return f"would end {what}"
    return f"could not end {what}" if reaped.processes_left else f"ended {what}"


def machine_fields(machine: Machine) -> dict[str, Any]:
    """The JSON of all there is."""
    return {
        "schema": 1,
        "seen_at": datetime.now(UTC).isoformat(),
        "projects": [project_fields(project) for project in machine.projects],
        "other_servers": [server_fields(view) for view in machine.strangers],
        "ports": [
            {"port": port.number, **{k: v for k, v in asdict(port).items() if k != "number"}}
            for port in machine.ports
        ],
        "orphans": _all(machine.orphans),
        "leftovers": [fields_of(leftover, dry_run=True) for leftover in machine.leftovers],
        "forgotten": list(machine.forgotten),
    }


def project_fields(project: ProjectView) -> dict[str, Any]:
    return {
        "root": project.root,
        "name": project.name,
        "registered": project.registered,
        "state": project.state,
        "servers": [server_fields(view) for view in project.servers],
        "orphans": _all(project.orphans),
        "leftovers": [fields_of(leftover, dry_run=True) for leftover in project.leftovers],
    }


def server_fields(view: ServerView) -> dict[str, Any]:
    return {**asdict(view.server), "kernels": asdict(view.kernels)}


def orphan_fields(reaped: ReapedOrphan, *, dry_run: bool) -> dict[str, Any]:
    return {**asdict(reaped.orphan), "dry_run": dry_run, "processes_left": reaped.processes_left}


def _all(orphans: Iterable[Orphan]) -> list[dict[str, Any]]:
    return [asdict(orphan) for orphan in orphans]
