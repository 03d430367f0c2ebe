"""Files that never get as far as the schema."""

from __future__ import annotations

from tests.corpus.building import Specimen, code, document, dumped

_WHOLE = dumped(document(code()))
_MERGE = _WHOLE.replace(b' "metadata"', b'<<<<<<< HEAD\n=======\n>>>>>>> x\n "metadata"')

DAMAGED: tuple[Specimen, ...] = (
    Specimen("empty_file", b"", ("not_json",)),
    Specimen("blank_file", b" \n", ("not_json",)),
    Specimen("cut_off", _WHOLE[: len(_WHOLE) // 2], ("not_json",)),
    Specimen("merge_markers", _MERGE, ("not_json",)),
    Specimen("trailing_comma", b'{"cells": [],}', ("not_json",)),
    Specimen("two_values", b"{} {}", ("not_json",)),
    Specimen("too_deep", b"[" * 200_000, ("not_json",)),
    Specimen("huge_number", b'{"cells": [' + b"9" * 5000 + b"]}", ("not_json",)),
    Specimen("latin_1", '{"a": "Größe"}'.encode("latin-1"), ("not_utf8",)),
    Specimen("utf_16", _WHOLE.decode().encode("utf-16"), ("not_utf8",)),
    Specimen("picture", b"\x89PNG\r\n\x1a\n\x00", ("not_utf8",)),
    Specimen("byte_order_mark", b"\xef\xbb\xbf" + _WHOLE, ("byte_order_mark",), True),
    Specimen("a_list", b"[]", ("not_a_notebook",)),
    Specimen("null", b"null", ("not_a_notebook",)),
    Specimen("a_string", b'"notebook"', ("not_a_notebook",)),
    Specimen("no_cells", b'{"nbformat": 4}', ("not_a_notebook",)),
)
