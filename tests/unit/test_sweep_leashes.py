"""What a sweep's host leaves behind when it is killed, and who removes that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from notebook_executor.config import Settings
from notebook_executor.sweeps.leash import Leashes

_HOST = """
import sys
from pathlib import Path
from notebook_executor.config import Settings
from notebook_executor.sweeps.leash import Leashes
leashes = Leashes(Path(sys.argv[1]), Settings())
leashes.new(0)
print(leashes._directory, flush=True)
sys.stdin.read()
"""


def directories(root: Path) -> set[str]:
    return {path.name for path in (root / ".nbx" / "sweeps").iterdir()}


def make_old(directory: Path) -> None:
    os.utime(directory, (time.time() - 3600,) * 2)


def test_what_a_killed_host_left_is_removed_by_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOST, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        left = Path(os.fsdecode(host.stdout.readline().rstrip(b"\n")))
        make_old(left)
        # Beside a living host, nothing is touched.
        mine = Leashes(tmp_path, Settings())
        assert left.is_dir()
        host.kill()

    make_old(mine._directory)
    other = Leashes(tmp_path, Settings())
    # Nor is what is this process's own: to look at its lock would open it.
    assert directories(tmp_path) == {mine._directory.name, other._directory.name}
    mine.close()
    other.close()
    assert directories(tmp_path) == set()


def test_what_is_young_or_anothers_is_left_alone(tmp_path: Path) -> None:
    sweeps = tmp_path / ".nbx" / "sweeps"
    before = Leashes(tmp_path, Settings())
    host = before._directory.name.split(f".{os.getpid()}.")[0]
    before.close()
    for name in (f"{host}.1.young", "elsewhere.1.old", "tmpabc", f"{host}.1.unlocked"):
        (sweeps / name).mkdir()
        (sweeps / name / "host").touch()
        if not name.endswith("young"):
            make_old(sweeps / name)
    (sweeps / f"{host}.1.empty").mkdir()
    make_old(sweeps / f"{host}.1.empty")
    (sweeps / f"{host}.1.file").touch()
    make_old(sweeps / f"{host}.1.file")

    Leashes(tmp_path, Settings()).close()

    assert directories(tmp_path) == {
        *(f"{host}.1.young", "elsewhere.1.old", "tmpabc"),
        *(f"{host}.1.empty", f"{host}.1.file"),
    }
