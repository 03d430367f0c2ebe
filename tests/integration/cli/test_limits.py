"""``nbx run --limit``: what it passes on, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.cli.observing import result_of

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx


def test_a_run_that_exceeds_its_limit(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("import signal\nheld = [b'x' * 2**20 for _ in range(400)]\nsignal.pause()")
    limits = ("--limit", "memory=200MiB", "--limit", "cpu_seconds=60")

    done = nbx("run", "notebook.ipynb", "--json", *limits)

    error = result_of(done.stdout).error
    assert error is not None
    assert done.returncode == 3
    assert error.kind == "out_of_memory"
    assert "memory=200 MiB" in error.message


def test_limits_that_cannot_be_meant(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("1")

    for given, said in {
        "memroy=1GiB": "did you mean 'memory'",
        "memory=lots": "'lots'",
        "memory": "NAME=VALUE",
    }.items():
        done = nbx("run", "notebook.ipynb", "--limit", given)
        assert done.returncode == 2
        assert said in done.stderr
