"""The example of the documentation, made from nothing: what it shows is what comes out."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import sys
from pathlib import Path

import pytest

from notebook_executor.commands import run_command
from notebook_executor.review.models import Review
from tests.integration.repositories import isolate_git
from tests.unit.test_review_page import Page

_ROOT = Path(__file__).parents[2]
_SCRIPT = _ROOT / "docs/examples/fleet_review/review_example.py"
_PAGE = _ROOT / "docs/review-report.md"
_PICTURE = _ROOT / "docs/review-report.png"


def make(out: Path, *words: str) -> None:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path])}
    done = run_command([sys.executable, str(_SCRIPT), str(out), *words], timeout=280, env=env)
    assert done.code == 0, done.complaint


def size(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG, in pixels."""
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_the_example_comes_out_as_the_documentation_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolate_git(monkeypatch)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    make(tmp_path, *(["--picture"] if browser else []))

    told = json.loads((tmp_path / "review.json").read_text("utf-8"))
    (notebook,) = told["notebooks"]
    assert (told["verdict"], notebook["executes"], notebook["matches_reference"]) == (
        "differs",
        True,
        False,
    )
    assert notebook["scraps"]["health_score"]["base"] == 0.89
    assert notebook["scraps"]["health_score"]["head"] == 0.94
    assert notebook["scraps"]["alert_count"] == {
        "base": 2,
        "head": 1,
        "change": -1,
        "direction": "down",
    }
    assert [cell["id"] for cell in notebook["cells"] if cell["matches"] is False] == [
        "alerts",
        "health",
    ]
    markdown = (tmp_path / "review.md").read_text("utf-8")
    assert "`health_score` was 0.89, is 0.94 ↑" in markdown
    html = (tmp_path / "review.html").read_text("utf-8")
    assert "was <b>0.89</b>, is <b>0.94</b> ↑" in html
    assert len([image for image in Page(html).images if image.startswith("data:image/png")]) == 2
    assert Review.model_validate(told).to_markdown() == markdown
    if browser:
        assert size(tmp_path / "review-report.png") == size(_PICTURE)


def test_the_documentation_shows_the_picture_of_these_figures() -> None:
    text = " ".join(_PAGE.read_text("utf-8").split())

    assert "health score was 0.89, is 0.94](review-report.png)" in text
    assert "`health_score` was 0.89, is 0.94" in text
    assert _PICTURE.stat().st_size < 300_000
    script = re.search(r"python (docs/examples/\S+\.py) ", text)
    assert script is not None
    assert _ROOT / script[1] == _SCRIPT
