"""The tier for systems without guard and keeper, on one that has no /proc."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.integration.sessions import wait_until

# As an ordinary user may, too: the mount is this process's own, and over what the machine has.
_WITHOUT_PROC = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
_HIDE = 'mount -t tmpfs none /proc && exec "$@"'
_HOST = """
import json, sys
from notebook_executor import NotebookExecutor
from notebook_executor.lifecycle import launch, live_kernels, register_session
from notebook_executor.lifecycle.directories import bases
told = {}
with NotebookExecutor(sys.argv[1], warm=True) as executor:
    for name in sys.argv[2:]:
        result = executor.execute(name, False, timeout=5 if "late" in name else 60)
        kind = result.error and result.error.kind
        told[name] = [kind, result.kernel.containment, result.kernel.exit_code]
        assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
with launch(["sleep", "600"]) as session:
    told["session"] = [session.containment, session.alive]
    try:
        register_session(5000, 99)
    except Exception as error:
        told["registered"] = str(error)
told["kernels"] = [str(kernel.directory) for kernel in live_kernels(bases()[:1])]
print(json.dumps(told))
"""


def test_runs_and_sessions_without_proc(tmp_path: Path) -> None:
    probe = [*_WITHOUT_PROC, _HIDE, "sh", "true"]
    if subprocess.run(probe, capture_output=True, check=False, timeout=60).returncode != 0:
        pytest.skip("no mount namespace to hide /proc in")
    seconds = f"1000.{secrets.randbelow(10**9)}"
    child = f"import subprocess\nchild = subprocess.Popen(['sleep', '{seconds}'])"
    cells = {"fine": child, "late": f"{child}\nchild.wait()", "dead": "import os\nos._exit(3)"}
    for name, cell in cells.items():
        node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
        nbformat.write(node, tmp_path / f"{name}.ipynb")
    names = [f"{name}.ipynb" for name in cells]

    done = subprocess.run(
        [*_WITHOUT_PROC, _HIDE, "sh", sys.executable, "-c", _HOST, str(tmp_path), *names],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["fine.ipynb"] == [None, "best_effort", 0]
    assert told["late.ipynb"][:2] == ["cell_timeout", "best_effort"]
    assert told["dead.ipynb"] == ["kernel_died", "best_effort", 3]
    assert told["session"] == ["best_effort", True]
    assert "needs Linux and /proc" in told["registered"]
    assert told["kernels"] == []
    wait_until(lambda: not _sleeping(seconds))


def _sleeping(seconds: str) -> list[int]:
    found = psutil.process_iter(["cmdline"])
    return [each.pid for each in found if each.info["cmdline"] == ["sleep", seconds]]
