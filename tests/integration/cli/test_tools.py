"""``nbx run`` with a policy, and with recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.cli.observing import result_of

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
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: tuple[str, ...], said: str, refused: Refused, make_notebook: MakeNotebook
) -> None:
    make_notebook("1")

    assert said in " ".join(refused("run", "notebook.ipynb", *options).split())
