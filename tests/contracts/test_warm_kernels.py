"""A forked kernel shows its notebook what a cold one shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from notebook_executor import NotebookExecutor
from tests.conftest import MakeNotebook
from tests.waiting import stand_by

_CELL = Path(__file__).with_name("kernel_facts.py").read_text("utf-8")
# What belongs to one kernel, cold or not.
_OWN = (
    (re.compile(r"nbx-[0-9a-f]{12}"), "nbx-…"),
    (re.compile(r'("NBX_LEASE": ")[0-9a-f]{24}"'), r'\1…"'),
    (re.compile(r'("NBX_RUN_ID": ")[\w-]+"'), r'\1…"'),
    (re.compile(r'("RLIMIT_MSGQUEUE": )\[\d+, \d+\]'), r'\1"…"'),
    # With a parent that is not init, ipykernel notes its pid.
    (re.compile(r'("JPY_PARENT_PID": ")\d+"'), r'\1…"'),
)
_DIFFERENT_EACH_TIME = ("randomness", "identity", "parent")


@pytest.fixture(params=[False, True], ids=["namespace", "subreaper"])
def host_view(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def _facts(
    executor: NotebookExecutor, notebook: Path, warm: bool, **options: Any
) -> dict[str, Any]:
    result = executor.execute(notebook, False, **options)
    assert result.ok, result
    assert result.kernel.warm is warm
    assert result.notebook is not None
    text = "".join(output["text"] for output in result.notebook.cells[-1].outputs)
    for pattern, replacement in _OWN:
        text = pattern.sub(replacement, text)
    facts: dict[str, Any] = json.loads(text)
    return facts


@pytest.mark.parametrize("way", ["forked", "stand-by", "configured"])
def test_a_warm_kernel_shows_what_a_cold_one_shows(
    make_notebook: MakeNotebook, tmp_path: Path, host_view: bool, way: str
) -> None:
    notebook = make_notebook(_CELL)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    options: dict[str, Any] = {"host_view": host_view, "env": {"TZ": "Asia/Tokyo", "MINE": "é"}}
    if way == "configured":
        # Then nothing of a kernel is made before it is forked.
        startup = tmp_path / "ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "mine.py").write_text("mine = 1")
        options["env"]["IPYTHONDIR"] = str(tmp_path / "ipython")
    limits = {"open_files": 200, "file_size": "10MiB"}
    with NotebookExecutor(tmp_path, warm=False) as executor:
        cold = _facts(executor, notebook, False, limits=limits, cwd=elsewhere, **options)
    with NotebookExecutor(tmp_path, warm=True) as executor:
        if way == "stand-by":
            executor.execute(make_notebook("1", name="first.ipynb"), False, **options)
            stand_by(executor, 1)
        warm = _facts(executor, notebook, True, limits=limits, cwd=elsewhere, **options)

    assert cold.keys() == warm.keys()
    for name in cold:
        if name not in _DIFFERENT_EACH_TIME:
            assert warm[name] == cold[name], name
    # In the namespace tier both are children of init; else of their keepers.
    assert (warm["parent"] == cold["parent"] == 1) is not host_view


def test_kernels_of_one_server_draw_different_numbers(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    cell = "import random, uuid, numpy\nprint(random.random(), numpy.random.rand(), uuid.uuid4())"
    notebook = make_notebook(cell)
    with NotebookExecutor(tmp_path, warm=True, preload=["numpy"]) as executor:
        results = [executor.execute(notebook, False) for _ in range(3)]

    notebooks = [result.notebook for result in results if result.notebook]
    assert (
        len({word for node in notebooks for word in node.cells[0].outputs[0]["text"].split()}) == 9
    )
