"""The terminal: which commands run, what is told of them, and what is left of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from notebook_executor.errors import ToolDeniedError, ToolError
from notebook_executor.tools.commands import TerminalRules
from tests.tool_calls import ENV, call_builtin, new_call, run_call

_SHELL = {"terminal": {"commands": ["*"]}}


def _run(place: Path, command: str | list[str], **arguments: Any) -> dict[str, Any]:
    told: dict[str, Any] = call_builtin("terminal", place, _SHELL, command=command, **arguments)
    return told


def _argv(rules: list[str], command: str | list[str]) -> list[str]:
    return TerminalRules(commands=tuple(rules)).argv(command, ENV)


# Rules


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        ("git status", "git status"),
        ("git status", "  git   'status' "),
        ("ls *", "ls 'a b'"),
        ("git log **", "git log"),
        ("git log **", "git log --oneline -5"),
        ("head -n ? *", "head -n 5 a.txt"),
        ("grep **", "grep -e 'a|b;c$' file"),
        ("echo **", r"echo \; '$HOME' '`id`'"),
    ],
)
def test_a_rule_allows(rule: str, command: str) -> None:
    assert Path(_argv([rule], command)[0]).is_absolute()


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        ("git status", "git status --short"),
        ("git status", "git"),
        ("git status", "git push"),
        ("ls *", "ls"),
        ("ls *", "ls a b"),
        ("git log **", "git -c core.pager=sh log"),
        ("git log **", "/tmp/git log"),
        ("git log **", "./git log"),
        ("git status", "FOO=1 git status"),
        ("git status", "sh -c 'git status'"),
        ("git status", "env git status"),
        ("echo **", "bash -c 'echo aWQ= | base64 -d | sh'"),
    ],
)
def test_a_rule_does_not_allow(rule: str, command: str) -> None:
    with pytest.raises(ToolDeniedError, match="does not allow the command"):
        _argv([rule], command)


@pytest.mark.parametrize(
    "command",
    [
        "echo a; id",
        "echo a && id",
        "echo a | sh",
        "echo $(id)",
        "echo `id`",
        'echo "$(id)"',
        'echo "$HOME"',
        "echo a > b",
        "echo a < b",
        "echo a & id",
        "echo a\nid",
    ],
)
def test_what_means_something_to_a_shell_is_refused_without_one(command: str) -> None:
    with pytest.raises(ToolDeniedError, match="needs a shell"):
        _argv(["echo **"], command)


def test_words_of_a_list_are_taken_as_they_are() -> None:
    assert _argv(["echo **"], ["echo", "a; id", "$(id)"])[1:] == ["a; id", "$(id)"]


def test_no_rule_allows_nothing() -> None:
    with pytest.raises(ToolDeniedError) as denied:
        _argv([], "true")
    assert denied.value.hint == "terminal.commands: none"


@pytest.mark.parametrize("command", ["", "  ", "''", "'", [], [""]])
def test_what_is_no_command_is_refused(command: str | list[str]) -> None:
    with pytest.raises(ToolError):
        _argv(["ls **"], command)


@pytest.mark.parametrize("rule", ["", "* **", "l? a", "bin/x", "ls ** a", "ls 'a"])
def test_a_rule_that_is_a_mistake_is_found_when_it_is_read(rule: str) -> None:
    with pytest.raises(ValidationError, match="commands"):
        TerminalRules(commands=(rule,))


def test_programs_of_relative_folders_on_the_path_are_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    rules = TerminalRules(commands=("mine",))
    for path in (".", "", "::", f".{os.pathsep}/usr/bin"):
        with pytest.raises(ToolError, match="no program"):
            rules.argv("mine", {"PATH": path})
    assert rules.argv("mine", {"PATH": str(tmp_path)}) == [str(program)]


# Running


def test_a_shell_runs_any_command(tmp_path: Path) -> None:
    told = _run(tmp_path, "echo out; echo err >&2; exit 3")
    assert told == {"output": "out\nerr\n", "exit_code": 3}


def test_words_run_without_a_shell_even_where_one_is_allowed(tmp_path: Path) -> None:
    assert _run(tmp_path, ["echo", "$HOME;"])["output"] == "$HOME;\n"


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    told = _run(tmp_path, "echo begun; sleep 1000", timeout=0.5)
    assert told == {
        "output": "begun\n",
        "exit_code": 124,
        "error": "The command was ended after 0.5 s.",
    }


def test_the_deadline_of_the_call_is_one_of_the_command(tmp_path: Path) -> None:
    call = new_call("terminal", tmp_path, _SHELL, command="sleep 1000")
    assert run_call(call._replace(deadline=0.0))["exit_code"] == 124


def test_a_signal_is_told_as_a_shell_does(tmp_path: Path) -> None:
    told = _run(tmp_path, ["sh", "-c", "kill -KILL $$"])
    assert (told["exit_code"], told["error"]) == (137, "The command was ended by signal 9.")


def test_a_long_output_keeps_head_and_tail_and_a_file_the_whole(tmp_path: Path) -> None:
    whole = "".join(f"{number:07}\n" for number in range(20_000))
    told = _run(tmp_path, "seq -f %07.0f 0 19999")
    output = told["output"]
    assert output.startswith(whole[:20_000])
    assert output.endswith(whole[-30_000:])
    assert f"[… 110000 bytes left out; all is in {told['output_path']} …]" in output
    assert Path(told["output_path"]).read_text() == whole
    assert Path(told["output_path"]).parent == tmp_path / "outputs"


def test_an_output_of_just_the_limit_is_whole(tmp_path: Path) -> None:
    told = _run(tmp_path, "head -c 50000 /dev/zero | tr '\\0' x")
    assert told == {"output": "x" * 50_000, "exit_code": 0}
    assert not (tmp_path / "outputs").exists()


def test_an_endless_output_is_bounded(tmp_path: Path) -> None:
    told = _run(tmp_path, "yes", timeout=0.5)
    assert told["exit_code"] == 124
    assert len(told["output"]) < 50_200
    assert Path(told["output_path"]).stat().st_size <= 5_000_000


def test_without_a_record_the_rest_is_gone_and_that_is_said(tmp_path: Path) -> None:
    call = new_call("terminal", tmp_path, _SHELL, command="seq 100000")
    told = run_call(call._replace(spill=None))
    assert "bytes left out …]" in told["output"]
    assert "output_path" not in told


def test_nothing_that_was_started_survives(tmp_path: Path) -> None:
    marker = tmp_path / "survivor"
    os.mkfifo(marker)
    script = f"""
        exec 3<> {marker}
        setsid sh -c 'echo up >&3; sleep 1000; exit' {marker} > /dev/null 2>&1 &
        read up <&3; echo $up
    """
    assert _run(tmp_path, script)["output"] == "up\n"
    living = [one for one in psutil.process_iter(["cmdline"]) if str(marker) in _words_of(one)]
    assert not living


def _words_of(process: psutil.Process) -> list[str]:
    return process.info["cmdline"] or []


def test_a_command_that_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    call = new_call("terminal", tmp_path, _SHELL, command=f"echo > {ready}; sleep 1000")

    def give_up() -> None:
        ready.read_text()
        call.cancelled.set()

    cancel = threading.Thread(target=give_up)
    cancel.start()
    with pytest.raises(ToolError, match="nobody waits"):
        run_call(call)
    cancel.join()


def test_it_has_the_environment_of_the_call_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2")
    assert "hunter2" not in _run(tmp_path, "env; cat /proc/self/environ")["output"]


def test_the_workdir_is_one_that_the_policy_knows(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    policy = {"terminal": {"commands": ["pwd"]}}
    told = call_builtin("terminal", tmp_path, policy, command="pwd", workdir="below")
    assert told["output"] == f"{tmp_path / 'below'}\n"
    for outside in ("/", "..", "below/../.."):
        with pytest.raises(ToolDeniedError, match="no command may run"):
            call_builtin("terminal", tmp_path, policy, command="pwd", workdir=outside)
    wider = {**policy, "files": {"read": ["/usr"]}}
    told = call_builtin("terminal", tmp_path, wider, command="pwd", workdir="/usr/bin")
    assert told["output"].startswith("/usr/bin")
    assert _run(tmp_path, "pwd", workdir="/")["output"] == "/\n"


@pytest.mark.parametrize("workdir", ["none", "file", "a\0b"])
def test_a_workdir_that_is_none_is_said(tmp_path: Path, workdir: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match="workdir"):
        _run(tmp_path, "pwd", workdir=workdir)


@pytest.mark.parametrize(
    "arguments",
    [{"command": 7}, {"command": "ls", "timeout": -1}, {"command": "ls", "when": "now"}, {}],
)
def test_wrong_arguments_are_said(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolError):
        call_builtin("terminal", tmp_path, _SHELL, **arguments)


def test_a_command_with_a_null_character_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError):
        _run(tmp_path, ["echo", "a\0b"])
