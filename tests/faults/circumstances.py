"""Faults 6 and 21 to 24: processes, memory or space run out, or a place is not as it should be."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from . import cells
from .accounts import Account
from .fault import Act, Fault
from .stage import PATIENCE, Stage, Tier
from .traces import until_none

_MOST_PROCESSES = 150
_MEMORY = {"limits": {"memory": "400MiB"}}
_TIMEOUT = 1.0
_GROWS = "blocks = []\nwhile True: blocks.append(b'x' * 20_000_000)"
_CHILD_GROWS = f"""
import subprocess, sys
print(subprocess.run([sys.executable, "-c", {_GROWS!r}]).returncode)
"""
_PRINTS_MUCH = "for _ in range(200): print('x' * 10_000)"
# ipykernel copies what is written here into the place's log; the thread of it that does dies of the
# full disk, after which the writer blocks.
_FILLS_THE_PLACE = "import os\nfor _ in range(100): os.write(1, b'x' * 10_000)"
_LOCKS_ITS_PLACE = """
import os
from ipykernel.connect import get_connection_file
place = os.path.dirname(get_connection_file())
os.makedirs(place + "/of/the/notebook")
open(place + "/of/the/file", "w").close()
for path in ("/of/the/file", "/of/the/notebook", "/of/the", "/of", ""):
    os.chmod(place + path, 0o500)
"""


def _fork_bomb(stage: Stage) -> float:
    """It holds the limit, and the CPUs, when the kernel is killed; the host lives on."""
    with _limited_processes() as group:
        stage.begin(
            cells.GO + "import os, time\nwhile not os.path.exists('limited'): time.sleep(0.01)",
            cells.BOMB + "time.sleep(1000)",
        )
        stage.go()
        stage.await_file(stage.project / "go")
        (group / "cgroup.procs").write_text(str(stage.kernel().pid))
        (stage.project / "limited").touch()
        assert not until_none(lambda: _room_in(group), PATIENCE), "the bomb does not fill the limit"
        began = stage.kill(stage.kernel())
        seconds = stage.gone(began, host=False)
        assert stage.conclude()["error"]["kind"] == "kernel_died"
        return seconds


def _room_in(group: Path) -> list[str]:
    taken = int((group / "pids.current").read_text())
    return [f"{taken} processes"] if taken < _MOST_PROCESSES else []


@contextlib.contextmanager
def _limited_processes() -> Iterator[Path]:
    parent = _group_of_processes()
    assert parent is not None
    group = parent / f"nbx-faults-{os.urandom(4).hex()}"
    group.mkdir()
    try:
        (group / "pids.max").write_text(str(_MOST_PROCESSES))
        yield group
    finally:
        group.rmdir()


def _group_of_processes() -> Path | None:
    """A control group of which children with a limit on processes can be made."""
    first = Path("/sys/fs/cgroup/pids")
    if first.is_dir() and os.access(first, os.W_OK):
        return first
    second = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError):
        if os.access(second, os.W_OK):
            delegated = (second / "cgroup.subtree_control").read_text().split()
            return second if "pids" in delegated else None
    return None


def _no_group(tier: Tier, account: Account) -> str | None:
    return None if _group_of_processes() else "no control group can limit processes here"


def _out_of_memory(stage: Stage) -> None:
    stage.begin(cells.BARE_DAEMON + _GROWS, options=_MEMORY)
    stage.go()
    error = stage.conclude()["error"]
    assert error["kind"] == "out_of_memory", error


def _child_out_of_memory(stage: Stage) -> None:
    stage.begin(_CHILD_GROWS, "'the kernel lives'", options=_MEMORY)
    stage.go()
    result = stage.conclude()
    assert result["status"] == "success", result
    assert result["cells"][0]["output_preview"] != "0"


def _full_project(stage: Stage) -> None:
    with _small_disk(stage.project, stage.account, "size=256k"):
        stage.begin(_PRINTS_MUCH)
        stage.go()
        result = stage.conclude()
        assert result["status"] == "error", result
        assert result["error"]["kind"] == "output_error", result["error"]
        assert [cell["status"] for cell in result["cells"]] == ["ok"]


def _full_place(options: str, cell: str, kind: str | None) -> Act:
    """The temporary directory is too small for what the kernel, or its directory, needs."""

    def act(stage: Stage) -> None:
        with _small_disk(stage.temporary, stage.account, options):
            _runs(stage, cell, kind, None)

    return act


@contextlib.contextmanager
def _small_disk(place: Path, account: Account, options: str) -> Iterator[None]:
    owned = f"{options},mode=700,uid={account.uid},gid={account.gid}"
    _do("mount", "-t", "tmpfs", "-o", owned, "faults", str(place))
    try:
        yield
    finally:
        _do("umount", "--lazy", str(place))


def _do(*command: str) -> None:
    subprocess.run(command, check=True, timeout=30)


def _cannot_mount(tier: Tier, account: Account) -> str | None:
    return None if os.getuid() == 0 else "only root may mount a small disk"


def _place(kind: str | None, temporary: str | None = None, cell: str = "1") -> Act:
    """A run whose temporary directory, below the stage's own, is this one."""

    def act(stage: Stage) -> None:
        _runs(stage, cell, kind, stage.temporary / temporary if temporary else None)

    return act


def _long_place(stage: Stage) -> None:
    place = stage.root / ("l" * 120)
    place.mkdir()
    os.chown(place, stage.account.uid, stage.account.gid)
    _runs(stage, "1", None, place)
    assert not list(place.iterdir())


def _runs(stage: Stage, cell: str, kind: str | None, temporary: Path | None) -> None:
    timeout = _TIMEOUT if kind == "cell_timeout" else 60
    stage.begin(cell, temporary=temporary, timeout=timeout)
    stage.go()
    error = stage.conclude()["error"]
    assert (error and error["kind"]) == kind, error


def _read_only_project(stage: Stage) -> None:
    stage.begin("1")
    stage.project.chmod(0o500)
    stage.go()
    error = stage.conclude()["error"]
    assert error["kind"] == "output_error", error


def _for_root(tier: Tier, account: Account) -> str | None:
    return None if account.uid else "root may write where nobody else may"


FAULTS = (
    Fault("6", "kernel killed that has dropped a fork bomb", _fork_bomb, 2.0, _no_group),
    Fault("21", "out of memory by limit", _out_of_memory),
    Fault("22", "a child out of memory, the kernel lives", _child_out_of_memory),
    Fault("23a", "project's disk full", _full_project, lacking=_cannot_mount),
    Fault(
        "23b",
        "temporary directory full while the kernel runs",
        _full_place("size=128k", _FILLS_THE_PLACE, "cell_timeout"),
        lacking=_cannot_mount,
    ),
    Fault(
        "23c",
        "temporary directory full before it starts",
        _full_place("nr_inodes=2", "1", "kernel_start"),
        lacking=_cannot_mount,
    ),
    Fault("24a", "private directory made read-only by a cell", _place(None, cell=_LOCKS_ITS_PLACE)),
    Fault("24b", "temporary directory missing", _place(None, "missing")),
    Fault("24c", "temporary directory too deep for a socket", _long_place),
    Fault("24d", "project read-only", _read_only_project, lacking=_for_root),
)
