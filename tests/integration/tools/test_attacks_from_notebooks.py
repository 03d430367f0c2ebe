"""What a notebook tries to get by tools that its policy does not allow: one run, many attempts.

``ATTEMPTS`` are its cells. Each is refused or contained with an error of its own, and the next one
finds tools that work.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebook_executor import ExecutionResult, NotebookExecutor
from notebook_executor.tools import Call

SECRET = "hunter2-of-the-host"
_MOST_CALLS = 400
_PATIENCE = 60.0
_POLICY = {
    "allow": ["terminal", "read_file", "write_file", "search_files", "patch", "odd", "say"],
    "terminal": {"commands": ["echo **"]},
    "files": {"read": ["data"], "write": ["data/out"]},
    "limits": {"cell": {"calls": _MOST_CALLS}},
}
_BEGINNING = """
import json, os, pathlib, subprocess, threading
from hermes_runtime import call, patch, read_file, search_files, terminal, tools, write_file
told = {}
def attempt(name, function):
    try:
        answer = function()
        told[name] = ["returned", answer]
    except Exception as error:
        told[name] = [type(error).__name__, str(error)]
    # Whatever it was, the next call works.
    assert call("say", word=name) == name
"""
# Name, what is tried, what comes of it, and a part of what is said.
ATTEMPTS = [
    ("dots", "read_file('data/../outside/secret')", "ToolDeniedError", "outside/secret"),
    ("absolute", "read_file(os.path.abspath('outside/secret'))", "ToolDeniedError", "secret"),
    ("link", "read_file('data/link')", "ToolDeniedError", ""),
    ("linked folder", "read_file('data/folder/secret')", "ToolDeniedError", ""),
    ("hard link", "read_file('data/hard')", "ToolDeniedError", ""),
    ("proc", "read_file('/proc/self/environ')", "ToolDeniedError", ""),
    ("device", "read_file('data/fifo')", "ToolError", ""),
    ("write elsewhere", "write_file('data/ok.txt', 'x')", "ToolDeniedError", ""),
    ("write by a link", "write_file('data/out/link', 'x')", "ToolDeniedError", ""),
    ("patch by a link", "patch('data/out/link', 'hunter2', 'x')", "ToolDeniedError", ""),
    ("search", "json.dumps(search_files('hunter2', path='data'))", "returned", '"total_count": 0'),
    ("search elsewhere", "search_files('hunter2', path='outside')", "ToolDeniedError", ""),
    ("null byte", r"read_file('data/ok.txt\0')", "ToolError", ""),
    ("shell", "terminal('sh -c id')", "ToolDeniedError", "sh -c id"),
    ("second command", "terminal('echo x; cat outside/secret')", "ToolDeniedError", "shell"),
    ("substitution", "terminal('echo $(cat outside/secret)')", "ToolDeniedError", "shell"),
    ("second line", r"terminal('echo x\ncat outside/secret')", "ToolDeniedError", "shell"),
    ("base64", "terminal('echo aWQ= | base64 -d | sh')", "ToolDeniedError", "shell"),
    ("words", "terminal(['sh', '-c', 'id'])", "ToolDeniedError", ""),
    ("own program", "terminal('./echo')", "ToolDeniedError", ""),
    ("directory", "terminal('echo x', workdir='/etc')", "ToolDeniedError", ""),
    ("no such tool", "call('sudo', command='id')", "ToolError", "no tool 'sudo'"),
    ("not allowed", "call('forbidden')", "ToolDeniedError", "does not allow"),
    ("raises", "call('odd', kind='raise')", "ToolError", "ValueError: by design"),
    ("no JSON", "call('odd', kind='object')", "ToolError", "JSON"),
    ("exits", "call('odd', kind='exit')", "ToolError", "SystemExit"),
    ("huge result", "call('odd', kind='huge')", "ToolError", "bytes"),
    ("huge frame", "call('say', word='x' * (17 << 20))", "ToolError", "bytes"),
    ("wrong type", "call('say', word={'a': 1})", "ToolError", "word"),
    ("host's secret", "call('odd', kind='leak')", "returned", "[redacted]"),
    ("spawned secret", "terminal('echo $NBX_ATTACKED_TOKEN')", "ToolDeniedError", ""),
]
# What no policy stops: the notebook can do by itself what its user can.
_NOT_STOPPED = """
told["by itself"] = subprocess.run(["cat", "outside/secret"], capture_output=True).stdout.decode()
"""
_RACE = """
flip, new = pathlib.Path("data/flip"), pathlib.Path("data/new")
flip.write_text("harmless")
over = threading.Event()
def swap():
    while not over.is_set():
        new.symlink_to("../outside/secret")
        new.replace(flip)
        new.write_text("harmless")
        new.replace(flip)
swapper = threading.Thread(target=swap)
swapper.start()
seen = set()
for _ in range(200):
    try:
        seen.add(read_file("data/flip")["content"])
    except Exception as error:
        seen.add(type(error).__name__)
