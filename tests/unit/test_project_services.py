"""Servers that a service manager runs: what cgroups say, and what managers answer, if they do.

There is no systemd and no launchd here that could be asked: the programs are stand-ins that print
what systemd 252 and macOS 15 print.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notebook_executor.lifecycle.project import services as room
from notebook_executor.lifecycle.project.processes import ProcessTable, Seen, look
from notebook_executor.lifecycle.project.services import Service, Services, unit_of

_UNIT = "jupyter-demo.service"
_SYSTEM = f"0::/system.slice/{_UNIT}\n"
_USER = f"0::/user.slice/user-1000.slice/user@1000.service/app.slice/{_UNIT}\n"


@pytest.mark.parametrize(
    ("cgroups", "unit"),
    [
        (_SYSTEM, ("system", _UNIT)),
        (_USER, ("user", _UNIT)),
        ("0::/system.slice/system-jupyter.slice/jupyter@demo\\x2d1.service\n",
         ("system", "jupyter@demo\\x2d1.service")),
        # Version 1, where systemd has a hierarchy of its own.
        ("12:pids:/x\n1:name=systemd:/system.slice/a.service\n0::/\n", ("system", "a.service")),
        # Groups below a unit that has them delegated.
        ("0::/system.slice/a.service/payload/worker\n", ("system", "a.service")),
        ("0::/system.slice/a.service (deleted)\n", ("system", "a.service")),
        # A terminal, a container, the manager itself, a process without any.
        ("0::/user.slice/user-1000.slice/session-3.scope\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-vte-1.scope\n", None),
        ("0::/system.slice/containerd.service/kubepods/docker-0a1b.scope\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", None),
        ("0::/\n", None),
        ("4:memory:/process_api/ce80\n0::/\n", None),
        ("", None),
        ("nonsense\n:::\n\0\n0::", None),
        ("0::/system.slice/--force;rm.service\n", None),
    ],
)  # fmt: skip
def test_the_unit_that_a_cgroup_names(cgroups: str, unit: tuple[str, str] | None) -> None:
    assert unit_of(cgroups) == unit


def test_the_cgroup_of_a_real_process_is_understood() -> None:
    text = Path("/proc/self/cgroup").read_text("utf-8")

    unit = unit_of(text)
    assert unit is None or unit[1] in text


Programs = Callable[..., Path]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with much to do takes longer to start a stand-in than a manager to answer."""
    monkeypatch.setattr(room, "_SECONDS", 60)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Put a program on PATH, which has no other manager; it notes how it is called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, body: str) -> Path:
        log = tmp_path / f"{name}.log"
        path = folder / name
        path.write_text(
            f"#!{sys.executable}\nimport json, os, sys, time\nargs = sys.argv[1:]\n"
            f"open({str(log)!r}, 'a').write(json.dumps(args) + '\\n')\n{body}\n"
        )
        path.chmod(0o755)
        log.touch()
        return log

    return put


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    """Some process of ours to ask about, below one that could be its wrapper."""
    inner = [sys.executable, "-c", "import sys; sys.stdin.read()", "jupyter-lab"]
    with subprocess.Popen(inner, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def in_group(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Have all processes be in a cgroup, as nobody can be here without systemd."""

    def put(group: str | None) -> None:
        monkeypatch.setattr(room, "_content", lambda path: group)

    return put


def shown(pid: int, *, active: str = "active", name: str = _UNIT) -> str:
    return f"print('MainPID={pid}\\nId={name}\\nActiveState={active}')"


@pytest.mark.parametrize(
    ("group", "scope", "stop"),
    [
        (_SYSTEM, "system", f"systemctl stop {_UNIT}"),
        (_USER, "user", f"systemctl --user stop {_UNIT}"),
    ],
)
def test_a_units_main_process_is_its_service_in_either_scope(
    program: Programs,
    server: subprocess.Popen[bytes],
    in_group: Callable[[str | None], None],
    group: str,
    scope: str,
    stop: str,
) -> None:
    log = program("systemctl", shown(server.pid))
    in_group(group)
    services = Services(look())

    assert services.running(server.pid) == Service(scope, _UNIT, stop, confirmed=True)  # type: ignore[arg-type]
    assert services.running(server.pid) is not None
    # Asked once, however often one looks.
    (call,) = map(json.loads, log.read_text().splitlines())
    assert call == [
        *(["--user"] if scope == "user" else []),
        *("show", "--property=Id,MainPID,ActiveState", "--", _UNIT),
    ]


def test_what_a_service_only_has_started_is_not_its_service(
    program: Programs, server: subprocess.Popen[bytes], in_group: Callable[[str | None], None]
) -> None:
    # As cron's jobs are in cron.service.
    program("systemctl", shown(1, name="cron.service"))
    in_group("0::/system.slice/cron.service\n")

    assert Services(look()).running(server.pid) is None


def table(*rows: tuple[int, int, str]) -> ProcessTable:
    uid = os.geteuid()
    return ProcessTable(
        {
            pid: Seen(pid, parent, uid, "me", 1.0, 0, tuple(line.split()))
            for pid, parent, line in rows
        }
    )


@pytest.mark.parametrize(
    ("wrapper", "is_service"),
    [("bash -c exec\tjupyter-lab", True), ("/p/scripts/app.sh start", True), ("crond -f", False)],
)
def test_a_wrapper_is_a_service_if_it_says_that_it_serves(
    program: Programs, in_group: Callable[[str | None], None], wrapper: str, is_service: bool
) -> None:
    program("systemctl", shown(70, name="a.service"))
    in_group("0::/system.slice/a.service\n")
    processes = table((1, 0, "init"), (70, 1, wrapper), (71, 70, "python -m jupyterlab"))

    assert (Services(processes).running(71) is not None) is is_service


def test_a_unit_without_a_main_process_is_believed_while_it_is_active(
    program: Programs, server: subprocess.Popen[bytes], in_group: Callable[[str | None], None]
) -> None:
    in_group(_SYSTEM)
    program("systemctl", shown(0))
    assert Services(look()).running(server.pid) is not None
    # What systemd says of a unit that it does not know.
    program("systemctl", shown(0, active="inactive"))
    assert Services(look()).running(server.pid) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "print('\\0\\xff garbage MainPID=x')",
        "print('MainPID=12'); sys.exit(1)",
        "print('Id=another.service\\nMainPID=7\\nActiveState=active')",
        "print('MainPID=' + '9' * 5000 + f'\\nId={args[-1]}')",
        "sys.stdout.buffer.write(b'\\xff' * 5_000_000)",
        "sys.exit('System has not been booted with systemd as init system (PID 1).')",
        "os.kill(os.getpid(), 9)",
    ],
)
def test_an_answer_that_is_none_leaves_what_the_cgroup_says(
    program: Programs,
    server: subprocess.Popen[bytes],
    in_group: Callable[[str | None], None],
    body: str,
) -> None:
    log = program("systemctl", body)
    in_group(_SYSTEM)
    services = Services(look())

    service = services.running(server.pid)

    assert service is not None
    assert not service.confirmed
    in_group("0::/system.slice/other.service\n")
    assert services.running(server.pid) is not None
    # Who does not answer is not asked again.
    assert len(log.read_text().splitlines()) == 1


def test_a_manager_that_hangs_is_given_up(
    program: Programs,
    server: subprocess.Popen[bytes],
    in_group: Callable[[str | None], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "_SECONDS", 0.2)
    program("systemctl", "time.sleep(1000)")
    in_group(_SYSTEM)

    service = Services(look()).running(server.pid)

    assert service is not None
    assert not service.confirmed


def test_without_systemctl_there_is_no_service(
    program: Programs, server: subprocess.Popen[bytes], in_group: Callable[[str | None], None]
) -> None:
    in_group(_SYSTEM)

    assert Services(look()).running(server.pid) is None


def test_the_caller_and_what_it_stands_on_are_no_services(
    program: Programs, in_group: Callable[[str | None], None]
) -> None:
    program("systemctl", shown(os.getpid()))
    in_group(_SYSTEM)
    services = Services(look())

    assert services.running(os.getpid()) is None
    assert services.running(os.getppid()) is None


_LIST_UNITS = [
    {"unit": "ssh.service", "load": "loaded", "active": "active", "sub": "running",
     "description": "OpenBSD Secure Shell server"},
    {"unit": _UNIT, "load": "loaded", "active": "active", "sub": "running",
     "description": "JupyterLab of demo"},
]  # fmt: skip


def systemctl_that_lists(pid: int) -> str:
    return (
        "if '--user' in args: sys.exit('Failed to connect to bus: No medium found')\n"
        f"if 'list-units' in args: print({json.dumps(_LIST_UNITS)!r})\n"
        "else:\n"
        "    print('MainPID=0\\nId=ssh.service\\nActiveState=active\\n')\n"
        f"    {shown(pid)}"
    )


def test_where_cgroups_cannot_be_read_systemds_list_tells(
    program: Programs, server: subprocess.Popen[bytes], in_group: Callable[[str | None], None]
) -> None:
    log = program("systemctl", systemctl_that_lists(server.pid))
    in_group(None)
    services = Services(look())

    first = services.running(server.pid)
    assert first == Service("system", _UNIT, f"systemctl stop {_UNIT}", confirmed=True)
    calls = len(log.read_text().splitlines())
    assert services.running(server.pid) == first
    assert len(log.read_text().splitlines()) == calls


def test_launchds_list_tells(
    program: Programs, server: subprocess.Popen[bytes], in_group: Callable[[str | None], None]
) -> None:
    program(
        "launchctl",
        "print('PID\\tStatus\\tLabel')\nprint('-\\t0\\tcom.apple.cfprefsd.xpc.agent')\n"
        f"print('{server.pid}\\t-15\\torg.demo.jupyter')",
    )
    in_group(None)

    service = Services(look()).running(server.pid)

    stop = f"launchctl bootout gui/{os.getuid()}/org.demo.jupyter"
    assert service == Service("launchd", "org.demo.jupyter", stop, confirmed=True)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "print('[')",
        "print('[' * 100_000)",
        "print('{\"unit\": 1}')",
        "print('[{\"unit\": 1}, 2, null]')",
        "print('-\\t-\\t-\\n12\\n\\t\\t\\n\\0')",
        "sys.stdout.buffer.write(bytes(range(256)) * 100)",
        "sys.exit(3)",
    ],
)
@pytest.mark.parametrize("name", ["systemctl", "launchctl"])
def test_a_list_that_is_none_is_survived(
    program: Programs,
    server: subprocess.Popen[bytes],
    in_group: Callable[[str | None], None],
    name: str,
    body: str,
) -> None:
    program(name, body)
    in_group(None)

    assert Services(look()).running(server.pid) is None
