"""What says nothing about a notebook, taken out: the same noise for diff, merge, strip, regression.

Two runs of one notebook differ in ids, counts, times, addresses, and in how a stream was cut into
pieces. Sources are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.cells import assign_ids
from notebook_executor.documents.volatile import (
    VOLATILE_CELL_METADATA,
    VOLATILE_METADATA,
    without_paths,
)
from notebook_executor.models import Record
from notebook_executor.text import plain

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ADDRESS = re.compile(r"(?<= at )0x[0-9a-fA-F]{4,16}\b")
# ipykernel names the file of a cell after its process.
_CELL_FILE = re.compile(r"\bipykernel_\d+(?=[/\\])")
_CELL_COUNT = re.compile(r"(?<=\bIn )\[\d+\]|(?<=\bIn)\[\d+\]|(?<=<ipython-input-)\d+-\w+")
_UNITS = r"(?:ns|µs|μs|us|ms|s|secs?|seconds?|mins?|minutes?|h|hours?|it/s|s/it)"
_TIMINGS = (
    re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
    re.compile(r"\b\d+:\d\d(?::\d\d)?(?:[.,]\d+)?\b"),
    re.compile(rf"\b\d+(?:[.,]\d+)?(?:e[+-]?\d+)?\s?{_UNITS}(?!\w)"),
)
_TIMEIT = re.compile(r"(?<= of )\d+ runs?, [\d,]+ loops? each")


class Noise(Record):
    """What counts as noise."""

    ids: bool = True  # ids follow from the cells' sources, as those of cells without one do
    execution_counts: bool = True  # null; in tracebacks too
    metadata: bool = True  # VOLATILE_METADATA and VOLATILE_CELL_METADATA are left out
    streams: bool = True  # joined between other outputs, stdout first, as a terminal shows them
    ansi: bool = True  # escape sequences are left out
    addresses: bool = True  # of objects in memory, and of files that a kernel calls its cells
    timings: bool = False  # dates, times of day and durations


ALL_NOISE = Noise()


def normalise(nb: NotebookNode, noise: Noise = ALL_NOISE) -> NotebookNode:
    """A notebook without noise; normalising it again changes nothing.

    Args:
        nb: A notebook as ``read_notebook`` returns it. It stays as it is; what needs no change
            (images, JSON) is shared with the new one.
        noise: What is taken out.
    """
    from nbformat import NotebookNode

    made = NotebookNode({key: value for key, value in nb.items() if key != "cells"})
    made.cells = [NotebookNode(_cell(cell, noise)) for cell in nb.cells]
    if noise.metadata:
        made.metadata = NotebookNode(without_paths(nb.metadata, VOLATILE_METADATA))
    if noise.ids:
        assign_ids(made.cells)
    return made


def _cell(cell: Mapping[str, Any], noise: Noise) -> dict[str, Any]:
    view = dict(cell)
    if noise.ids:
        view.pop("id", None)
    if noise.metadata:
        view["metadata"] = without_paths(cell["metadata"], VOLATILE_CELL_METADATA)
    if noise.execution_counts and "execution_count" in cell:
        view["execution_count"] = None
    if "outputs" in cell:
        view["outputs"] = normalise_outputs(cell["outputs"], noise)
    return view


def normalise_outputs(
    outputs: Iterable[Mapping[str, Any]], noise: Noise = ALL_NOISE
) -> list[NotebookNode]:
    """The outputs of a cell without noise, as ``normalise`` has them."""
    from nbformat import NotebookNode

    joined = _joined(outputs) if noise.streams else outputs
    made = [NotebookNode(_output(output, noise)) for output in joined]
    return [output for output in made if not noise.streams or output.get("text") != ""]


def _joined(outputs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    joined: list[Mapping[str, Any]] = []
    neighbours: dict[str, dict[str, Any]] = {}
    for output in outputs:
        if output["output_type"] == "stream":
            whole = neighbours.setdefault(output["name"], {**output, "text": ""})
            whole["text"] += output["text"]
        else:
            joined += [*_stdout_first(neighbours), output]
            neighbours = {}
    return [*joined, *_stdout_first(neighbours)]


def _stdout_first(streams: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    names = sorted(streams, key=lambda name: (name != "stdout", name))
    return [streams[name] for name in names]


def _output(output: Mapping[str, Any], noise: Noise) -> dict[str, Any]:
    view = dict(output)
    if noise.execution_counts and "execution_count" in output:
        view["execution_count"] = None
    if output["output_type"] == "stream":
        view["text"] = normalise_text(output["text"], noise, stream=True)
    elif output["output_type"] == "error":
        view["ename"] = normalise_text(output["ename"], noise)
        view["evalue"] = normalise_text(output["evalue"], noise)
        view["traceback"] = [_traceback(line, noise) for line in output["traceback"]]
    else:
        view["data"] = {
            mime: normalise_text(value, noise)
            if mime.startswith("text/") and isinstance(value, str)
            else value
            for mime, value in output["data"].items()
        }
    return view


def _traceback(text: str, noise: Noise) -> str:
    text = normalise_text(text, noise)
    return _CELL_COUNT.sub("[ ]", text) if noise.execution_counts else text


def normalise_text(text: str, noise: Noise = ALL_NOISE, *, stream: bool = False) -> str:
    """A text that a cell put out, without noise.

    Args:
        text: The whole text.
        noise: What is taken out.
        stream: Carriage returns act as they do in a terminal.
    """
    # What is left on both sides of something taken out may make another one.
    while (cleaned := _cleaned(text, noise, stream)) != text:
        text = cleaned
    return text


def _cleaned(text: str, noise: Noise, stream: bool) -> str:
    if noise.ansi:
        text = plain(text)
    if stream and noise.streams and "\r" in text:
        text = "\n".join(map(_as_shown, text.split("\n")))
    if noise.addresses:
        text = _CELL_FILE.sub("ipykernel_…", _ADDRESS.sub("0x…", text))
    return _without_timings(text) if noise.timings else text


def _as_shown(line: str) -> str:
    """What a terminal shows of a line that was overwritten."""
    body = line.rstrip("\r")
    return body.rpartition("\r")[2] + line[len(body) :]


def _without_timings(text: str) -> str:
    text = _TIMEIT.sub("… runs", text)
    for pattern in _TIMINGS:
        text = pattern.sub("<time>", text)
    return text
