"""How benchmarks judge and keep their figures; the measuring itself is tried elsewhere."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from benchmarks import __main__ as command
from benchmarks import report, turns
from benchmarks.measuring import Bench, Row, exponent, ratios

ROW = Row("imports", "title", "at most 1/4", 0.25, [0.2, 0.9, 0.1], {"a": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize(("limit", "reached"), [(0.2, True), (0.19, False)])
def test_the_median_of_the_rounds_is_judged(limit: float, reached: bool) -> None:
    row = replace(ROW, limit=limit)

    assert (row.figure, row.reached) == (0.2, reached)


def test_ratios_are_those_of_neighbours() -> None:
    assert ratios([1, 2], [4, 4]) == [0.25, 0.5]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [4])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_found(power: float) -> None:
    sizes = [100, 500, 2000]

    assert exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_rounds_take_turns() -> None:
    taken: list[str] = []

    def turn(name: str) -> float:
        taken.append(name)
        return float(len(taken))

    bench = Bench(Path(), 2, tell=lambda text: None)
    samples = bench.rounds({"a": lambda: turn("a"), "b": lambda: turn("b")}, rehearse=True)

    assert taken == ["a", "b"] * 3
    assert samples == {"a": [3.0, 5.0], "b": [4.0, 6.0]}
    assert len(bench.rounds({"a": lambda: 1.0}, at_most=1)["a"]) == 1


def test_a_round_in_which_one_fails_is_left_out() -> None:
    told: list[str] = []
    answers = iter([1.0, None, 3.0])

    def turn() -> float:
        answer = next(answers)
        if answer is None:
            raise subprocess.CalledProcessError(1, "peer", stderr="Traceback\nIt died.\n")
        return answer

    bench = Bench(Path(), 3, tell=told.append)
    samples = bench.rounds({"a": lambda: [2.0, 0.0], "b": lambda: [turn()]})

    assert samples == {"a": [[2.0, 0.0]] * 2, "b": [[1.0], [3.0]]}
    assert sum("2/3 left out" in line and "It died." in line for line in told) == 1


def test_a_row_of_which_no_round_succeeds_fails() -> None:
    def turn() -> float:
        raise subprocess.CalledProcessError(1, "peer")

    with pytest.raises(subprocess.CalledProcessError):
        Bench(Path(), 2, tell=lambda text: None).rounds({"a": turn})


def test_what_takes_too_long_is_ended_with_all_it_has_started(tmp_path: Path) -> None:
    script = (
        "import subprocess; from pathlib import Path\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "Path('pid').write_text(str(child.pid)); child.wait()"
    )

    with pytest.raises(subprocess.TimeoutExpired):
        Bench(tmp_path, longest=3.0).command("python", "-c", script)

    pid = tmp_path / "pid"  # not there where the machine is too slow for that
    if pid.exists() and pid.read_text():
        with suppress(psutil.NoSuchProcess):
            assert "sleep" not in psutil.Process(int(pid.read_text())).cmdline()


def test_runs_that_fail_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        failed = turns.failures(pool.submit(divmod, 1, number) for number in (1, 0, 2, 0))

    assert failed == 2
    assert capsys.readouterr().err.count("ZeroDivisionError") == 2


def test_figures_come_back_from_their_file(tmp_path: Path) -> None:
    report.save([ROW], report.machine(), tmp_path / "f.json")

    assert report.load(tmp_path / "f.json") == [ROW]
    assert report.load(tmp_path / "missing.json") == []


def test_a_row_that_fails_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def growth(bench: Bench) -> Iterator[Row]:
        yield replace(ROW, name="growth")
        bench.turn("memory", runner="nobody", small="", notebook="x.ipynb")

    def teardown(bench: Bench) -> Iterator[Row]:
        yield replace(ROW, name="teardown", title="new")

    monkeypatch.setattr(command, "ROWS", {"imports": None, "growth": growth, "teardown": teardown})
    rows = [ROW, replace(ROW, name="teardown", title="old")]
    file = tmp_path / "f.json"

    failed = command.measure(["growth", "teardown"], Bench(tmp_path), rows, file)

    assert failed == ["growth"]
    assert [(row.name, row.title) for row in report.load(file)] == [
        ("imports", "title"), ("growth", "title"), ("teardown", "new"),
    ]  # fmt: skip
    assert "KeyError: 'nobody'" in capsys.readouterr().err


def test_tables_replace_those_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    marked = "<!-- {0} -->\nold\n<!-- end of {0} -->\n"
    page.write_text("before\n" + marked.format("figures") + "between\n" + marked.format("floor"))

    for number in (1, 2):
        report.publish(page, figures=report.table([ROW]), floor=f"new {number}")

    text = page.read_text()
    assert text.startswith("before\n<!-- figures -->\n\n| what ")
    assert "|\n\n<!-- end of figures -->\nbetween\n<!-- floor -->\n\nnew 2\n\n<!-- end" in text
    assert text.count("| title | 0.2 | 0.1 to 0.9 | at most 1/4 | yes |  |") == 1
    assert "old" not in text


def test_a_command_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        Bench(tmp_path).command("python", "-c", "raise SystemExit(3)")
