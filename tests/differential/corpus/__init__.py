"""The notebooks of the differential suite, by what they exercise."""

from __future__ import annotations

from ..cases import Case
from . import (
    cells,
    displays,
    documents,
    errors,
    languages,
    outputs,
    parameters,
    refused,
    streams,
    widgets,
)

CORPUS: tuple[Case, ...] = (
    *parameters.CASES,
    *refused.CASES,
    *outputs.CASES,
    *displays.CASES,
    *widgets.CASES,
    *streams.CASES,
    *errors.CASES,
    *cells.CASES,
    *documents.CASES,
    *languages.CASES,
)

BY_NAME: dict[str, Case] = {case.name: case for case in CORPUS}
