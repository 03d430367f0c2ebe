"""What may differ between two runs of one notebook by the same executor, and how it is evened out.

Nothing else is evened out: a difference that no entry here explains is a difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .cases import Case, Json
from .identifiers import map_text, name_identifiers
from .runs import Run

_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
_CELL_FILE = re.compile(r"(?:/[^\s'\"/]+)*/ipykernel_\d+/")
_MEASURED = re.compile(r"(?m)^((?:CPU times|Wall time): ).*$")
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_VALID_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Normalisation:
    """One kind of noise.

    Attributes:
        apply: Returns the view without the noise; may change the view it is given.
    """

    name: str
    reason: str
    apply: Callable[[Json, Run, Case], Json]


def normalise(view: Json, run: Run, case: Case, *, leave_out: Collection[str] = ()) -> Json:
    for entry in NORMALISATIONS:
        if entry.name not in leave_out:
            view = entry.apply(view, run, case)
    return view


def _even_out_times(view: Json, run: Run, case: Case) -> Json:
    for metadata in _all_metadata(view):
        papermill = metadata.get("papermill", {})
        for key in ("start_time", "end_time"):
            if key in papermill:
                papermill[key] = _time(papermill[key])
        if isinstance(papermill.get("duration"), float):
            papermill["duration"] = "<seconds>"
        execution = metadata.get("execution", {})
        execution.update({key: _time(value) for key, value in execution.items()})
    return view


def _time(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    zone = datetime.fromisoformat(value).tzinfo
    return f"<time in {zone}>"


def _even_out_paths(view: Json, run: Run, case: Case) -> Json:
    return _in_text(view, lambda text: text.replace(str(run.folder), "<folder>"))


def _even_out_new_ids(view: Json, run: Run, case: Case) -> Json:
    ids = [cell.get("id") for cell in _cells(view)]
    for cell in _cells(view):
        new = cell.get("id")
        if new is not None and new not in case.ids and ids.count(new) == 1 and _VALID_ID.match(new):
            cell["id"] = "<new>"
    return view


def _even_out_run_id(view: Json, run: Run, case: Case) -> Json:
    nbx = (view["notebook"] or {}).get("metadata", {}).get("nbx", {})
    if _RUN_ID.fullmatch(nbx.get("run_id", "")):
        nbx["run_id"] = "<run>"
    return view


def _even_out_addresses(view: Json, run: Run, case: Case) -> Json:
    return _in_text(view, lambda text: _ADDRESS.sub("0x<address>", text))


def _even_out_cell_files(view: Json, run: Run, case: Case) -> Json:
    return _in_text(view, lambda text: _CELL_FILE.sub("<cells of the kernel>/", text))


def _even_out_measurements(view: Json, run: Run, case: Case) -> Json:
    return _in_text(view, lambda text: _MEASURED.sub(r"\1<measured>", text))


def _name_identifiers(view: Json, run: Run, case: Case) -> Json:
    return name_identifiers(view)


def _join_chunks(view: Json, run: Run, case: Case) -> Json:
    join_chunks(view)
    return view


def join_chunks(view: Json) -> None:
    """Join each stream output with those of the same stream that directly follow it."""
    for cell in _cells(view):
        if "outputs" not in cell:
            continue
        joined: list[Json] = []
        for output in cell["outputs"]:
            last = joined[-1] if joined else {}
            if output["output_type"] == "stream" and last.get("name") == output["name"]:
                last["text"] += output["text"]
            else:
                joined.append(dict(output))
        cell["outputs"] = joined


def _sort_streams(view: Json, run: Run, case: Case) -> Json:
    for cell in _cells(view):
        sorted_outputs: list[Json] = []
        neighbours: dict[str, Json] = {}
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream":
                whole = neighbours.setdefault(output["name"], {**output, "text": ""})
                whole["text"] += output["text"]
            else:
                sorted_outputs += [*_stdout_first(neighbours), output]
                neighbours = {}
        if "outputs" in cell:
            cell["outputs"] = [*sorted_outputs, *_stdout_first(neighbours)]
    return view


def _stdout_first(streams: dict[str, Json]) -> list[Json]:
    return [streams[name] for name in sorted(streams, reverse=True)]


def _forget_last_words(view: Json, run: Run, case: Case) -> Json:
    if case.kind == "kernel_died":
        for cell in _cells(view):
            if "exit" in cell["source"]:
                cell["metadata"]["execution"] = {}
                cell["execution_count"] = None
    return view


def _in_text(view: Json, change: Callable[[str], str]) -> Json:
    changed: Json = map_text(view, change)
    return changed


def _cells(view: Json) -> list[Json]:
    cells: list[Json] = (view["notebook"] or {}).get("cells", [])
    return cells


def _all_metadata(view: Json) -> list[Json]:
    own = [view["notebook"]["metadata"]] if view["notebook"] else []
    return [
        metadata
        for metadata in [*own, *(cell["metadata"] for cell in _cells(view))]
        if "papermill" in metadata
    ]


NORMALISATIONS: tuple[Normalisation, ...] = (
    Normalisation(
        "times",
        "start, end and duration change; that they are there, or null, and their time zone do not",
        _even_out_times,
    ),
    Normalisation(
        "paths",
        "each executor runs in a folder of its own",
        _even_out_paths,
    ),
    Normalisation(
        "new cell ids",
        "papermill gives random ids to cells that have none; ids of the input are compared",
        _even_out_new_ids,
    ),
    Normalisation(
        "run ids",
        "each run has its own",
        _even_out_run_id,
    ),
    Normalisation(
        "memory addresses",
        "the repr of an object names its address",
        _even_out_addresses,
    ),
    Normalisation(
        "cell files",
        "warnings name a file after the kernel's process id",
        _even_out_cell_files,
    ),
    Normalisation(
        "measured times",
        "%%time prints what it measured",
        _even_out_measurements,
    ),
    Normalisation(
        "made-up identifiers",
        "widgets get random ids; which refers to which is compared",
        _name_identifiers,
    ),
    Normalisation(
        "stream chunks",
        "ipykernel cuts a stream by a timer",
        _join_chunks,
    ),
    Normalisation(
        "order of stdout and stderr",
        "ipykernel flushes the two apart; each keeps its own order and its place between displays",
        _sort_streams,
    ),
    Normalisation(
        "last words",
        "what a kernel sends in the instant it dies may or may not arrive",
        _forget_last_words,
    ),
)
