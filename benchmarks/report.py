"""Rows as a table, as JSON, and as a picture."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import Row
from benchmarks.runners import OURS

_PEERS = ("papermill", "nbclient", "nbconvert", "ploomber-engine", "ipykernel", "jupyter_client")
_COMPILED = ("notebook_executor", "papermill", "ipykernel")


def machine() -> dict[str, Any]:
    """What a reader must know of where the figures come from."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {name: version(name) for name in _PEERS},
        "bytecode": {name: _is_compiled(name) for name in _COMPILED},
    }


def _is_compiled(package: str) -> bool:
    """Whether there is bytecode of all modules of a package that is no older than they are."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return False
    return all(map(_is_fresh, Path(spec.origin).parent.rglob("*.py")))


def _is_fresh(source: Path) -> bool:
    compiled = Path(importlib.util.cache_from_source(str(source)))
    return compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime


def preface(of: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in of["versions"].items())
    lacking = [name for name, compiled in of["bytecode"].items() if not compiled]
    bytecode = f"not compiled: {', '.join(lacking)}" if lacking else "compiled"
    return (
        f"{of['processors']} processors, load {of['load_before']} before, {of['system']}, Python "
        f"{of['python']}, {versions}; bytecode {bytecode}."
    )


def table(rows: Sequence[Row]) -> str:
    """The verdicts, a line each, and below them the medians that they come from."""
    verdicts = [
        [
            row.title,
            f"{row.figure:.3g}",
            f"{min(row.figures):.3g} to {max(row.figures):.3g}",
            row.target,
            "yes" if row.reached else "**no**",
            row.note,
        ]
        for row in rows
    ]
    runners = list(dict.fromkeys(runner for row in rows for runner in row.samples))
    medians = [[row.title, row.unit, *(_median(row, runner) for runner in runners)] for row in rows]
    return "\n\n".join(
        (
            _grid(["what", "figure", "spread", "target", "reached", "note"], verdicts),
            _grid(["median", "unit", *runners], medians),
        )
    )


def _median(row: Row, runner: str) -> str:
    values = row.samples.get(runner)
    return f"{median(values):.3g}" if values else ""


def _grid(header: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] * len(header)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))


def save(rows: Sequence[Row], of: dict[str, Any], path: Path) -> None:
    """Write what there is so far; rows of an earlier run that were not measured now are kept."""
    content = {
        "machine": of,
        "rows": [asdict(row) | {"figure": row.figure, "reached": row.reached} for row in rows],
    }
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def load(path: Path) -> list[Row]:
    """The rows of an earlier run."""
    if not path.exists():
        return []
    known = {field.name for field in fields(Row)}
    content = json.loads(path.read_text(encoding="utf-8"))
    return [
        Row(**{name: value for name, value in row.items() if name in known})
        for row in content["rows"]
    ]


def publish(page: Path, **parts: str) -> None:
    """Put each part between its two markers in the page, ``<!-- NAME -->`` and the end of it."""
    text = page.read_text(encoding="utf-8")
    for name, body in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{body}\n\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def draw(rows: Sequence[Row], path: Path) -> None:
    """How far each figure is from its target, and how long the runners take."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    timed = [row for row in rows if len(row.samples) > 2 and row.unit == "s"]
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(14, 1.6 + 0.5 * max(len(rows), 3 * len(timed))), layout="constrained"
    )
    _draw_targets(left, rows)
    _draw_runners(right, timed)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _draw_targets(axes: Any, rows: Sequence[Row]) -> None:
    places = range(len(rows))
    shares = [row.figure / row.limit for row in rows]
    below = [share - min(row.figures) / row.limit for share, row in zip(shares, rows, strict=True)]
    above = [max(row.figures) / row.limit - share for share, row in zip(shares, rows, strict=True)]
    colours = ["tab:green" if row.reached else "tab:red" for row in rows]
    axes.barh(places, shares, color=colours, xerr=[below, above], ecolor="0.4", capsize=2)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(places, [_short(row.title) for row in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("figure as a share of its target; left of the line is reached")
    _tidy(axes, 0.01, 20)
    for place, row in zip(places, rows, strict=True):
        edge = max(row.figures) / row.limit
        axes.annotate(
            f" {row.figure:.2g}", (edge, place), xytext=(3, 0), textcoords="offset points",
            va="center", fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip


def _tidy(axes: Any, least: float, most: float) -> None:
    """Show at least this range, and label the powers of ten alone."""
    from matplotlib.ticker import NullFormatter

    left, right = axes.get_xlim()
    axes.set_xlim(min(left, least), max(right, most))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_runners(axes: Any, rows: Sequence[Row]) -> None:
    runners = list(dict.fromkeys(runner for row in rows for runner in row.samples))
    height = 0.8 / max(1, len(runners))
    for number, runner in enumerate(runners):
        places = [place + number * height for place in range(len(rows))]
        seconds = [median(row.samples[runner]) for row in rows]
        colour = "tab:blue" if runner == OURS else str(0.35 + 0.12 * number)
        bars = axes.barh(places, seconds, height * 0.9, label=runner, color=colour)
        axes.bar_label(bars, [f"{runner} {second:.3g} s" for second in seconds], fontsize=7)
    middle = height * (len(runners) - 1) / 2
    axes.set_yticks([place + middle for place in range(len(rows))], [_short(r.title) for r in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("seconds, median")
    _tidy(axes, 0.005, 10)
    axes.set_xlim(right=axes.get_xlim()[1] * 10)  # room for the labels


def _short(title: str) -> str:
    import textwrap

    return textwrap.fill(title.replace("`", ""), 34)
