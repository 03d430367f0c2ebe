"""What a fork server makes before it forks, each time in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_IN_MEMORY = "--HistoryManager.hist_file=:memory:"
_PREMAKE = """
import sys
from notebook_executor.lifecycle.premade import premake
hook, main = sys.excepthook, sys.modules["__main__"]
made = premake(sys.argv[1:])
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
singletons = IPKernelApp.initialized(), ZMQInteractiveShell.initialized()
as_before = sys.excepthook is hook and sys.modules["__main__"] is main
print(made is not None, *singletons, as_before)
"""
_IMPORTED = """
import sys
from notebook_executor.lifecycle.imported import Imported
import json, this
imported = Imported()
imported.hide_ours()
assert not [name for name in sys.modules if name.startswith("notebook_executor")]
print(imported.since())
import colorsys
print(imported.since())
del sys.modules["this"]
print(imported.since())
del sys.modules["json"]
import json
print(imported.since())
"""


def _output(tmp_path: Path, code: str, *arguments: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([_IN_MEMORY], "True True True False"),
        # A database on disk has a thread, which a fork loses.
        ([], "False False False True"),
        # Meant for a shell of a kernel.
        (
            [_IN_MEMORY, "--IPythonKernel.ZMQInteractiveShell.colors=nocolor"],
            "False False False True",
        ),
        # What the kernels refuse is left to them, and nothing of the attempt.
        ([_IN_MEMORY, "--IPKernelApp.log_level=much"], "False False False True"),
    ],
)
def test_it_is_made_only_where_it_is_alike_in_all_kernels(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    assert _output(tmp_path, _PREMAKE, *arguments)[-1] == told


def test_what_was_imported_since_is_known_whatever_else_has_gone(tmp_path: Path) -> None:
    nothing, one, less, again = _output(tmp_path, _IMPORTED)[-4:]

    assert [nothing, one, less, again] == ["[]", "['colorsys']", "['colorsys']", "['colorsys']"]
