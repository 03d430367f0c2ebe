"""``nbx review --read``: a review that was made before, in other words; and ``--annotations``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notebook_executor.review.models import Review
from notebook_executor.review.retelling import read_review
from tests.reviews import differing, failing, passing, review

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Nbx

MADE = review(failing("a.ipynb", "::add-mask::x"), differing(), passing(), verdict="fail")


@pytest.fixture
def told(tmp_path: Path) -> Path:
    path = tmp_path / "review.json"
    path.write_text(MADE.to_json())
    return path


def test_a_review_is_read_as_it_was_written(told: Path) -> None:
    assert read_review(told) == MADE


def test_it_is_told_in_every_form_and_its_verdict_is_known(nbx: Nbx, told: Path) -> None:
    plain = nbx("review", "--read", told.name)
    assert (plain.returncode, "division" in plain.stdout) == (0, False)
    assert "a.ipynb" in plain.stdout
    as_json = nbx("review", "--read", told.name, "--json")
    assert Review.model_validate_json(as_json.stdout) == MADE
    markdown = nbx("review", "--read", told.name, "--markdown", "-", "--html", "page.html")
    assert markdown.stdout == MADE.to_markdown()
    assert "a.ipynb" in (told.parent / "page.html").read_text()


def test_annotations_follow_a_report_that_can_give_no_commands(
    nbx: Nbx, told: Path, environment: dict[str, str]
) -> None:
    environment["GITHUB_STEP_SUMMARY"] = str(told.parent / "summary.md")

    done = nbx("review", "--read", told.name, "--annotations", "github")

    begin, *report = done.stdout.splitlines()
    assert begin.startswith("::stop-commands::")
    end = report.index(f"::{begin.removeprefix('::stop-commands::')}::")
    commands = report[end + 1 :]
    assert [command.split()[0] for command in commands] == ["::error", "::error", "::warning"]
    assert commands[0].startswith("::error file=a.ipynb,line=57,")
    assert (told.parent / "summary.md").read_text() == MADE.to_markdown(250_000)

    environment["GITHUB_STEP_SUMMARY"] = str(told.parent)
    apart = nbx("review", "--read", told.name, "--annotations", "github", "--json")
    assert Review.model_validate_json(apart.stdout) == MADE
    assert apart.returncode == 0
    assert apart.stderr.splitlines()[-1].startswith("::warning title=No step summary::")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--read", "no.json"), "does not exist"),
        (("--read", "other.json"), "is not a review: "),
        (("--read", "review.json", "main", "HEAD"), "no review is made"),
        (("--read", "review.json", "--accept"), "no review is made"),
        (("--read", "review.json", "--", "a.ipynb"), "no review is made"),
        (("--read", "review.json", "--comment", "0"), "0 is not in the range"),
        (("--read", "review.json", "--comment", "7"), "in no git working tree"),
    ],
)
def test_what_cannot_be_told(nbx: Nbx, told: Path, words: tuple[str, ...], said: str) -> None:
    (told.parent / "other.json").write_text('{"verdict": "pass"}')

    done = nbx("review", *words)

    assert done.returncode == 2
    assert said in done.stderr
