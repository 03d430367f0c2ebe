"""The JSON of a review: what others read of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notebook_executor.review.concluding import verdict_of
from notebook_executor.review.models import NotebookReview, Review, Verdict

_SCHEMA = Path(__file__).parents[2] / "docs" / "review.schema.json"
_REFRESH = (
    'python -c "import json; from notebook_executor import Review as R; '
    "print(json.dumps(R.model_json_schema(mode='serialization'), indent=2))\" "
    "> docs/review.schema.json"
)


def _notebook(verdict: Verdict, path: str = "a.ipynb") -> NotebookReview:
    return NotebookReview(path=path, base_path=None, change="added", verdict=verdict)


def test_the_published_schema_is_the_models() -> None:
    published = json.loads(_SCHEMA.read_text("utf-8"))
    assert published == Review.model_json_schema(mode="serialization"), f"refresh: {_REFRESH}"


def test_a_review_survives_its_json() -> None:
    review = Review(
        verdict="pass",
        base="main",
        head="index",
        base_commit="a" * 40,
        head_commit=None,
        merge_base=None,
        notebooks=(_notebook("pass"),),
        duration_seconds=1.5,
    )

    assert Review.model_validate_json(review.to_json()) == review
    assert json.loads(review.to_json())["schema"] == 1
    assert review.ok
    assert review["notebooks"][0]["verdict"] == "pass"
    assert review.notebooks[0].notebooks.head is None


@pytest.mark.parametrize(
    ("verdicts", "counted", "expected"),
    [
        ((), (), "nothing_to_compare"),
        (("pass",), (0,), "pass"),
        (("pass", "nothing_to_compare"), (0, 1), "nothing_to_compare"),
        (("pass", "nothing_to_compare"), (0,), "pass"),
        (("pass",), (), "nothing_to_compare"),
        (("nothing_to_compare", "differs"), (0,), "differs"),
        (("differs", "fail", "pass"), (0, 1, 2), "fail"),
    ],
)
def test_the_gravest_verdict_counts(
    verdicts: tuple[Verdict, ...], counted: tuple[int, ...], expected: Verdict
) -> None:
    notebooks = [_notebook(verdict, str(number)) for number, verdict in enumerate(verdicts)]

    assert verdict_of(notebooks, lambda one: int(one.path) in counted) == expected
