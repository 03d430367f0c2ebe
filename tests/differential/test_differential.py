"""Each notebook of the corpus through stock papermill and through ours: equal, or listed why."""

from __future__ import annotations

import json

import nbformat
import pytest

from .cases import Case
from .comparison import compare, occurs
from .corpus import BY_NAME, CORPUS
from .differences import differences_of
from .runs import Archive
from .translations import finite

each_case = pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)


@each_case
def test_notebook_is_what_papermill_writes_but_for_declared_differences(
    archive: Archive, case: Case
) -> None:
    found = compare(
        case,
        archive.stock(case),
        archive.ours(case),
        differences_of(case.name),
        workaround=archive.workaround(case),
    )
    assert not found, "\n".join(found)


@each_case
def test_result_agrees_with_the_file(archive: Archive, case: Case) -> None:
    result, written = archive.result(case), archive.ours(case).notebook
    assert (result.error and result.error.kind) == case.kind
    if written is None:
        assert case.kind == "invalid_parameters"
    else:
        nbformat.validate(nbformat.from_dict(written))
        assert finite(json.loads(json.dumps(result.notebook))) == written


@each_case
def test_each_declared_difference_occurs_and_is_needed(archive: Archive, case: Case) -> None:
    declared = differences_of(case.name)
    stock, ours, workaround = archive.stock(case), archive.ours(case), archive.workaround(case)
    for entry in declared:
        assert occurs(entry, declared, stock, workaround), (
            f"papermill does not do this here any more: remove {entry.name}"
        )
        assert compare(case, stock, ours, declared, workaround=workaround, omit=entry), (
            f"we do as papermill does here: remove {entry.name}"
        )


def test_corpus_is_as_large_as_it_has_to_be() -> None:
    assert len(CORPUS) >= 30
    assert len(BY_NAME) == len(CORPUS)
