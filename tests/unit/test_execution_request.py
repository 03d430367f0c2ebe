"""What a caller may ask for: wrong types are a TypeError that names the argument."""

from __future__ import annotations

import math
import threading
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.config import Settings
from notebook_executor.execution.plan import make_plan
from notebook_executor.execution.request import RunRequest


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_path", None),
        ("input_path", 5),
        ("input_path", b"bytes.ipynb"),
        ("input_path", ["a.ipynb"]),
        ("output_path", True),
        ("output_path", 5),
        ("output_path", b"out.ipynb"),
        ("parameters", [("x", 1)]),
        ("parameters", 5),
        ("timeout", "5"),
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", True),
        ("timeout", math.nan),
        ("timeout", 1e300),
        ("timeout", 10**400),
        ("timeout", Decimal(5)),
        ("run_timeout", "1h"),
        ("run_timeout", 0.0),
        ("run_timeout", -math.inf),
        ("kernel_name", 3),
        ("python", 3.11),
        ("cwd", 5),
        ("env", ["A=1"]),
        ("env", {"A": 1}),
        ("env", {1: "A"}),
        ("env", {"A": None}),
        ("env", {"A": "null\0byte"}),
        ("env", {"A=B": "x"}),
        ("env", {"": "x"}),
        ("env", {"A": "half \ud800"}),
        ("only_tags", "tag"),
        ("only_tags", 5),
        ("only_tags", [5]),
        ("skip_tags", "tag"),
        ("skip_tags", None),
        ("skip_tags", b"tag"),
        ("from_cell", True),
        ("from_cell", 1.5),
        ("until_cell", ["a"]),
        ("labels", ["a"]),
        ("labels", {"a": 1}),
        ("host_view", "yes"),
        ("on_event", "print"),
        ("on_event", 5),
    ],
)
def test_wrong_types_are_refused_by_name(tmp_path: Path, name: str, value: Any) -> None:
    arguments = {"input_path": "missing.ipynb", name: value}

    with NotebookExecutor(tmp_path) as executor, pytest.raises(TypeError, match=name) as caught:
        executor.execute(**arguments)

    assert len(str(caught.value)) < 300
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 1),
        ("timeout", 0.1),
        ("timeout", threading.TIMEOUT_MAX),
        ("timeout", math.inf),
        ("run_timeout", None),
        ("run_timeout", math.inf),
        ("parameters", MappingProxyType({"x": 1})),
        ("parameters", Path("p.yaml")),
        ("only_tags", iter(["a"])),
        ("skip_tags", {"a", "b"}),
        ("skip_tags", ()),
        ("from_cell", 0),
        ("until_cell", "id"),
        ("env", {"A": ""}),
        ("env", {"A": "ä \udcff"}),
        ("labels", {"": "\ud800"}),
        ("output_path", False),
        ("host_view", None),
    ],
)
def test_what_can_mean_something_is_taken(name: str, value: Any) -> None:
    RunRequest(**{"notebook": "a.ipynb", name: value})


class _OnlyFspath:
    def __init__(self, path: str) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return self._path


def _plan(root: Path, **fields: Any) -> Any:
    return make_plan(RunRequest(**{"notebook": "a.ipynb", **fields}), root, Settings())


def test_paths_are_absolute_and_below_the_root_whatever_carries_them(tmp_path: Path) -> None:
    for made in (str, Path, _OnlyFspath):
        plan = _plan(
            tmp_path,
            notebook=made("in/a.b.ipynb"),
            output_path=made("out/../o.ipynb"),
            parameters=made("p.yaml"),
            cwd=made("work"),
            python=made("venv/bin/python"),
        )
        assert plan.input_path == tmp_path / "in/a.b.ipynb"
        assert plan.output_path == tmp_path / "o.ipynb"
        assert plan.parameters == str(tmp_path / "p.yaml")
        assert plan.cwd == tmp_path / "work"
        assert plan.python == str(tmp_path / "venv/bin/python")


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("a.ipynb", "a"),
        ("deep/er/a.b.ipynb", "deep/er/a.b"),
        ("no-suffix", "no-suffix"),
        ("/elsewhere/x.ipynb", "x"),
        ("", "."),
        (".ipynb", ".ipynb"),
        (nbformat.v4.new_notebook(), "notebook"),
    ],
)
def test_the_default_output_is_named_after_the_input(
    tmp_path: Path, source: Any, folder: str
) -> None:
    plan = _plan(tmp_path, notebook=source)

    assert plan.output_path == tmp_path / "runs" / folder / f"{plan.run_id}.ipynb"
    assert _plan(tmp_path, notebook=source, output_path=False).output_path is None


def test_a_link_stays_the_name_that_the_caller_knows(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    plan = _plan(tmp_path, notebook="link/a.ipynb")

    assert plan.input_path == tmp_path / "link/a.ipynb"
    assert plan.cwd == tmp_path / "link"


def test_an_interpreter_by_its_bare_name_is_looked_up_on_the_path(tmp_path: Path) -> None:
    assert _plan(tmp_path, python="python3.12").python == "python3.12"


def test_run_ids_sort_by_time_and_say_when(tmp_path: Path) -> None:
    plans = [_plan(tmp_path) for _ in range(50)]
    ids = [plan.run_id for plan in plans]

    assert len(set(ids)) == 50
    assert [run_id[:16] for run_id in ids] == [
        f"{plan.started_at:%Y%m%dT%H%M%SZ}" for plan in plans
    ]
    assert all(len(run_id) == 23 for run_id in ids)
    apart = [plans[0]]
    for plan in plans:
        if (plan.started_at - apart[-1].started_at).total_seconds() > 0.001:
            apart.append(plan)
    assert [plan.run_id for plan in apart] == sorted(plan.run_id for plan in apart)


def test_what_remains_of_a_run_is_bounded_by_its_deadline(tmp_path: Path) -> None:
    assert _plan(tmp_path).remaining(60) == 60
    assert 0 < _plan(tmp_path, run_timeout=5).remaining(60) <= 5
    assert _plan(tmp_path, run_timeout=500).remaining(60) == 60
    assert _plan(tmp_path, run_timeout=1e-9).remaining(60) == 0.0


def test_the_working_directory_of_the_host_has_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path / "root")
    executor = NotebookExecutor()
    monkeypatch.chdir("/")

    plan = _plan(executor.root, notebook="a.ipynb", parameters="p.json")

    assert Path.cwd() == Path("/")
    assert plan.input_path == tmp_path / "root/a.ipynb"
    assert plan.parameters == str(tmp_path / "root/p.json")
