"""Scheduled notebooks in real kernels: replaced, cut off, retried, and none of them left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
import yaml

from notebook_executor.backends.local import LocalBackend
from notebook_executor.config import Settings
from notebook_executor.lifecycle.registry import live_kernels
from notebook_executor.schedule.attempts import Workshop
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.clock import Clock
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.happening import Happening
from notebook_executor.schedule.keeping import remove_run
from notebook_executor.schedule.places import open_state
from notebook_executor.schedule.scheduler import Scheduler
from notebook_executor.schedule.serving import Stop, run_by_hand, tick
from notebook_executor.schedule.state import State
from tests.integration.gated import own_base

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.gated import Gate

_SIX = datetime(2026, 3, 1, 6, tzinfo=UTC)
_DAY = timedelta(days=1)
_NBX = (sys.executable, "-m", "notebook_executor.cli.main")
_PARAMETERS = ("day = name = ''", "parameters")


def entry(**fields: Any) -> Entry:
    commit = {"enabled": False}
    wanted = {"name": "a", "schedule": "0 6 * * *", "path": "notebook.ipynb", "commit": commit}
    return Entry.model_validate({**wanted, **fields})


class Bench:
    """A project whose entries are known since the midnight before six."""

    def __init__(self, root: Path, state: State) -> None:
        self.root, self.state = root, state
        self.told: list[Happening] = []
        state.begin({"a": _SIX - timedelta(hours=6)})

    @contextmanager
    def scheduler(self, now: datetime) -> Iterator[Scheduler]:
        backend = LocalBackend()
        workshop = Workshop(self.root, Settings(), self.state, backend)
        try:
            with Scheduler(
                workshop,
                clock=Clock.showing(now),
                at_once=1,
                tell=self.told.append,
                aftermath=lambda *_: (),
            ) as made:
                yield made
        finally:
            backend.close()

    def tick(self, now: datetime, *entries: Entry) -> list[Claim]:
        with self.scheduler(now) as scheduler:
            tick(scheduler, entries, Clock.showing(now), Stop())
        return self.state.claims()

    @contextmanager
    def other(self, wanted: Entry) -> Iterator[subprocess.Popen[bytes]]:
        """A scheduler in a process of its own that is at the entry's run of six o'clock."""
        (self.root / "entries.yaml").write_text(yaml.safe_dump(wanted.model_dump(mode="json")))
        words = ["schedule", "tick", "entries.yaml", "--root", ".", "--now", _SIX.isoformat()]
        with subprocess.Popen([*_NBX, *words], cwd=self.root, stdout=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_state(tmp_path, Settings()) as state:
        yield Bench(tmp_path, state)


def printed(claim: Claim) -> str:
    assert claim.output_path is not None
    cells = nbformat.read(claim.output_path, as_version=4).cells
    return "".join(output.text for output in cells[-1].outputs)


def test_a_run_gets_what_its_time_says_and_overwrites_nothing(
    bench: Bench, make_notebook: MakeNotebook
) -> None:
    make_notebook(_PARAMETERS, "print(day, name)")
    wanted = entry(
        parameters={"day": "{{date}}", "name": "{{name}}"},
        output_path="runs/{{name}}.ipynb",
        catch_up="all",
    )
    second, first = bench.tick(_SIX + _DAY, wanted)

    assert [first.state, second.state] == ["success", "success"]
    assert (printed(first), printed(second)) == ("2026-03-01 a\n", "2026-03-02 a\n")
    assert [claim.output_path for claim in (first, second)] == [
        str(bench.root / "runs/a.ipynb"),
        str(bench.root / "runs/a-2.ipynb"),
    ]
    assert (bench.root / ".nbx/.gitignore").read_text() == "*\n"


def test_a_run_has_the_tools_of_its_policy(bench: Bench, make_notebook: MakeNotebook) -> None:
    make_notebook("from hermes_runtime import tools\nprint(*(tool['name'] for tool in tools()))")
    (bench.root / "policy.yaml").write_text("allow: [read_file]\n")

    (claim,) = bench.tick(_SIX, entry(policy="policy.yaml"))

    assert printed(claim) == "read_file\n"


def test_replace_ends_the_kernel_of_another_process(
    bench: Bench, make_notebook: MakeNotebook, gate: Gate
) -> None:
    make_notebook(_PARAMETERS, f"if day == '2026-03-01':\n    {_indented(gate.source)}")
    wanted = entry(parameters={"day": "{{date}}"}, concurrency_policy="replace")
    with bench.other(wanted) as other:
        gate.wait()
        after, before = bench.tick(_SIX + _DAY, wanted)
        # Its notebook has failed: it was cancelled.
        assert other.wait(110) == 1

    assert (before.state, before.error_kind) == ("error", "cancelled")
    assert "2026-03-02 06:00:00 UTC takes its place" in before.message
    assert after.state == "success"
    assert [told.kind for told in bench.told] == ["replaced", "started", "finished"]


def test_a_run_whose_scheduler_was_killed_is_cut_off_and_retried(
    bench: Bench, make_notebook: MakeNotebook, gate: Gate
) -> None:
    waits = (
        "import pathlib\nif not pathlib.Path('seen').exists():\n    pathlib.Path('seen').touch()"
    )
    make_notebook("print('before')", f"{waits}\n    {_indented(gate.source)}")
    wanted = entry(retries={"limit": 1, "on": ["cut_off"], "backoff": 0})
    with bench.other(wanted) as other:
        gate.wait()
        other.kill()
        other.wait(60)
        (claim,) = bench.tick(_SIX, wanted)

    assert (claim.state, claim.attempt) == ("success", 2)
    retried = bench.told[0]
    assert (retried.kind, retried.claim and retried.claim.attempt) == ("retry", 1)
    assert retried.result is not None
    assert retried.result.error is not None
    assert retried.result.error.kind == "cancelled"
    assert retried.result.output_path is not None
    cells = nbformat.read(retried.result.output_path, as_version=4).cells
    assert cells[0].outputs[0].text == "before\n"
    assert not live_kernels(own_base())


def test_a_scheduler_that_is_to_stop_ends_its_kernel(
    bench: Bench, make_notebook: MakeNotebook, gate: Gate
) -> None:
    make_notebook(gate.source)
    with bench.scheduler(_SIX) as scheduler:
        scheduler.load([entry()])
        scheduler.turn(_SIX)
        gate.wait()
        scheduler.stop()
    (claim,) = bench.state.claims()

    assert (claim.state, claim.error_kind) == ("cut off", "cancelled")
    assert "the scheduler was stopped" in claim.message
    assert bench.tick(_SIX, entry()) == [claim]


def test_one_run_by_hand_replaces_another(
    bench: Bench, make_notebook: MakeNotebook, gate: Gate
) -> None:
    make_notebook(_PARAMETERS, f"if day == '2026-03-01':\n    {_indented(gate.source)}")
    wanted = entry(parameters={"day": "{{date}}"}, concurrency_policy="replace")
    with bench.scheduler(_SIX) as first, bench.scheduler(_SIX + _DAY) as second:
        first.run_now(wanted)
        gate.wait()
        assert isinstance(second.run_now(wanted), list)
        first.obey()
        first.jobs.join()
        assert run_by_hand(second, wanted, Stop()) == []

    assert [claim.state for claim in bench.state.claims()] == ["success", "error"]


@pytest.mark.parametrize("why", ["tracked", "another's"])
def test_a_notebook_that_is_not_ours_to_remove_stays(tmp_path: Path, why: str) -> None:
    notebook = tmp_path / "a.ipynb"
    run_id = "1" if why == "tracked" else "2"
    nbformat.write(nbformat.v4.new_notebook(metadata={"nbx": {"run_id": run_id}}), notebook)
    (tmp_path / ".nbx/runs/1").mkdir(parents=True)
    for words in (["init", "-q"], ["add", "a.ipynb"] if why == "tracked" else ["status"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True, timeout=60)

    remove_run("1", str(notebook), tmp_path, None)

    assert notebook.exists()
    assert not (tmp_path / ".nbx/runs/1").exists()
    nbformat.write(nbformat.v4.new_notebook(metadata={"nbx": {"run_id": "3"}}), notebook)
    if why == "another's":
        remove_run("3", str(notebook), tmp_path, None)
        assert not notebook.exists()


def _indented(source: str) -> str:
    return source.replace("\n", "\n    ")
