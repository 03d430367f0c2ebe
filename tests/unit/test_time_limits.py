"""Every subprocess of ours has a time limit, or an owner that ends it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_PACKAGES = ("notebook_executor", "hermes_runtime")
_ROOT = Path(__file__).parents[2]
_WAITING = {"run", "call", "check_call", "check_output", "communicate"}
_STARTING = {"Popen", "posix_spawn", "posix_spawnp"}
# They only start; what is started there is ended by the file's own code.
_OWNERS = {
    "hermes_runtime/running.py",
    "notebook_executor/lifecycle/best_effort.py",
    "notebook_executor/lifecycle/loose.py",
    "notebook_executor/lifecycle/project/spawning.py",
    "notebook_executor/lifecycle/supervisor.py",
    "notebook_executor/commands.py",
}


def _sources() -> list[Path]:
    return [path for name in _PACKAGES for path in sorted((_ROOT / name).rglob("*.py"))]


def _subprocess_calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    calls = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        of_module = isinstance(owner, ast.Name) and owner.id == "subprocess"
        if of_module or node.func.attr in {"communicate", *_STARTING}:
            calls.append((node.func.attr, node))
    return calls


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_subprocess_calls_are_limited(path: Path) -> None:
    for name, call in _subprocess_calls(ast.parse(path.read_text("utf-8"))):
        place = f"{path.relative_to(_ROOT)}:{call.lineno}"
        if name in _WAITING:
            assert any(keyword.arg == "timeout" for keyword in call.keywords), place
        elif name in _STARTING:
            assert str(path.relative_to(_ROOT)) in _OWNERS, place


def test_the_check_finds_a_call_without_a_limit() -> None:
    found = _subprocess_calls(ast.parse("import subprocess\nsubprocess.run(['true'])"))
    assert [name for name, _ in found] == ["run"]


def test_no_other_way_to_start_a_process_is_used() -> None:
    for path in _sources():
        text = path.read_text("utf-8")
        assert "os.system(" not in text, path
        assert "os.popen(" not in text, path
        assert "from subprocess import" not in text, path