over.set()
swapper.join()
told["race"] = sorted(seen)
"""
_SPEND = """
made = 0
try:
    while True:
        call("say", word="x")
        made += 1
except Exception as error:
    told["spent"] = [type(error).__name__, str(error), made]
"""
_ENDING = "call('say', word='x')\nprint(json.dumps(told))"


def odd(kind: str) -> Any:
    """Tools that do not behave."""
    if kind == "raise":
        raise ValueError("by design")
    if kind == "exit":
        raise SystemExit(3)
    answers = {"object": object(), "huge": "x" * (20 << 20), "leak": dict(os.environ)}
    return answers[kind]


def say(word: str) -> str:
    return word


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExecutionResult, Any]]:
    root = tmp_path_factory.mktemp("attacked")
    (root / "data" / "out").mkdir(parents=True)
    (root / "outside").mkdir()
    (root / "outside" / "secret").write_text("hunter2")
    (root / "data" / "ok.txt").write_text("fine")
    (root / "data" / "link").symlink_to("../outside/secret")
    (root / "data" / "folder").symlink_to("../outside")
    (root / "data" / "hard").hardlink_to(root / "outside" / "secret")
    (root / "data" / "out" / "link").symlink_to("../../outside/secret")
    os.mkfifo(root / "data" / "fifo")
    attempts = "\n".join(f"attempt({name!r}, lambda: {code})" for name, code, *_ in ATTEMPTS)
    sources = [_BEGINNING, attempts, _NOT_STOPPED, _RACE, _SPEND, _ENDING]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources])
    tools = {"odd": odd, "say": say, "forbidden": say}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBX_ATTACKED_TOKEN", SECRET)
        with NotebookExecutor(root, tools=tools, policy=_POLICY) as executor:
            result = executor.execute(notebook, cwd=root)
    assert result.ok, result
    assert result.notebook is not None
    told = json.loads(result.notebook.cells[-1].outputs[0].text)
    yield result, told
    assert (root / "outside" / "secret").read_text() == "hunter2"
    assert (root / "data" / "ok.txt").read_text() == "fine"


@pytest.mark.parametrize(
    ("name", "outcome", "said"), [(name, outcome, said) for name, _, outcome, said in ATTEMPTS]
)
def test_an_attempt_is_refused_or_contained(
    name: str, outcome: str, said: str, attacked: tuple[ExecutionResult, Any]
) -> None:
    came, answer = attacked[1][name]

    assert came == outcome, answer
    assert said in str(answer)
    assert SECRET not in str(answer)
    assert "hunter2" not in str(answer)


def test_a_link_that_changes_while_it_is_read_gives_nothing_away(
    attacked: tuple[ExecutionResult, Any],
) -> None:
    assert set(attacked[1]["race"]) <= {"1|harmless", "ToolDeniedError", "ToolError"}


def test_a_budget_ends_a_loop_of_calls(attacked: tuple[ExecutionResult, Any]) -> None:
    kind, message, made = attacked[1]["spent"]

    assert (kind, made) == ("ToolDeniedError", _MOST_CALLS)
    assert f"{_MOST_CALLS} calls" in message


def test_what_a_policy_does_not_stop_is_what_the_documentation_says(
    attacked: tuple[ExecutionResult, Any],
) -> None:
    assert attacked[1]["by itself"] == "hunter2"
    documented = Path(__file__).parents[3] / "docs" / "tools.md"
    assert "What a policy does not stop" in documented.read_text("utf-8")


def test_every_attempt_is_on_record(attacked: tuple[ExecutionResult, Any]) -> None:
    calls = attacked[0].tool_calls
    outcomes = {
        name: next(call for call in calls if call.tool == tool and argument in str(call.arguments))
        for name, tool, argument in (
            ("shell", "terminal", "sh -c id"),
            ("dots", "read_file", "data/.."),
            ("raises", "odd", "raise"),
        )
    }

    assert {name: call.outcome for name, call in outcomes.items()} == {
        "shell": "denied",
        "dots": "denied",
        "raises": "error",
    }
    assert SECRET not in attacked[0].to_json()


def test_a_tool_that_hangs_ends_with_its_cell(tmp_path: Path) -> None:
    began, let_go = threading.Event(), threading.Event()

    def hang(call: Call) -> None:
        began.set()
        call.cancelled.wait()
        let_go.set()

    cell = nbformat.v4.new_code_cell("import hermes_runtime\nhermes_runtime.call('hang')")
    with NotebookExecutor(tmp_path, tools={"hang": hang}) as executor:
        run = executor.start(nbformat.v4.new_notebook(cells=[cell]))
        assert began.wait(_PATIENCE)
        run.cancel("it takes too long")
        result = run.result()

    assert result.error is not None
    assert result.error.kind == "cancelled"
    assert let_go.wait(_PATIENCE)
    assert [call.outcome for call in result.tool_calls] == ["error"]
