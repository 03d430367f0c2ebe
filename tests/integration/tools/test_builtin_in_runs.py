"""The built-in tools in whole runs, in the containment of real kernels."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from notebook_executor import ExecutionResult, NotebookExecutor
from tests.conftest import MakeNotebook
from tests.integration.tools.web_server import served

_ALL = """
import json
from hermes_runtime import *
daemon = terminal("setsid sh -c 'sleep 1000; exit' MARK > /dev/null 2>&1 & echo started")
seen = {
    "written": write_file("notes/a.txt", "one\\ntwo\\n")["bytes_written"],
    "read": read_file("notes/a.txt")["content"],
    "patched": patch("notes/a.txt", "two", "three")["replaced"],
    "found": search_files("^thr", "notes")["matches"],
    "page": web_extract([URL])["results"][0]["title"],
    "hits": len(web_search("late")["data"]["web"]),
    "daemon": daemon["output"],
    "slow": terminal("sleep 1000", timeout=0.2)["exit_code"],
    "long": "output_path" in terminal("seq 100000"),
}
print(json.dumps(seen))
"""


@pytest.mark.parametrize(
    ("warm", "host_view"), [(True, False), (False, True)], ids=["warm-namespace", "cold-subreaper"]
)
def test_all_of_them_work_in_a_run_and_leave_nothing(
    make_notebook: MakeNotebook, tmp_path: Path, warm: bool, host_view: bool
) -> None:
    mark = str(tmp_path / "daemon")
    with served() as server:
        url = f"http://{server.address}"
        policy = {
            "allow": ["*"],
            "terminal": {"commands": ["*"]},
            "files": {"read": ["notes"], "write": ["notes"]},
            "web": {"hosts": [server.address], "search": url},
        }
        path = make_notebook(_ALL.replace("MARK", mark).replace("URL", repr(f"{url}/article")))
        with NotebookExecutor(tmp_path, policy=policy, warm=warm) as executor:
            result = executor.execute(path, False, host_view=host_view)
            # While the kernel's host is still there.
            living = [one for one in psutil.process_iter(["cmdline"]) if mark in _words(one)]
    assert result.ok, result
    assert json.loads(_output(result)) == {
        "written": 8,
        "read": "1|one\n2|two",
        "patched": 1,
        "found": [{"path": "notes/a.txt", "line": 2, "content": "three"}],
        "page": "Orders of the day",
        "hits": 5,
        "daemon": "started\n",
        "slow": 124,
        "long": True,
    }
    assert not living
    assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
    assert [call.outcome for call in result.tool_calls] == ["ok"] * 9
    assert result.kernel.warm is warm
    (spilled,) = (tmp_path / ".nbx" / "runs" / result.run_id).rglob("terminal-*.txt")
    assert spilled.read_text().endswith("100000\n")


def _output(result: ExecutionResult) -> str:
    assert result.notebook is not None
    (output,) = result.notebook.cells[-1].outputs
    return str(output["text"])


def _words(process: psutil.Process) -> list[str]:
    return process.info["cmdline"] or []


def test_a_run_that_is_cancelled_ends_its_commands(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    mark = str(tmp_path / "command")
    command = f"trap '' INT TERM; echo up > {tmp_path}/up; sleep 1000; exit {mark}"
    path = make_notebook(f"from hermes_runtime import terminal\nterminal({command!r})")
    with NotebookExecutor(
        tmp_path, policy={"allow": ["terminal"], "terminal": {"commands": ["*"]}}
    ) as made:
        run = made.start(path, False)
        while not (tmp_path / "up").exists() and not run.wait(0.02):
            pass
        run.cancel("enough")
        result = run.result()
    assert result.error is not None
    assert result.error.kind == "cancelled"
    assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
    assert not [one for one in psutil.process_iter(["cmdline"]) if mark in " ".join(_words(one))]
