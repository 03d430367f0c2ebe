"""``nbx run`` and ``nbx validate`` with a policy, with servers, and with recordings."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.cli.observing import printed, result_of

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, Refused

_CELL = "from hermes_runtime import read_file\nprint(read_file('orders.csv')['content'])"


def test_a_run_is_recorded_and_replayed(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(_CELL)
    (tmp_path / "orders.csv").write_text("a;b\n")
    (tmp_path / "policy.yaml").write_text("allow: [read_file]\nfiles:\n  read: [.]\n")

    made = nbx("run", "notebook.ipynb", "--policy", "policy.yaml", "--record", "a.jsonl", "--json")
    (tmp_path / "orders.csv").unlink()
    again = nbx("run", "notebook.ipynb", "--replay", "a.jsonl", "--json")
    without = nbx("run", "notebook.ipynb", "--json")

    assert [done.returncode for done in (made, again, without)] == [0, 0, 1]
    results = [result_of(done.stdout) for done in (made, again)]
    assert [result.tool_calls[0].replayed for result in results] == [False, True]
    error = result_of(without.stdout).error
    assert error is not None
    assert "this run has no tools" in error.message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--record", "a", "--replay", "b"), "--record and --replay cannot go together"),
        (("--ignore", "a.b"), "--ignore needs --record or --replay"),
        (("--replay", "a", "--ignore", "b"), "'b' is not TOOL.ARGUMENT"),
        (("--grid", "a=1,2", "--record", "x"), "--grid and --record cannot go together"),
        (("--policy", "none.yaml"), "There is no policy file"),
        (("--mcp", "shop"), "'shop' is not NAME=VALUE"),
        (("--mcp", "shop='x"), "No closing quotation"),
        (("--mcp", "a b=x"), "'a b' is no name of a tool"),
        (("--mcp-config", "none.json"), "There is no file"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: tuple[str, ...], said: str, refused: Refused, make_notebook: MakeNotebook
) -> None:
    make_notebook("1")

    assert said in " ".join(refused("run", "notebook.ipynb", *options).split())


_SERVER = Path(__file__).parents[1] / "tools" / "mcp_example.py"
_ASKS = "from hermes_runtime import call\nprint(call('{name}.add', a=2))"


def test_servers_are_named_by_a_flag_or_by_the_file_of_other_clients(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(_ASKS.format(name="one"), _ASKS.format(name="two"))
    told = {"mcpServers": {"two": {"command": sys.executable, "args": [str(_SERVER)]}}}
    (tmp_path / "mcp.json").write_text(json.dumps(told))
    command = f"one={shlex.join([sys.executable, str(_SERVER)])}"

    done = nbx(
        *("run", "notebook.ipynb", "out.ipynb", "--mcp", command),
        *("--mcp-config", "mcp.json", "--json"),
    )

    assert done.returncode == 0, done.stdout
    assert [call.tool for call in result_of(done.stdout).tool_calls] == ["one.add", "two.add"]
    assert printed(tmp_path / "out.ipynb", 1) == "{'result': 3}\n"


def test_a_server_that_does_not_start_is_named(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("1")

    done = nbx("run", "notebook.ipynb", "--mcp", "shop=/no/such/program", "--no-progress-bar")

    assert done.returncode == 1
    assert "'shop'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_notebook_is_validated_with_the_recording_beside_it(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(_CELL)
    (tmp_path / "orders.csv").write_text("a;b\n")
    (tmp_path / "policy.yaml").write_text("allow: [read_file]\nfiles:\n  read: [.]\n")
    options = ("notebook.ipynb", "--policy", "policy.yaml")
    made = nbx("run", *options, "--record", "notebook.tools.jsonl", "--no-output", "--json")
    accepted = nbx("validate", "--regression", *options, "--accept")
    (tmp_path / "orders.csv").write_text("c;d\n")

    replayed = nbx("validate", "--regression", "notebook.ipynb", "--replay")
    called = nbx("validate", "--regression", *options)
    without = nbx("validate", "--regression", "notebook.ipynb")

    assert [done.returncode for done in (made, accepted)] == [0, 0]
    assert [done.returncode for done in (replayed, called, without)] == [0, 5, 1], called.stdout
