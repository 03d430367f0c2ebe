"""One cell of which there are three versions, brought together field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from notebook_executor.documents.merge_report import ConflictKind
from notebook_executor.documents.output_text import outputs_text
from notebook_executor.documents.structure import place_of
from notebook_executor.documents.three_way import (
    MIDDLE,
    OURS,
    THEIRS,
    Clash,
    merge_text,
    merge_value,
    same,
)
from notebook_executor.documents.volatile import VOLATILE_CELL_METADATA, VOLATILE_METADATA
from notebook_executor.text import clip

_TEXT_LIMIT = 10_000
_MARK = ("nbx", "conflict")


class Version(NamedTuple):
    """A cell as it is, and without noise."""

    raw: Mapping[str, Any]
    plain: Mapping[str, Any]

    def like(self, other: Version) -> bool:
        """Whether two cells are the same but for noise and ids."""
        return same(_without_id(self.plain), _without_id(other.plain))


class Conflict(NamedTuple):
    """What both sides changed in a cell."""

    kind: ConflictKind
    place: str  # in the cell
    base: Any
    ours: Any
    theirs: Any


def _without_id(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cell.items() if key != "id"}


def merge_cell(base: Version, ours: Version, theirs: Version) -> tuple[dict[str, Any], list[Any]]:
    """The cell, in which conflicts are marked, and the conflicts.

    Ids, execution counts and what else is noise never conflict: ours stay.
    """
    if ours.raw["cell_type"] != theirs.raw["cell_type"]:
        return _merge_types(base, ours, theirs)
    conflicts: list[Conflict] = []
    merged = _merge_fields(base.raw, ours.raw, theirs.raw, conflicts)
    merged["source"] = _merge_source(base.raw, ours.raw, theirs.raw, conflicts)
    if "outputs" in ours.raw:
        merged["outputs"] = _merge_outputs(base, ours, theirs, conflicts)
    mark(merged, (conflict.kind for conflict in conflicts))
    return merged, conflicts


def mark(part: dict[str, Any], kinds: Iterable[str]) -> None:
    """Note in the metadata of a cell or notebook what is in conflict, as ``nbx.conflict``."""
    found = list(dict.fromkeys(kinds))
    if found:
        own = part["metadata"].get(_MARK[0])
        noted = {**(own if isinstance(own, dict) else {}), _MARK[1]: found}
        part["metadata"] = {**part["metadata"], _MARK[0]: noted}


def _merge_types(
    base: Version, ours: Version, theirs: Version
) -> tuple[dict[str, Any], list[Conflict]]:
    if theirs.like(base):
        return dict(ours.raw), []
    if ours.like(base):
        return dict(theirs.raw), []
    merged = dict(ours.raw)
    mark(merged, ["cell_type"])
    sources = (version.raw["source"] for version in (base, ours, theirs))
    return merged, [Conflict("cell_type", "cell_type", *sources)]


def _merge_source(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    conflicts: list[Conflict],
) -> str:
    sources = base["source"], ours["source"], theirs["source"]
    merged = merge_text(*sources)
    if merged.conflict:
        conflicts.append(Conflict("source", "source", *sources))
    return merged.text


def _merge_outputs(
    base: Version, ours: Version, theirs: Version, conflicts: list[Conflict]
) -> list[Any]:
    raw = [version.raw.get("outputs", []) for version in (base, ours, theirs)]
    plain = [version.plain.get("outputs", []) for version in (base, ours, theirs)]
    if same(plain[1], plain[2]) or same(plain[2], plain[0]):
        # What is noise on both sides may have changed on theirs alone.
        theirs_only = same(plain[1], plain[2]) and same(raw[1], raw[0])
        return list(raw[2] if theirs_only else raw[1])
    if same(plain[1], plain[0]):
        return list(raw[2])
    texts = (clip(outputs_text(outputs), _TEXT_LIMIT) for outputs in raw)
    conflicts.append(Conflict("outputs", "outputs", *texts))
    return [_note(OURS), *raw[1], _note(MIDDLE), *raw[2], _note(THEIRS)]


def _note(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": f"{text}\n"}


def _merge_fields(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    conflicts: list[Conflict],
) -> dict[str, Any]:
    """All fields but source and outputs."""
    views = [_without_texts(side) for side in (base, ours, theirs)]
    clashes: list[Clash] = []
    merged: dict[str, Any] = merge_value(views[0], views[1], views[2], clashes)
    for clash in clashes:
        head = clash.path[0]
        if head in ("id", "execution_count") or is_noise(clash.path, VOLATILE_CELL_METADATA):
            continue
        kind: ConflictKind = "attachments" if head == "attachments" else "metadata"
        conflicts.append(Conflict(kind, place_of(clash.path), clash.base, clash.ours, clash.theirs))
    return merged


def _without_texts(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cell.items() if key not in ("source", "outputs")}


def is_noise(path: tuple[str, ...], volatile: tuple[str, ...]) -> bool:
    """Whether a path, which begins with ``metadata``, leads to what ``normalise`` takes out."""
    below = ".".join(path[1:])
    return path[:1] == ("metadata",) and any(f"{below}.".startswith(f"{v}.") for v in volatile)


def merge_metadata(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Conflict]]:
    """All of a notebook but its cells, and the conflicts in it."""
    views = [{k: v for k, v in side.items() if k != "cells"} for side in (base, ours, theirs)]
    clashes: list[Clash] = []
    merged: dict[str, Any] = merge_value(views[0], views[1], views[2], clashes)
    merged["nbformat_minor"] = max(view["nbformat_minor"] for view in views)
    told = [clash for clash in clashes if not is_noise(clash.path, VOLATILE_METADATA)]
    conflicts = [
        Conflict("metadata", place_of(clash.path), clash.base, clash.ours, clash.theirs)
        for clash in told
    ]
    mark(merged, (conflict.kind for conflict in conflicts))
    return merged, conflicts
