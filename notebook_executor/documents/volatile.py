"""Which metadata says nothing about a notebook, but about who has run it, and when.

Apart from ``normalise``, because git starts ``nbx strip`` often, and pydantic takes its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Where a cell says which source its outputs come from, once it has another one.
OUTPUTS_OF = "nbx.outputs_of"
# What a cell has called, and how many calls more.
TOOL_CALLS = ("nbx.tool_calls", "nbx.tool_calls_left_out")
# Paths below the metadata: what executors, front ends and their extensions write at each run.
VOLATILE_METADATA = ("nbx.run_id", "orig_nbformat", "papermill", "signature", "widgets")
VOLATILE_CELL_METADATA = (
    *("ExecuteTime", "collapsed", "execution", "executionInfo", "heading_collapsed", "hidden"),
    *("outputId", "papermill", "scrolled", "trusted", OUTPUTS_OF, *TOOL_CALLS),
)


def without_paths(metadata: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """A mapping without what is at these dotted paths, and without what that leaves empty."""
    kept = dict(metadata)
    for path in paths:
        head, _, rest = path.partition(".")
        if not rest:
            kept.pop(head, None)
        elif isinstance(kept.get(head), Mapping) and rest in kept[head]:
            kept[head] = without_paths(kept[head], (rest,))
            if not kept[head]:
                del kept[head]
    return kept
