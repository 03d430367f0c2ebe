"""Control groups, by recorded files: where kernels can have some, and what theirs tell."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from notebook_executor.lifecycle.cgroups import Place, find_place, own_group
from notebook_executor.lifecycle.lease_group import (
    FIELD,
    Kills,
    LeaseGroup,
    end_group,
    recorded_group,
)
from notebook_executor.lifecycle.limits import LimitHit, ResourceLimits, Watch

MakeGroup = Callable[..., Path]
_BOTH = ("memory", "pids")
_NOBODYS = 2**22 + 1  # above the highest pid that Linux gives


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """The folder of a process in ``user.slice/run.scope`` of a machine with versions 1 and 2."""
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "cgroup").write_text("4:memory:/elsewhere\n0::/user.slice/run.scope\n")
    (folder / "mountinfo").write_text(
        "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"31 24 0:26 / {tmp_path}/v1 rw - cgroup cgroup rw,memory\n"
        f"41 24 0:38 / {tmp_path}/v2 rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    )
    return folder


@pytest.fixture
def make_group(tmp_path: Path) -> MakeGroup:
    def make(
        path: str,
        *,
        passed_on: str = "",
        there: str = "cpu memory pids",
        procs: tuple[int, ...] = (),
        root: bool = False,
    ) -> Path:
        folder = tmp_path / "v2" / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.controllers").write_text(f"{there}\n")
        (folder / "cgroup.subtree_control").write_text(f"{passed_on}\n")
        (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in procs))
        if not root:
            (folder / "cgroup.type").write_text("domain\n")
        return folder

    return make


def found(proc: Path, systemd: str = "/nowhere") -> Place | str:
    return find_place(os.getpid(), str(proc), systemd)


def test_a_process_is_in_the_group_of_version_two(proc: Path, tmp_path: Path) -> None:
    assert own_group(str(proc)) == f"{tmp_path}/v2/user.slice/run.scope"


@pytest.mark.parametrize(
    ("root", "path", "inner"),
    [("/a", "/a/b", "b"), ("/a/b", "/a/b", "."), ("/c", "/a/b", None), ("/", "/../b", None)],
)
def test_a_container_mounts_but_a_part(
    proc: Path, tmp_path: Path, root: str, path: str, inner: str | None
) -> None:
    (proc / "cgroup").write_text(f"0::{path}\n")
    (proc / "mountinfo").write_text(f"41 24 0:38 {root} {tmp_path} rw - cgroup2 cgroup rw\n")

    expected = None if inner is None else os.path.normpath(tmp_path / inner)
    assert own_group(str(proc)) == expected


def test_with_version_one_alone_there_is_no_place(proc: Path) -> None:
    (proc / "cgroup").write_text("4:memory:/elsewhere\n")

    assert "version 2" in str(found(proc))


def test_an_empty_group_passes_on_what_it_has(proc: Path, make_group: MakeGroup) -> None:
    group = make_group("user.slice/run.scope", passed_on="memory")

    assert found(proc) == Place(str(group), _BOTH, ("pids",))


def test_what_is_passed_on_already_is_ready_for_kernels(proc: Path, make_group: MakeGroup) -> None:
    group = make_group("user.slice/run.scope", passed_on="memory pids", procs=(1,))

    place = found(proc)

    assert place == Place(str(group), _BOTH)
    assert isinstance(place, Place)
    assert place.ready


def test_a_group_without_strangers_can_have_a_leaf(proc: Path, make_group: MakeGroup) -> None:
    group = make_group("user.slice/run.scope", procs=(os.getpid(),))

    assert found(proc) == Place(str(group), _BOTH, _BOTH, (os.getpid(),))


@pytest.mark.parametrize("stranger", [_NOBODYS, 0], ids=["seen", "outside"])
def test_strangers_are_not_moved(proc: Path, make_group: MakeGroup, stranger: int) -> None:
    make_group("user.slice")
    group = make_group("user.slice/run.scope", procs=(os.getpid(), stranger))

    assert found(proc) == Place(str(group.parent), _BOTH, _BOTH)
    make_group("user.slice", procs=(stranger,))
    assert "of others" in str(found(proc))


def test_the_root_of_all_may_have_processes(
    proc: Path, make_group: MakeGroup, tmp_path: Path
) -> None:
    (proc / "cgroup").write_text("0::/\n")
    group = make_group("", procs=(1, 2), root=True, there="pids")

    assert found(proc) == Place(str(group), ("pids",), ("pids",))


def test_where_nothing_can_be_limited_there_is_no_place(proc: Path, make_group: MakeGroup) -> None:
    make_group("user.slice/run.scope", there="hugetlb")

    assert "neither memory nor pids" in str(found(proc))


def test_what_systemd_has_not_delegated_is_left_to_it(
    proc: Path, make_group: MakeGroup, tmp_path: Path
) -> None:
    group = make_group("user.slice/run.scope")

    assert "systemd has not delegated" in str(found(proc, str(tmp_path)))
    try:
        os.setxattr(group, "user.delegate", b"1")
    except OSError as error:
        pytest.skip(f"no extended attributes in the temporary directory: {error.strerror}")
    assert found(proc, str(tmp_path)) == Place(str(group), _BOTH, _BOTH)


def test_a_run_within_a_run_has_no_place(proc: Path, make_group: MakeGroup) -> None:
    (proc / "cgroup").write_text("0::/user.slice/nbx-0a1b2c3d4e5f\n")
    make_group("user.slice", passed_on="memory pids")

    assert "a run's own" in str(found(proc))


def test_from_the_leaf_the_place_is_the_group_above(proc: Path, make_group: MakeGroup) -> None:
    (proc / "cgroup").write_text("0::/user.slice/run.scope/nbx-host\n")
    group = make_group("user.slice/run.scope", passed_on="memory pids")
    make_group("user.slice/run.scope/nbx-host", procs=(os.getpid(), _NOBODYS))

    assert found(proc) == Place(str(group), _BOTH)


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """The folder of a kernel's group as Linux shows it, those of its files that are read."""
    folder = tmp_path / "nbx-kernel"
    folder.mkdir()
    for name, text in {
        "cgroup.procs": "12\n13\n",
        "pids.current": "9\n",
        "pids.max": "max\n",
        "memory.max": "max\n",
        "memory.swap.max": "max\n",
        "memory.peak": "31457280\n",
        "memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n",
        "memory.events.local": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n",
        "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
    }.items():
        (folder / name).write_text(text)
    return folder


