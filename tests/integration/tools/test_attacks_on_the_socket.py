"""Who may not call the tools of a run, and tries."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.tools.broker import SOCKET_VARIABLE, TOKEN_VARIABLE
from tests.integration.tools.broking import serving

# What it is told before it has asked for anything.
_CONNECT = """
import socket, sys
with socket.socket(socket.AF_UNIX) as attacker:
    attacker.connect(sys.argv[1])
    print(attacker.makefile().readline(), end="")
"""


def request(token: str, cell: str | None = None) -> str:
    params: dict[str, Any] = {"token": token, "cell": cell, "tool": "count", "arguments": {}}
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "call", "params": params})


def asked(address: str, line: str) -> Any:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)
        client.sendall(line.encode() + b"\n")
        with client.makefile() as lines:
            return json.loads(lines.readline())


def counting() -> tuple[list[int], dict[str, Any]]:
    calls: list[int] = []
    return calls, {"count": lambda: calls.append(1)}


@pytest.mark.parametrize("opened", [False, True], ids=["as it is", "with its doors open"])
def test_a_process_of_another_user_is_refused(opened: bool) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user, too")
    python = shutil.which("python3", path="/usr/bin")
    if python is None:
        pytest.skip("there is no /usr/bin/python3, which every user can execute")
    calls, tools = counting()

    with serving(tools) as (_, environment):
        address = Path(environment[SOCKET_VARIABLE])
        if opened:
            # The session's own directory is closed to others, too.
            address.parent.chmod(0o711)
            address.parent.parent.chmod(0o711)
            address.chmod(0o777)
        done = subprocess.run(
            [python, "-I", "-c", _CONNECT, address],
            user=pwd.getpwnam("nobody").pw_uid,
            group=pwd.getpwnam("nobody").pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        address.parent.parent.chmod(0o700)
    assert calls == []
    if opened:
        assert "not this user's" in json.loads(done.stdout)["error"]["message"]
    else:
        assert "PermissionError" in done.stderr


def test_the_token_of_another_run_is_refused() -> None:
    calls, tools = counting()

    with serving(tools) as (_, one), serving(tools) as (_, other):
        assert one[SOCKET_VARIABLE] != other[SOCKET_VARIABLE]
        stolen = asked(one[SOCKET_VARIABLE], request(other[TOKEN_VARIABLE]))
        own = asked(one[SOCKET_VARIABLE], request(one[TOKEN_VARIABLE]))

    assert "token" in stolen["error"]["message"]
    assert own["result"] is None
    assert calls == [1]


@pytest.mark.parametrize("token", ["", "0" * 64, "é", None, 7, ["x"], {"x": 1}])
def test_what_is_not_the_token_is_refused(token: Any) -> None:
    calls, tools = counting()

    with serving(tools) as (_, environment):
        answer = asked(environment[SOCKET_VARIABLE], request(token))

    assert answer["error"]["data"]["kind"] == "unavailable"
    assert calls == []


def test_a_call_that_names_another_cell_is_refused() -> None:
    calls, tools = counting()

    with serving(tools) as (_, environment):
        line = request(environment[TOKEN_VARIABLE], cell="an earlier one")
        answer = asked(environment[SOCKET_VARIABLE], line)

    assert answer["error"]["data"]["kind"] == "denied"
    assert calls == []


def test_nothing_of_the_token_is_in_an_answer_or_in_a_name(
    capfd: pytest.CaptureFixture[str],
) -> None:
    _, tools = counting()

    with serving(tools) as (broker, environment):
        token = environment[TOKEN_VARIABLE]
        answers = [
            asked(environment[SOCKET_VARIABLE], line)
            for line in (request(token), request("x"), "{", request(token, cell="x"))
        ]
        shown = [repr(broker), repr(vars(broker.desk)), environment[SOCKET_VARIABLE]]

    assert token not in json.dumps(answers)
    assert token not in "".join(shown)
    assert token not in "".join(capfd.readouterr())


def _only_ours(environment: Mapping[str, str]) -> set[str]:
    return {name for name in environment if name.startswith("NBX_TOOLS")}


def test_the_kernel_is_told_no_more_than_it_needs() -> None:
    _, tools = counting()

    with serving(tools) as (_, environment):
        assert _only_ours(environment) == {SOCKET_VARIABLE, TOKEN_VARIABLE}
        assert oct(Path(environment[SOCKET_VARIABLE]).parent.stat().st_mode)[-3:] == "700"
