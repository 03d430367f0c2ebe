"""The page of an entry's runs: whatever they left, it shows, runs nothing and asks nobody."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.execution.history import RunRow
from notebook_executor.schedule.history_page import history_page
from notebook_executor.schedule.plots import Point, plot

_SIX = datetime(2026, 11, 20, 6, tzinfo=UTC)
_HTML_ALONE = {"meta", "br", "img", "link"}


class Page(HTMLParser):
    """What a browser finds, with the proof that each element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.links: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        assert tag != "script"
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("src", "srcset", "style")
            if name == "href":
                assert tag == "a"
                self.links.append(value or "")
        if tag not in _HTML_ALONE:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def row(number: int, scraps: dict[str, Any] | None = None, **fields: Any) -> RunRow:
    at = _SIX + timedelta(days=number)
    values: dict[str, Any] = {
        "run_id": f"{at:%Y%m%dT%H%M%SZ}-000000",
        "started_at": at + timedelta(seconds=1),
        "scheduled_at": at,
        "status": "success",
        "duration_seconds": 2.0,
        "scraps": scraps or {},
    }
    return RunRow(**(values | fields))


def test_each_number_has_a_plot_and_each_run_a_line(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    kept = tmp_path / "runs" / "ü & 1#?.ipynb"
    kept.touch()
    rows = [
        row(0, {"score": 0.9, "state": "ok", "on": True}, output_path=str(kept)),
        row(1, status="error", error_kind="cell_error", output_path=str(tmp_path / "gone.ipynb")),
        row(2, {"score": 0.5, "size": 10**12, "rows": [1, 2]}),
        row(3, status="running", duration_seconds=None),
        row(4, started_at=None, scheduled_at=None, status="unreadable"),
    ]

    page = Page(history_page("fleet", rows, tmp_path / "reports"))

    assert page.count["svg"] == page.count["figure"] == 3
    assert page.count["tr"] == 1 + len(rows)
    assert page.count["i"] == 4
    assert "5 runs · 2 of 4 succeeded · usually 2.0 s · " in page.text
    assert [unquote(link) for link in page.links] == ["../runs/ü & 1#?.ipynb"]
    for told in ("cell_error", "gone.ipynb (gone)", "0.9", "true", "1,000,000,000,000"):
        assert told in page.text


def test_nothing_that_a_run_left_gets_out_of_its_place(tmp_path: Path) -> None:
    evil = "\"'><script>alert(1)</script><a href='javascript:x'>&\ud800"
    name = "a'\"><img src=x onerror=y>.ipynb"
    (tmp_path / name).touch()
    rows = [row(0, {evil: 1.0, "text": evil}, output_path=str(tmp_path / name))]

    text = history_page(evil, rows, tmp_path)

    page = Page(text)
    assert page.count.get("img") is None
    assert len(page.links) == 1
    assert page.links[0].startswith("a%27%22%3E%3Cimg")
    assert text.encode()
    assert "default-src 'none'" in text


def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    path = os.fsdecode(b"\xff.ipynb")
    (tmp_path / path).touch()
    link = f'href="{"%FF.ipynb"}"'
    rows = [row(0).model_copy(update={"output_path": str(tmp_path / path)})]
    assert link in history_page("x", rows, tmp_path)


def test_there_may_be_no_runs(tmp_path: Path) -> None:
    assert "There are no such runs." in Page(history_page("fleet", [], tmp_path)).text


def test_many_runs_and_many_scraps_stay_a_page(tmp_path: Path) -> None:
    many = {f"scrap {number}": number for number in range(100)}
    rows = [row(0, many), *(row(number, {"scrap 0": number % 7}) for number in range(1, 1000))]

    text = history_page("fleet", rows, tmp_path)

    page = Page(text)
    assert page.count["figure"] == 41
    assert "60 scraps more are not drawn" in page.text
    assert len(text) < 1_500_000


def points(*values: float | None, step: timedelta = timedelta(days=1)) -> list[Point]:
    return [Point(_SIX + number * step, value, "") for number, value in enumerate(values)]


def drawn(some: list[Point]) -> str:
    return plot(some, "x", some[0].at, some[-1].at)


def texts(svg: str, kind: str | None) -> list[str]:
    found = ET.fromstring(svg).iter("text")
    return [element.text or "" for element in found if element.get("class") == kind]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ((0.8, 1.0), ["0.8", "0.85", "0.9", "0.95", "1"]),
        ((3, 3), ["2.9", "3", "3.1"]),
        ((0,), ["-0.25", "0", "0.25"]),
        ((-0.3, 0.3), ["-0.4", "-0.2", "0", "0.2", "0.4"]),
        ((0, 400_000_000_000), ["0", "100G", "200G", "300G", "400G"]),
        ((0, 30_000), ["0", "10k", "20k", "30k"]),
    ],
)
def test_the_levels_are_round_numbers(values: tuple[float, ...], levels: list[str]) -> None:
    assert texts(drawn(points(*values)), "level") == levels


@pytest.mark.parametrize(
    ("step", "labels"),
    [
        (timedelta(days=30), ["2027-02-18", "2027-05-19"]),
        (timedelta(days=1), ["2026-11-22", "2026-11-24", "2026-11-26"]),
        (timedelta(hours=1), ["20 Nov 06:00", "20 Nov 09:00", "20 Nov 12:00"]),
        (timedelta(minutes=5), ["20 Nov 06:00", "20 Nov 06:15", "20 Nov 06:30"]),
    ],
)
def test_the_times_are_round_ones(step: timedelta, labels: list[str]) -> None:
    assert texts(drawn(points(*range(8), step=step)), None) == labels


def test_a_gap_is_no_line() -> None:
    drawing = ET.fromstring(drawn(points(1, 2, None, 3, 4, None, 5)))

    assert len(list(drawing.iter("polyline"))) == 2
    assert len(list(drawing.iter("circle"))) == 5
    assert len([path for path in drawing.iter("path") if path.get("class") == "gap"]) == 2


def test_of_many_points_no_peak_is_lost() -> None:
    values = [0.0] * 20_000
    values[12_345] = 7.0
    drawing = drawn(points(*values, step=timedelta(minutes=1)))

    places = re.findall(r'<polyline points="([^"]*)"', drawing)[0].split()
    assert len(places) < 3000
    assert min(float(place.partition(",")[2]) for place in places) < 60


@given(
    st.lists(st.none() | st.floats(-1e299, 1e299), min_size=1, max_size=20).filter(
        lambda values: any(value is not None for value in values)
    )
)
def test_any_numbers_can_be_drawn(values: list[float | None]) -> None:
    drawing = ET.fromstring(drawn(points(*values)))
    for circle in drawing.iter("circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= 640
        assert 0 <= float(circle.get("cy", "-1")) <= 180
    assert len(list(drawing.iter("text"))) < 40
