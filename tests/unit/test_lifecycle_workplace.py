"""A process's own private directory: nobody's while it lives, anybody's once it is dead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from notebook_executor.lifecycle.leases import open_lease
from notebook_executor.lifecycle.reaper import reap
from notebook_executor.lifecycle.registry import live_kernels
from notebook_executor.lifecycle.workplace import workplace

_KILLED = """
import os, signal
from notebook_executor.lifecycle.workplace import workplace
with workplace("test") as place:
    (place / "file").touch()
    (place / "folder").mkdir()
    (place / "folder").chmod(0o500)
    print(place, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""

_FORKED = """
import os
from notebook_executor.lifecycle.workplace import workplace
with workplace("test") as place:
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        print(place.exists(), flush=True)
if not pid:
    os._exit(0)
print(place.exists())
"""


def test_it_is_gone_after_the_block_whatever_is_in_it() -> None:
    with workplace("test") as place:
        assert place.stat().st_mode & 0o777 == 0o700
        (place / "deep" / "er").mkdir(parents=True)
        (place / "deep" / "er" / "file").touch()
        (place / "deep").chmod(0o500)
    assert not place.exists()


def test_it_is_gone_after_an_exception() -> None:
    def fail() -> None:
        with workplace("test") as place:
            places.append(place)
            raise KeyboardInterrupt

    places: list[Path] = []
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not places[0].exists()


def test_a_reaper_leaves_it_alone_and_it_is_no_kernel() -> None:
    with workplace("test") as place:
        assert reap([place.parent]) == []
        assert [one for one in live_kernels([place.parent]) if one.directory == place] == []
        lease = open_lease(place)
        assert lease is not None
        with lease:
            assert lease.is_held()
            assert lease.read()["purpose"] == "test"
            assert lease.read()["host_pid"] == os.getpid()


def test_what_a_killed_process_leaves_is_reaped() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED], capture_output=True, text=True, check=False, timeout=60
    )
    place = Path(killed.stdout.strip())
    assert (place / "file").exists(), killed.stderr

    leftovers = reap([place.parent])

    assert place in [one.directory for one in leftovers]
    assert not place.exists()


def test_a_forked_copy_leaves_it_to_its_owner() -> None:
    forked = subprocess.run(
        [sys.executable, "-c", _FORKED], capture_output=True, text=True, check=False, timeout=60
    )
    assert forked.stdout.split() == ["True", "False"], forked.stderr
