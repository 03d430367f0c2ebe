"""What one entry of the corpus is, and the small functions that build its notebook.

Notebooks are built as the JSON a file holds, not as nbformat's objects: nbformat would add ids,
upgrade old versions and drop what it does not know before either executor has seen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

PYTHON: Json = {"display_name": "Python 3", "language": "python", "name": "python3"}
BASH: Json = {"display_name": "Bash", "language": "bash", "name": "bash"}


@dataclass(frozen=True)
class Case:
    """One notebook and the way it is run.

    Attributes:
        purpose: What this notebook would reveal if we did not do as papermill does.
        kind: The ``error.kind`` we report; None where the run succeeds.
        files: Files beside the notebook, by name.
        stock_in_folder: Run papermill in the notebook's folder, as we do by default.
        workaround: Arguments with which papermill does what it refuses without them; the notebook
            it then writes is the one that ours must equal.
    """

    name: str
    purpose: str
    notebook: Json
    parameters: Mapping[str, Any] | None = None
    kernel_name: str | None = None
    kind: str | None = None
    file_name: str = "notebook.ipynb"
    files: Mapping[str, str] = field(default_factory=dict)
    stock_in_folder: bool = True
    workaround: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ids(self) -> frozenset[str]:
        """The cell ids that the input already has."""
        return frozenset(cell["id"] for cell in self.notebook.get("cells", ()) if "id" in cell)


def code(source: str, *, tags: tuple[str, ...] = (), **metadata: Any) -> Json:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": _tagged(tags, metadata),
        "outputs": [],
        "source": source,
    }


def markdown(source: str, *, tags: tuple[str, ...] = (), **metadata: Any) -> Json:
    return {"cell_type": "markdown", "metadata": _tagged(tags, metadata), "source": source}


def raw(source: str, **metadata: Any) -> Json:
    return {"cell_type": "raw", "metadata": metadata, "source": source}


def defaults(source: str) -> Json:
    """The cell that declares the parameters."""
    return code(source, tags=("parameters",))


def notebook(
    *cells: Json, kernelspec: Json | None = PYTHON, minor: int = 5, **metadata: Any
) -> Json:
    """A version 4 notebook; from 4.5 on, cells without an id get one that tells their place."""
    if minor >= 5:
        cells = tuple({"id": f"cell-{index}", **cell} for index, cell in enumerate(cells))
    if kernelspec is not None:
        metadata = {"kernelspec": kernelspec, **metadata}
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


def _tagged(tags: tuple[str, ...], metadata: Json) -> Json:
    return {**metadata, "tags": list(tags)} if tags else metadata
