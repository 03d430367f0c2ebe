"""Tools of whole runs: who may call what, how it is told, and what stays secret."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from notebook_executor import Event, NotebookExecutor, NotebookExecutorError
from notebook_executor.errors import ToolDeniedError, UsageError
from notebook_executor.execution.records import find_record
from notebook_executor.execution.recovery import recover
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Call
from tests.conftest import MakeNotebook
from tests.integration.seen import printed, statuses

_PATIENCE = 60.0
_SECRET = "hunter2-is-no-secret-word"


def price(item: str) -> float:
    """What an item costs."""
    return {"tea": 2.5}[item]


def _records(root: Path) -> list[dict[str, Any]]:
    [file] = root.glob(".nbx/runs/*/tools.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_calls_are_in_result_record_notebook_and_events(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(
        "import hermes_runtime as hermes\nprint([tool['name'] for tool in hermes.tools()])",
        "print(hermes.call('price', item='tea'))\n"
        "try:\n    hermes.call('price', item='x' * 2000)\n"
        "except hermes.ToolError as error:\n    print(error.tool, error.message)",
        "hermes.call('sell', item='tea')",
        "1",
    )
    events: list[Event] = []
    tools = {"price": price, "sell": price}
    with NotebookExecutor(tmp_path, tools=tools, policy={"allow": ["price"]}) as executor:
        result = executor.execute(path, "out.ipynb", on_event=events.append)

    assert statuses(result) == ["ok", "ok", "error", "not_run"], result
    assert printed(result).startswith("['price'] 2.5 price It raised KeyError: ")
    assert result.error is not None
    assert result.error.kind == "tool_denied"
    assert "sell: The policy does not allow this tool" in result.error.message
    with pytest.raises(ToolDeniedError):
        result.raise_for_error()

    calls = [(call.cell_id, call.tool, call.outcome) for call in result.tool_calls]
    assert calls == [
        ("cell-1", "price", "ok"),
        ("cell-1", "price", "error"),
        ("cell-2", "sell", "denied"),
    ]
    assert len(result.tool_calls[1].arguments["item"]) <= 500
    first, second, third = _records(tmp_path)
    assert (first["arguments"], first["failure"]) == ({"item": "tea"}, None)
    assert len(second["arguments"]["item"]) == 2000
    assert third["failure"]["kind"] == "denied"
    assert result.notebook is not None
    noted = [call["outcome"] for call in result.notebook.cells[1].metadata.nbx.tool_calls]
    assert noted == ["ok", "error"]
    told = [event for event in events if event.kind == "tool_call"]
    assert [(event.index, event.data["outcome"]) for event in told] == [
        (1, "ok"), (1, "error"), (2, "denied"),
    ]  # fmt: skip


def test_without_tools_a_call_says_how_to_get_some(
    executor: NotebookExecutor, make_notebook: MakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What this process would have if it were a kernel of another run.
    monkeypatch.setenv("NBX_TOOLS_SOCKET", "/nonexistent/tools")
    result = executor.execute(make_notebook("from hermes_runtime import call\ncall('x')"), False)

    assert result.error is not None
    assert "this run has no tools" in result.error.message
    assert "--policy" in result.error.message


def test_threads_tasks_and_what_outlives_its_cell(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(
        "import asyncio, hermes_runtime as hermes, threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from hermes_runtime import aio\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    print(sum(pool.map(lambda n: hermes.call('double', n=n), range(100))))",
        "print(sum(await asyncio.gather(*(aio.call('double', n=n) for n in range(100)))))",
        "async def later():\n"
        "    await began.wait()\n"
        "    try:\n        await aio.call('double', n=1)\n"
        "    except hermes.ToolDeniedError as error:\n        told.append(error.message)\n"
        "    ended.set()\n"
        "began, ended, told = asyncio.Event(), asyncio.Event(), []\n"
        "task = asyncio.create_task(later())",
        "began.set()\nawait ended.wait()\nprint(told[0], aio.terminal.__doc__[:13])",
    )
    with NotebookExecutor(tmp_path, tools={"double": lambda n: 2 * n}) as executor:
        result = executor.execute(path, False)

    assert result.ok, result
    assert printed(result) == "9900 9900  The cell that made the call has ended Run a command"
    assert [call.cell_id for call in result.tool_calls].count("cell-1") == 100
    assert result.tool_calls[-1].outcome == "denied"


def test_an_interrupted_cell_cancels_its_call(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    began, cancelled = threading.Event(), threading.Event()

    def hang(call: Call) -> None:
        began.set()
        if call.cancelled.wait(_PATIENCE):
            cancelled.set()

    path = make_notebook("import hermes_runtime\nhermes_runtime.call('hang')")
    with NotebookExecutor(tmp_path, tools={"hang": hang}) as executor:
        run = executor.start(path, False)
        assert began.wait(_PATIENCE)
        run.cancel("enough")
        result = run.result()

    assert result.error is not None
    assert result.error.kind == "cancelled"
    assert cancelled.wait(_PATIENCE)
    [call] = result.tool_calls
    assert (call.tool, call.outcome) == ("hang", "error")


@pytest.mark.parametrize("warm", [False, True])
def test_a_secret_parameter_reaches_the_kernel_and_nothing_else(
    make_notebook: MakeNotebook, tmp_path: Path, own_temporary_directory: Path, warm: bool
) -> None:
    path = make_notebook(
        ("user: str = ''\napi_key: str = ''", "parameters"),
        "import hermes_runtime\nprint(user, len(api_key))\n"
        "hermes_runtime.call('login', key=api_key, user=user)",
        "import os\nos.write(2, api_key.encode())\nraise ValueError('no ' + api_key)",
    )

    seen: list[str] = []

    def login(key: str, user: str) -> dict[str, str]:
        assert key == _SECRET
        seen.extend(_files_with(_SECRET, *own_temporary_directory.glob("nbx-*")))
        return {"greeting": f"{user} has shown {key}"}

    (tmp_path / "t").mkdir()
    events: list[Event] = []
    with NotebookExecutor(tmp_path, tools={"login": login}, warm=warm) as executor:
        result = executor.execute(
            path,
            "out.ipynb",
            {"user": "ann", "api_key": SecretStr(_SECRET)},
            record="t/calls.jsonl",
            on_event=events.append,
        )
    assert result.cells[2].output_preview == (
        f"ann {len(_SECRET)} {{'greeting': 'ann has shown **********'}}"
    )
    assert result.error is not None
    assert "ValueError: no **********" in result.error.message
    assert seen + _files_with(_SECRET, tmp_path) == []
    assert result.parameters == {"user": "ann", "api_key": "**********"}
    assert result.tool_calls[0].arguments == {"key": "[redacted]", "user": "ann"}
    assert _SECRET not in result.to_json()
    assert all(_SECRET not in event.to_json() for event in events)
    assert result.kernel.warm is warm


def _files_with(text: str, *places: Path) -> list[str]:
    found = []
    for folder, _, names in (step for place in places for step in os.walk(place)):
        for file in (Path(folder, name) for name in names):
            # Kernels that wait for a run come and go, with their files; sockets cannot be read.
            with contextlib.suppress(OSError):
                if text.encode() in file.read_bytes():
                    found.append(str(file))
    return found


def test_a_secret_needs_no_other_parameter(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    path = make_notebook(("api_key = None", "parameters"), "assert len(api_key) == 25")
    with NotebookExecutor(tmp_path) as executor:
        result = executor.execute(path, "out.ipynb", {"api_key": SecretStr(_SECRET)})

    assert result.ok, result
    assert [cell.index for cell in result.cells] == [0, 1]
    assert _files_with(_SECRET, tmp_path) == []
    assert result.notebook is not None
    assert result.notebook.metadata.papermill.parameters == {"api_key": "**********"}


def test_a_secret_in_a_large_output_is_not_cut_in_two(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    """Large streams are read in pieces, but for those that may have a secret in them."""
    path = make_notebook(("api_key = None", "parameters"), "print((api_key + '-') * 500_000)")

    result = executor.execute(path, False, {"api_key": SecretStr(_SECRET)})

    assert result.ok, result
    assert _files_with("**********-" * 100, tmp_path)
    assert _files_with(_SECRET, tmp_path) == []


def test_a_secret_of_the_wrong_type_is_refused_without_being_shown(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(("key: int = 1", "parameters"))

    result = executor.execute(path, False, {"key": SecretStr(_SECRET)})

    assert result.error is not None
    assert result.error.kind == "invalid_parameters"
    assert _SECRET not in result.to_json()


def test_what_was_recorded_is_replayed_without_tools(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(
        ("item = 'tea'", "parameters"),
        "import hermes_runtime as hermes\nprint(hermes.call('price', item=item))",
    )
    with NotebookExecutor(tmp_path, tools={"price": price}) as executor:
        recorded = executor.execute(path, False, record="calls.tools.jsonl")
    with NotebookExecutor(tmp_path) as executor:
        replayed = executor.execute(path, False, replay="calls.tools.jsonl")
        changed = executor.execute(path, False, {"item": "milk"}, replay="calls.tools.jsonl")
        missing = executor.execute(path, False, replay="nothing.jsonl")

    assert recorded.ok, recorded
    assert printed(replayed) == printed(recorded) == " 2.5"
    assert [call.replayed for call in replayed.tool_calls] == [True]
    assert changed.error is not None
    assert changed.error.kind == "replay_mismatch"
    assert "milk" in changed.error.message
    assert missing.error is not None
    assert missing.error.kind == "not_found"
    with pytest.raises(TypeError, match="exclude each other"):
        NotebookExecutor(tmp_path).execute(path, False, record="a", replay="b")


def test_a_policy_file_is_read_and_its_mistakes_are_named(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("allow: [terminal]\nlimits:\n  cell:\n    bytes: 10MB\n    calls: 3\n")

    policy = NotebookExecutor(tmp_path, policy="policy.yaml").policy
    assert policy is not None
    assert policy.allow == ("terminal",)
    assert policy.limits.cell.bytes == 10_000_000

    for text, reason in (
        ("alow: [terminal]", "line 1: there is no 'alow' .Did you mean 'allow'"),
        ("allow:\n- a\nweb:\n  host: [b]", "line 4: there is no 'web.host' .Did you mean 'hosts'"),
        ("allow: terminal", "line 1: allow: a list of tools is wanted"),
        ("limits: {run: {bytes: lots}}", "line 1: limits.run.bytes"),
        ("redact: {patterns: ['(']}", "line 1: redact.patterns"),
        ("allow: []\nallow: [x]", "line 2: 'allow' again"),
        ("allow: [", "line 2, is not YAML|line 1, is not YAML"),
        ("- a", "does not hold a policy"),
    ):
        file.write_text(text)
        with pytest.raises(UsageError, match=reason):
            Policy.load(file)
    with pytest.raises(UsageError, match="no policy file"):
        Policy.load(tmp_path / "other.yaml")
    file.write_text("")
    assert Policy.load(file) == Policy()


def test_a_kernel_of_another_environment_calls_tools_with_a_copy(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    python = _environment(tmp_path / "other")
    path = make_notebook(
        "import hermes_runtime as hermes, importlib.util\n"
        "print(hermes.call('price', item='tea'), importlib.util.find_spec('notebook_executor'))\n"
        "print('lib/hermes_runtime' in hermes.__file__)"
    )
    with NotebookExecutor(tmp_path, tools={"price": price}) as executor:
        result = executor.execute(path, False, python=python, env={"PYTHONPATH": ""})

    assert result.ok, result
    assert printed(result) == "2.5 None True"


def _environment(place: Path) -> str:
    """A virtual environment with ipykernel, and nothing of ours."""
    make = [sys.executable, "-m", "venv", "--without-pip", str(place)]
    subprocess.run(make, check=True, timeout=120)
    python = str(place / "bin" / "python")
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    told = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60)
    target = Path(told.stdout.strip())
    source = Path(sysconfig.get_path("purelib"))
    for entry in source.iterdir():
        if "notebook_executor" not in entry.name and not entry.name.endswith(".pth"):
            (target / entry.name).symlink_to(entry) if not (target / entry.name).exists() else None
    return python


def test_the_host_may_die_at_any_moment(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    """A host that is killed in a call leaves no process, no socket, and what was called."""
    path = make_notebook(
        "import hermes_runtime\nhermes_runtime.call('echo', x=1)\nhermes_runtime.call('die')"
    )
    program = (
        "import os, signal, sys\n"
        "from notebook_executor import NotebookExecutor\n"
        "tools = {'die': lambda: os.kill(os.getpid(), signal.SIGKILL), 'echo': lambda x: x}\n"
        "NotebookExecutor(sys.argv[1], tools=tools).execute(sys.argv[2], False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(path)], timeout=120, check=False
    )
    assert done.returncode == -9
    # The fixture that is always there sees what is left: processes, and private directories.
    record = find_record(tmp_path, "last")
    recover(record)
    result = record.read()
    assert result is not None
    assert [(call.tool, call.cell_id) for call in result.tool_calls] == [("echo", "cell-0")]


def test_a_sweep_elsewhere_says_what_cannot_go_there(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("1")
    with (
        ProcessPoolExecutor(1) as pool,
        NotebookExecutor(tmp_path, tools={"f": lambda: 1}) as executor,
    ):
        with pytest.raises(UsageError, match="cannot go to the processes"):
            executor.execute_many(path, points=[{}], executor=pool)
        with pytest.raises(UsageError, match="same recording"):
            executor.execute_many(path, points=[{}], record="calls.jsonl")


def test_tools_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    for given in ({"a b": price}, {"x": 5}, [price]):
        with pytest.raises(NotebookExecutorError):
            NotebookExecutor(tmp_path, tools=given)  # type: ignore[arg-type]
