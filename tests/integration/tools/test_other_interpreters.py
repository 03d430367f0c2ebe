"""hermes_runtime in an interpreter that is not ours, has nothing of ours, and is older."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from notebook_executor.tools.audit import FinishedCall
from notebook_executor.tools.policy import Policy
from tests.integration.tools.broking import serving

_PROJECT = Path(__file__).parents[3]
_SCRIPT = """
import asyncio, json, platform, sys, threading, warnings
import hermes_runtime as hermes
from hermes_runtime import aio, glue

told = {"implementation": platform.python_implementation(), "modules": []}
told["tools"] = [tool["name"] for tool in hermes.tools()]
told["answer"] = hermes.call("double", text="é")
answers = []
threads = [
    threading.Thread(target=lambda n=n: answers.append(hermes.call("double", text=str(n))))
    for n in range(40)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
told["answers"] = sorted(answers, key=lambda answer: int(answer[: len(answer) // 2]))

async def several():
    return await asyncio.gather(*(aio.call("double", text=str(n)) for n in range(5)))

told["awaited"] = asyncio.run(several())
try:
    hermes.call("forbidden")
except hermes.ToolDeniedError as error:
    told["denied"] = [error.tool, error.message]
try:
    hermes.call("double", text=object())
except hermes.ToolError as error:
    told["unsent"] = error.message
told["help"] = hermes.terminal.__doc__.splitlines()[0]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    glue("score", 1)
told["glue"] = str(said[0].message)
told["ours"] = [name for name in sys.modules if name.startswith("notebook_executor")]
print(json.dumps(told))
"""


def test_hermes_runtime_works_in_pypy(tmp_path: Path) -> None:
    pypy = shutil.which("pypy3")
    if pypy is None:
        pytest.skip("pypy3 is not installed")
    shutil.copytree(_PROJECT / "hermes_runtime", tmp_path / "alone" / "hermes_runtime")
    finished: list[FinishedCall] = []

    tools = {"double": lambda text: text * 2, "forbidden": lambda: None}
    policy = Policy(allow=("double",))
    with serving(tools, finished.append, policy=policy) as (_, environment):
        done = subprocess.run(
            [pypy, "-W", "error", "-c", _SCRIPT],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(tmp_path / "alone")},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["implementation"] == "PyPy"
    assert told["tools"] == ["double"]
    assert told["answer"] == "éé"
    assert told["answers"] == [str(number) * 2 for number in range(40)]
    assert told["awaited"] == ["00", "11", "22", "33", "44"]
    assert told["denied"][0] == "forbidden"
    assert "cannot be sent" in told["unsent"]
    assert told["help"].startswith("Run a command")
    assert "no kernel here" in told["glue"]
    assert told["ours"] == []
    assert len(finished) == 1 + 40 + 5 + 1
