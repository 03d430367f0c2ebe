"""The tools in a notebook that is opened by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import hermes_runtime
from hermes_runtime import local_tools
from hermes_runtime.tool_errors import ToolError, ToolsUnavailableError


@pytest.fixture
def by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NBX_RUN_ID", "NBX_TOOLS_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(local_tools, "_in_use", False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_they_have_to_be_asked_for(by_hand: Path) -> None:
    with pytest.raises(ToolsUnavailableError) as refused:
        hermes_runtime.terminal("echo hi")
    assert "use_local_tools()" in refused.value.hint
    with pytest.raises(ToolsUnavailableError):
        hermes_runtime.tools()


def test_they_do_what_those_of_a_run_do(by_hand: Path) -> None:
    hermes_runtime.use_local_tools()
    assert hermes_runtime.write_file("a/b.txt", "one\ntwo\n")["bytes_written"] == 8
    assert hermes_runtime.read_file("a/b.txt")["content"] == "1|one\n2|two"
    assert hermes_runtime.patch("a/b.txt", "two", "three")["replaced"] == 1
    assert hermes_runtime.search_files("thr")["matches"] == [
        {"path": "a/b.txt", "line": 2, "content": "three"}
    ]
    assert hermes_runtime.terminal("cat b.txt; exit 3", workdir="a") == {
        "output": "one\nthree\n",
        "exit_code": 3,
    }
    assert hermes_runtime.terminal("sleep 1000", timeout=0.2)["exit_code"] == 124
    names = [tool["name"] for tool in hermes_runtime.tools()]
    assert names == ["terminal", "read_file", "write_file", "search_files", "patch"]
    assert "terminal(command, timeout=…, workdir=…)" in repr(hermes_runtime.tools())


def test_what_goes_wrong_is_a_tool_error(by_hand: Path) -> None:
    hermes_runtime.use_local_tools()
    with pytest.raises(ToolError, match=r"read_file.*No such file"):
        hermes_runtime.read_file("none.txt")
    with pytest.raises(ToolError, match=r"read_file.*unexpected keyword"):
        hermes_runtime.call("read_file", path="a", colour="red")
    with pytest.raises(ToolError, match="terminal"):
        hermes_runtime.terminal("true", workdir="none")
    with pytest.raises(ToolError):
        hermes_runtime.call("terminal", command=7)
    with pytest.raises(ToolsUnavailableError, match="no tool 'web_search'"):
        hermes_runtime.web_search("anything")


def test_within_a_run_they_are_not_used(by_hand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBX_RUN_ID", "some-run")
    hermes_runtime.use_local_tools()
    with pytest.raises(ToolsUnavailableError, match="this run has no tools"):
        hermes_runtime.terminal("echo hi")


def test_nothing_is_imported_but_the_standard_library(by_hand: Path) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import hermes_runtime as h; h.use_local_tools(); print(h.terminal('echo up')['output'])\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'hermes_runtime'}))"
    )
    source = str(Path(hermes_runtime.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split("\n")[:3] == ["up", "", "[]"], done.stderr
