"""Runs that are recorded, and runs that are answered from recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from notebook_executor import NotebookExecutor
from notebook_executor.errors import UsageError
from notebook_executor.tools import ToolRecording
from notebook_executor.tools.recording import read_recording

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_CALLS = """
import json
from hermes_runtime import ToolError, call, glue, tools
glue("names", [tool["name"] for tool in tools()])
glue("login", call("login", pin="hunter2", at=clock))
glue("rows", [call("rows", day="2026-11-20"), call("rows", day="2026-11-20")])
try:
    call("fails", why="no paper")
except ToolError as error:
    glue("failed", str(error))
"""


class Shop:
    """Tools that count their calls."""

    def __init__(self) -> None:
        self.calls = 0

    def tools(self) -> dict[str, Any]:
        return {"login": self.login, "rows": self.rows, "fails": self.fails}

    def login(self, pin: SecretStr, at: float) -> str:
        assert pin.get_secret_value() == "hunter2"
        self.calls += 1
        return "welcome"

    def rows(self, day: str) -> dict[str, Any]:
        self.calls += 1
        return {"number": self.calls, "of": day}

    def fails(self, why: str) -> None:
        raise OSError(why)


def _recorded(root: Path, **more: Any) -> Path:
    shop, recording = Shop(), root / "notebook.tools.jsonl"
    with NotebookExecutor(root, tools=shop.tools()) as executor:
        result = executor.execute(
            "notebook.ipynb", record=ToolRecording(recording, ignore={"login": ["at"]}), **more
        )
    assert shop.calls
    assert [call.replayed for call in result.tool_calls] == [False] * len(result.tool_calls)
    assert result.ok is ("error" not in more.get("labels", {}))
    return recording


def test_a_replay_gets_what_was_recorded_and_calls_nothing(
    tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    make_notebook(("clock = 1.5", "parameters"), _CALLS)
    recording = _recorded(tmp_path)
    before = recording.read_bytes()

    with NotebookExecutor(tmp_path) as executor:
        result = executor.execute("notebook.ipynb", parameters={"clock": 9.75}, replay=recording)

    assert result.ok, result
    assert all(call.replayed for call in result.tool_calls)
    assert [call.outcome for call in result.tool_calls] == ["ok", "ok", "ok", "error"]
    assert result.scraps["names"] == ["login", "rows", "fails"]
    assert result.scraps["login"] == "welcome"
    assert [row["number"] for row in result.scraps["rows"]] == [2, 3]
    assert "OSError: no paper" in result.scraps["failed"]
    assert result.warnings == ()
    assert recording.read_bytes() == before
    assert b"hunter2" not in before
    assert read_recording(recording).header.ignore == {"login": ("at",)}
    assert read_recording(recording).calls[0].arguments == {"pin": "[redacted]"}


def test_a_call_that_was_not_recorded_fails_the_run_by_name(
    tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    make_notebook("from hermes_runtime import call\ncall('rows', day='2026-11-20')")
    recording = _recorded(tmp_path)
    changed = make_notebook(
        "from hermes_runtime import call", "call('rows', day='2026-11-21')", name="changed.ipynb"
    )

    with NotebookExecutor(tmp_path) as executor:
        result = executor.execute(changed, replay=recording)

    assert result.error is not None
    assert (result.error.kind, result.error.state) == ("replay_mismatch", "live")
    assert 'day was "2026-11-20" and is "2026-11-21"' in result.error.message
    assert result.failed_cell is not None
    assert result.failed_cell.index == 1


def test_calls_that_are_made_no_more_are_a_warning(
    tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    make_notebook("from hermes_runtime import call\ncall('rows', day='2026-11-20')")
    recording = _recorded(tmp_path)

    with NotebookExecutor(tmp_path) as executor:
        result = executor.execute(make_notebook("1", name="other.ipynb"), replay=recording)

    assert result.ok
    assert result.warnings == (
        "Recorded calls in notebook.tools.jsonl that were not made: rows (1).",
    )


def test_a_run_that_fails_is_recorded_too(tmp_path: Path, make_notebook: MakeNotebook) -> None:
    make_notebook("from hermes_runtime import call\ncall('rows', day='2026-11-20')\n1 / 0")

    recording = _recorded(tmp_path, labels={"error": "expected"})

    assert [call.tool for call in read_recording(recording).calls] == ["rows"]


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (None, "not_found", "There is no recording"),
        ("{}", "replay_mismatch", "line 1"),
        ('{"nbx_tools": 1}\n{"tool": 3}', "replay_mismatch", "line 2"),
    ],
)
def test_a_recording_that_cannot_be_read_is_found_before_there_is_a_kernel(
    content: str | None, kind: str, said: str, tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    recording = tmp_path / "notebook.tools.jsonl"
    if content is not None:
        recording.write_text(content)

    with NotebookExecutor(tmp_path) as executor:
        result = executor.execute(make_notebook("1"), replay=recording)

    assert result.error is not None
    assert result.error.kind == kind
    assert said in result.error.message
    assert result.kernel.name is None


def test_what_is_no_recording_is_not_overwritten(
    tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("Chapter 1")

    with NotebookExecutor(tmp_path) as executor:
        one = executor.execute(make_notebook("1"), record=thesis)
        other = executor.execute(make_notebook("1"), record=thesis / "below.jsonl")

    assert one.error is not None
    assert "thesis.txt, line 1" in one.error.message
    assert thesis.read_text() == "Chapter 1"
    assert other.error is not None
    assert other.error.kind == "output_error"


def test_a_run_is_recorded_or_replayed(tmp_path: Path, make_notebook: MakeNotebook) -> None:
    with NotebookExecutor(tmp_path) as executor, pytest.raises(TypeError, match="exclude"):
        executor.execute(make_notebook("1"), record="a", replay="b")


def test_a_recording_is_json_lines(tmp_path: Path, make_notebook: MakeNotebook) -> None:
    make_notebook("from hermes_runtime import call\ncall('rows', day='é\\u2028')")

    lines = _recorded(tmp_path).read_text("utf-8").split("\n")

    kinds = [next(iter(json.loads(line))) for line in lines if line]
    assert kinds == ["nbx_tools", "offers", "offers", "offers", "tool"]


def test_a_recording_may_lie_beside_its_notebook(
    tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("from hermes_runtime import call\nprint(call('rows', day='x')['number'])")
    with NotebookExecutor(tmp_path, tools=Shop().tools()) as executor:
        made = executor.execute(path, False, record=True)
        validated = executor.validate(path, regression=True, accept=True)
    with NotebookExecutor(tmp_path) as executor:
        replayed = executor.execute(path, False, replay=True, record=False)
        compared = executor.validate(path, regression=True, replay=True)
        failed = executor.validate(path, regression=True)

    assert made.ok
    assert replayed.ok, replayed
    assert (tmp_path / "notebook.tools.jsonl").is_file()
    for report in (validated, compared, failed):
        assert report.regression is not None
    # The validated run called for itself, and was the second to do so.
    assert compared.regression is not None
    assert (compared.regression.verdict, compared.regression.executes) == ("differs", True)
    assert failed.regression is not None
    assert (failed.regression.verdict, failed.regression.executes) == ("fail", False)


def test_what_recordings_cannot_be_is_said(tmp_path: Path, make_notebook: MakeNotebook) -> None:
    path = make_notebook("1")
    with NotebookExecutor(tmp_path) as executor:
        with pytest.raises(TypeError, match="record=True is beside the notebook"):
            executor.execute(executor.read_notebook(path), False, record=True)
        with pytest.raises(TypeError, match="exclude each other"):
            executor.execute(path, False, record=True, replay=True)
        with pytest.raises(UsageError, match="of a regression"):
            executor.validate(path, replay=True)
        result = executor.execute(path, False, replay=True)
    assert result.error is not None
    assert result.error.kind == "not_found"
