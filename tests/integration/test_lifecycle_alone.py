"""The lifecycle room by itself: the example of its page, and what it depends on."""

from __future__ import annotations

import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

_PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
# What the package depends on, and this room must do without.
_FORBIDDEN = (
    "pydantic",
    "pydantic_settings",
    "nbformat",
    "papermill",
    "nbclient",
    "psutil",
    "rich",
)
_BLOCK = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {_FORBIDDEN!r}:
            raise ImportError(f"{{name}} is not to be imported here")

sys.meta_path.insert(0, Block())
"""


def _example() -> str:
    examples = re.findall(r"```python\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
    (example,) = (text for text in examples if "SIGKILL" in text)
    assert len(example.splitlines()) <= 20
    return str(example)


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def _processes_in(directory: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(directory in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def test_the_example_leaves_nothing_when_it_kills_itself() -> None:
    example = _example()
    assert "'1000'" in example
    # Others on this machine may sleep for as long as the example does.
    seconds = f"1000.{secrets.randbelow(10**9)}"
    done = subprocess.run(
        [sys.executable, "-c", _BLOCK + example.replace("1000", seconds)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    tier, directory = done.stdout.split()
    assert tier in ("namespace", "subreaper")
    assert _eventually(lambda: not Path(directory).exists())
    assert _eventually(lambda: not _processes_in(directory))

    def sleeps() -> list[int]:
        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if process.info["cmdline"] == ["sleep", seconds]
        ]

    assert _eventually(lambda: not sleeps())


def test_the_supervisors_import_the_standard_library_alone() -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1]); import notebook_executor.lifecycle.guard; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    root = str(_PAGE.parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, root],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    foreign = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"notebook_executor"}
    assert not foreign - {"__main__"}
