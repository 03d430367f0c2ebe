"""What entries refer to, checked without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notebook_executor.schedule.checking import check_entries
from notebook_executor.schedule.loading import load_entries

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

HEAD = "name: fleet\nschedule: '0 6 * * *'\npath: a.ipynb\n"
DECLARED = (
    "from typing import Literal\nhost: str\ncount: int = 1\nmode: Literal['a', 'b'] = 'a'\nany = 1",
    "parameters",
)


def _told(tmp_path: Path, text: str) -> list[tuple[int, int, str]]:
    file = tmp_path / "s.yaml"
    file.write_text(text, "utf-8")
    problems = check_entries(load_entries([file]), tmp_path)
    return [(problem.line, problem.column, problem.message) for problem in problems]


def test_an_entry_that_fits_has_no_problem(tmp_path: Path, make_notebook: MakeNotebook) -> None:
    make_notebook(DECLARED, name="a.ipynb")
    text = HEAD + (
        "parameters: {host: '{{env.HOST}} {{date}}', count: 2, mode: b, any: [1, '{{ts}}']}\n"
        "pass_env: [HOST]\noutput_path: runs/{{date}}/{{run_id}}.ipynb\ncwd: .\n"
        "alert_if: health_score < 0.8\n"
    )
    assert _told(tmp_path, text) == []
    assert not (tmp_path / "runs").exists()


def test_parameters_that_do_not_fit_are_told_where_they_stand(
    tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    make_notebook(DECLARED, name="a.ipynb")
    told = _told(
        tmp_path, HEAD + "parameters:\n  cuont: 1\n  count: '{{date}}'\n  mode: c\n  any: '{{x}}'\n"
    )
    assert [(line, column) for line, column, _ in told] == [(4, 1), (5, 3), (6, 10), (7, 9), (8, 8)]
    for (_, _, message), part in zip(
        told,
        [
            "Missing parameter 'host'",
            "Unknown parameter 'cuont'",
            "count must be int, not a str",
            "mode must be",
            "parameters.any cannot be filled in: 'x' is undefined",
        ],
        strict=True,
    ):
        assert part in message


@pytest.mark.parametrize(
    ("line", "column", "told"),
    [
        ("kernel_name: no-such-kernel", 14, "no-such-kernel"),
        ("cwd: nowhere", 6, "there is no folder nowhere"),
        ("policy: none.yaml", 9, "There is no policy file"),
        ("policy: a.ipynb", 9, "there is no 'cells'"),
        ("output_path: runs/{{date}}", 14, "does not end in .ipynb"),
        ("output_path: a.ipynb/b.ipynb", 14, "is not a folder"),
        ("output_path: runs/{{dat}}.ipynb", 14, "'dat' is undefined"),
        ("commit: {message: '{{'}", 19, "commit.message is not a template"),
        ("alert_if: __import__('os')", 11, "__import__"),
        (
            "notify: [{on: [failure], webhook: {url: 'https://x', headers: {A: '{{env.A}}'}}}]",
            67,
            "notify.0.webhook.headers.A cannot be filled in",
        ),
    ],
)
def test_what_an_entry_refers_to_is_looked_for(
    tmp_path: Path, make_notebook: MakeNotebook, line: str, column: int, told: str
) -> None:
    make_notebook("1", name="a.ipynb")
    ((at, place, message),) = _told(tmp_path, f"{HEAD}{line}\n")
    assert (at, place) == (4, column)
    assert told in message


def test_a_notebook_must_be_there_and_be_one(tmp_path: Path) -> None:
    ((line, column, message),) = _told(tmp_path, HEAD)
    assert (line, column) == (3, 7)
    assert "a.ipynb" in message
    (tmp_path / "a.ipynb").write_text("{}")
    assert len(_told(tmp_path, HEAD)) == 1


def test_a_notebook_of_another_language_needs_its_kernel(
    tmp_path: Path, make_notebook: MakeNotebook
) -> None:
    kernel = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    make_notebook("1", name="a.ipynb", **kernel)
    ((line, column, message),) = _told(tmp_path, HEAD)
    assert (line, column) == (3, 7)
    assert "'ir'" in message
