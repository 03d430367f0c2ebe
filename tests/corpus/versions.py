"""Every version of the format that can be read, and those that cannot."""

from __future__ import annotations

from typing import Any

from tests.corpus.building import Specimen, code, document, dumped, shown, specimen, stream, text


def version_3(*cells: Any, minor: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "old"},
        "nbformat": 3,
        "nbformat_minor": minor,
        "worksheets": [{"cells": list(cells), "metadata": {}}],
        **fields,
    }


def code_3(source: str, *outputs: Any, **fields: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "collapsed": False, "input": source, "language": "python"}
    return {**cell, "metadata": {}, "outputs": list(outputs), "prompt_number": 1, **fields}


_OLD = ("old_format",)
_RESULT_3 = {"metadata": {}, "output_type": "pyout", "prompt_number": 1, "text": ["4"]}
_PICTURE_3 = {"metadata": {}, "output_type": "display_data", "png": "iVBORw0KGgo="}
_ERROR_3 = {"ename": "E", "evalue": "v", "output_type": "pyerr", "traceback": ["E: v"]}
_HEADING_3 = {"cell_type": "heading", "level": 2, "metadata": {}, "source": "Part"}
_RAW = {"cell_type": "raw", "id": "r", "metadata": {"format": "text/latex"}, "source": "x"}

VERSIONS: tuple[Specimen, ...] = (
    Specimen("empty_4_5", dumped(document())),
    specimen("plain_4_5", text(), code()),
    specimen("plain_4_0", code(id=...), nbformat_minor=0),
    specimen("plain_4_1", text(id=..., attachments={}), nbformat_minor=1),
    specimen("plain_4_2", code(id=...), text(id=...), nbformat_minor=2),
    specimen("plain_4_4", code(id=...), text(id=...), nbformat_minor=4),
    specimen("newer_minor", code(), nbformat_minor=7),
    specimen("raw_cell", _RAW),
    specimen(
        "all_outputs",
        code(
            outputs=[
                stream(["a\n", "b"]),
                stream("warned", "stderr"),
                shown({"text/plain": "x", "image/png": "iVBORw0KGgo="}),
                shown({"text/plain": ["4"]}, output_type="execute_result", execution_count=1),
                {"ename": "E", "evalue": "v", "output_type": "error", "traceback": ["E: v"]},
            ],
            execution_count=1,
        ),
    ),
    Specimen("version_3", dumped(version_3(code_3("print(1)"))), _OLD, True),
    Specimen(
        "version_3_outputs",
        dumped(version_3(code_3("2 + 2", _RESULT_3, _PICTURE_3, _ERROR_3))),
        _OLD,
        True,
    ),
    Specimen("version_3_heading", dumped(version_3(_HEADING_3)), _OLD, True),
    Specimen(
        "version_3_two_sheets",
        dumped(
            version_3(
                worksheets=[{"cells": [code_3("a = 1")]}, {"cells": [code_3("a", metadata={})]}]
            )
        ),
        _OLD,
        True,
    ),
    Specimen(
        "version_3_secret",
        dumped(version_3(code_3("key = 'AKIA" + "ABCDEFGHIJKLMNOP'"))),
        ("old_format", "secret_in_source"),
        True,
    ),
    Specimen(
        "version_2",
        dumped(
            {"nbformat": 2, "metadata": {}, "worksheets": [{"cells": [code_3("1", outputs=[])]}]}
        ),
        _OLD,
        True,
    ),
    Specimen("version_3_broken_cell", dumped(version_3({})), ("schema",)),
    Specimen("version_2_broken", dumped({"nbformat": 2, "worksheets": 1}), ("not_a_notebook",)),
    Specimen("version_1", dumped(document(nbformat=1)), ("unsupported_version",)),
    Specimen("version_5", dumped(document(nbformat=5)), ("unsupported_version",)),
    Specimen("version_missing", dumped({"cells": []}), ("bad_version",)),
    Specimen("version_text", dumped(document(nbformat="4")), ("bad_version",)),
    Specimen("version_true", dumped(document(nbformat=True)), ("bad_version",)),
    Specimen("version_4_worksheets", dumped(version_3(nbformat=4)), ("schema", "schema")),
)
