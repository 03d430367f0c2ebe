"""The corpus: what validation says of each notebook, what repair makes of it, and what reading."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from notebook_executor.documents.issues import RULES
from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.validation import repair_file, validate_notebook
from notebook_executor.documents.writing import serialise
from tests.corpus import SPECIMENS, Specimen
from tests.corpus.odd import ODD
from tests.corpus.suspicious import SUSPICIOUS
from tests.corpus.versions import VERSIONS

_each = pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
VALID = [s for s in SPECIMENS if not any(RULES[code].level == "error" for code in s.codes)]


def written(specimen: Specimen, folder: Path) -> Path:
    path = folder / f"{specimen.name}.ipynb"
    path.write_bytes(specimen.data)
    return path


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({specimen.name for specimen in SPECIMENS}) == len(SPECIMENS) >= 60
    told = {code for specimen in SPECIMENS for code in specimen.codes}
    assert set(RULES) - told == {"not_found", "invalid_notebook"}


def test_the_documentation_lists_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text("utf-8")

    for code, rule in RULES.items():
        assert f"| `{code}` | {rule.level} | {rule.meaning} |" in page


@_each
def test_the_codes_are_these(specimen: Specimen, tmp_path: Path) -> None:
    report = validate_notebook(written(specimen, tmp_path))

    assert tuple(issue.code for issue in report.issues) == specimen.codes, str(report)
    assert report.valid == (specimen in VALID)
    for issue in report.issues:
        assert issue.level == RULES[issue.code].level
        assert issue.message
    json.loads(report.to_json())


@_each
def test_what_can_be_repaired_is(specimen: Specimen, tmp_path: Path) -> None:
    path = written(specimen, tmp_path)
    before = validate_notebook(path)

    report = repair_file(path, upgrade="old_format" in specimen.codes)

    assert any(issue.repairable for issue in before.issues) == specimen.repairable
    if not specimen.repairable:
        assert path.read_bytes() == specimen.data
        assert report == before
        return
    assert report.valid
    assert report.repairs
    assert not any(issue.repairable for issue in report.issues)
    nbformat.validate(nbformat.reads(path.read_text("utf-8"), as_version=4))
    assert repair_file(path) == report.model_copy(update={"repairs": ()}), "once is enough"


@pytest.mark.parametrize("specimen", VALID, ids=lambda specimen: specimen.name)
def test_what_is_valid_survives_a_round_trip(specimen: Specimen) -> None:
    once = serialise(parse_notebook(specimen.data, specimen.name))

    assert serialise(parse_notebook(once, "again")) == once


@pytest.mark.parametrize(
    "specimen",
    [s for s in (*VERSIONS, *ODD, *SUSPICIOUS) if s in VALID],
    ids=lambda specimen: specimen.name,
)
def test_nbformat_agrees_that_it_is_valid(specimen: Specimen) -> None:
    node = nbformat.reads(specimen.data.decode(), as_version=nbformat.NO_CONVERT)
    if node.nbformat > 2:
        nbformat.validate(node)


def test_no_secret_is_in_any_report(tmp_path: Path) -> None:
    for specimen in SUSPICIOUS:
        if specimen.name.startswith("secret"):
            report = validate_notebook(written(specimen, tmp_path))
            told = str(report) + report.to_json()
            for part in ("0123456789abc", "vX9mL4pR7w", "hunter2", "eyJ", "SflKx"):
                assert part not in told