def content(folder: Path, name: str) -> str:
    """What was written over a file, up to where that has ended."""
    return (folder / name).read_text().splitlines()[0]


def test_limits_are_written_where_there_is_a_controller(group: Path) -> None:
    kept = LeaseGroup(str(group), _BOTH)
    kept.limit(ResourceLimits(memory=300_000_000, processes=100, cpu_seconds=1))

    assert kept.limits_memory
    assert content(group, "memory.max") == "300000000"
    assert content(group, "memory.swap.max").startswith("0")
    assert content(group, "pids.max") == "6400"


def test_what_is_not_limited_is_left_alone(group: Path) -> None:
    without = LeaseGroup(str(group), ("pids",))
    without.limit(ResourceLimits(memory=1))
    free = LeaseGroup(str(group), _BOTH)
    free.limit(ResourceLimits(file_size=1))

    assert not without.limits_memory
    assert not free.limits_memory
    assert {content(group, name) for name in ("memory.max", "pids.max")} == {"max"}


def test_a_limit_that_the_system_refuses_is_watched(group: Path) -> None:
    (group / "memory.max").unlink()
    kept = LeaseGroup(str(group), _BOTH)
    kept.limit(ResourceLimits(memory=1))

    assert not kept.limits_memory


def test_processes_are_counted_when_there_are_more_threads_than_that(group: Path) -> None:
    inner = group / "of-the-notebook"
    inner.mkdir()
    (inner / "cgroup.procs").write_text("20\n")
    kept = LeaseGroup(str(group), _BOTH)

    assert kept.number(9) == 9
    assert kept.number(8) == 3
    (group / "pids.current").unlink()
    assert kept.number(9) == 3


@pytest.mark.parametrize(
    ("limits", "hit"),
    [
        (ResourceLimits(processes=1), ("processes", 2)),
        (ResourceLimits(processes=2), None),
        (ResourceLimits(cpu_seconds=2.4), ("cpu_seconds", 2.5)),
        (ResourceLimits(cpu_seconds=2.5, memory=1), None),
    ],
)
def test_the_keeper_goes_by_what_the_system_has_counted(
    group: Path, limits: ResourceLimits, hit: tuple[str, float] | None
) -> None:
    kept = LeaseGroup(str(group), _BOTH)
    kept.limit(limits)

    found = Watch(limits, os.getpid(), kept).look()

    assert (found and found[:2]) == hit


def test_who_was_killed_for_the_limit(group: Path) -> None:
    kept = LeaseGroup(str(group), _BOTH)

    assert kept.kills() == Kills(2, by_limit=True)
    child, kernel = kept.memory_hits(kernel=True)
    assert child == LimitHit("memory", 31457280, "", False)
    assert kernel == LimitHit("memory", 31457280, "", True)
    assert kept.memory_hits(kernel=False) == [child, child]


def test_a_kill_for_want_of_memory_elsewhere_is_not_for_the_limit(group: Path) -> None:
    (group / "memory.events.local").write_text("max 0\noom 0\noom_kill 1\n")
    kept = LeaseGroup(str(group), _BOTH)

    assert kept.kills() == Kills(2, by_limit=False)
    assert kept.memory_hits(kernel=True) == []


def test_without_a_peak_the_limit_is_told(group: Path) -> None:
    """Before Linux 5.19."""
    (group / "memory.peak").unlink()
    kept = LeaseGroup(str(group), _BOTH)
    kept.limit(ResourceLimits(memory=1000))

    assert kept.peak() is None
    assert kept.memory_hits(kernel=True)[-1].used == 1000


def test_only_a_group_of_the_directorys_name_is_its_leases(group: Path) -> None:
    record = {FIELD: str(group)}

    assert recorded_group(record, "/tmp/nbx-kernel") == str(group)
    assert recorded_group(record, "/tmp/.nbx-kernel") == str(group)
    assert recorded_group(record, "/tmp/nbx-another") is None
    assert recorded_group({FIELD: 7}, "/tmp/nbx-kernel") is None
    assert recorded_group({}, "/tmp/nbx-kernel") is None
    (group / "cgroup.procs").unlink()
    assert recorded_group(record, "/tmp/nbx-kernel") is None


def test_a_group_goes_with_those_below_it(tmp_path: Path) -> None:
    outer = tmp_path / "nbx-kernel"
    (outer / "of" / "the-notebook").mkdir(parents=True)

    assert end_group(str(outer))
    assert not outer.exists()
    assert end_group(str(outer))
