"""How the notebooks of the corpus are made."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Specimen(NamedTuple):
    """A notebook file, and what validation says of it.

    Attributes:
        codes: Of its issues, in their order.
        repairable: ``--fix`` makes it valid, or takes its repairable warnings away.
    """

    name: str
    data: bytes
    codes: tuple[str, ...] = ()
    repairable: bool = False


def code(source: Any = "1 + 1", *, id: Any = "a", **fields: Any) -> dict[str, Any]:
    """A code cell of nbformat 4.5; a field that is ``...`` is left out."""
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": id,
        "metadata": {},
        "outputs": [],
        "source": source,
        **fields,
    }
    return {key: value for key, value in cell.items() if value is not ...}


def text(source: Any = "# Title", *, id: Any = "t", **fields: Any) -> dict[str, Any]:
    cell = {"cell_type": "markdown", "id": id, "metadata": {}, "source": source, **fields}
    return {key: value for key, value in cell.items() if value is not ...}


def tagged(source: str, *tags: str, id: str = "p") -> dict[str, Any]:
    return code(source, id=id, metadata={"tags": list(tags)})


def shown(data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"data": data, "metadata": {}, "output_type": "display_data", **fields}


def stream(words: Any, name: str = "stdout") -> dict[str, Any]:
    return {"name": name, "output_type": "stream", "text": words}


def document(*cells: Any, **fields: Any) -> dict[str, Any]:
    content = {
        "cells": list(cells),
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
        **fields,
    }
    return {key: value for key, value in content.items() if value is not ...}


def dumped(content: Any, **style: Any) -> bytes:
    """The file's bytes; as nbformat would indent and order them, unless ``style`` says else."""
    return (json.dumps(content, **{"indent": 1, "ensure_ascii": False, **style}) + "\n").encode()


def specimen(
    name: str, *cells: Any, codes: tuple[str, ...] = (), repairable: bool = False, **fields: Any
) -> Specimen:
    """A specimen of a notebook with these cells."""
    return Specimen(name, dumped(document(*cells, **fields)), codes, repairable)
