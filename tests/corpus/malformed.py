"""JSON that claims to be a notebook and breaks the schema."""

from __future__ import annotations

from tests.corpus.building import Specimen, code, document, dumped, shown, specimen, stream, text

_TWICE = dumped(document(code(), code("2", id="a")))
_NO_NAME = {"output_type": "stream", "text": "x"}
_NO_TEXT = {"output_type": "stream", "name": "stdout"}
_NO_METADATA = {"output_type": "display_data", "data": {}}
_NO_COUNT = {"output_type": "execute_result", "data": {}, "metadata": {}}
_NO_TRACEBACK = {"output_type": "error", "ename": "E", "evalue": "v"}
_NAN = {"application/json": {"a": [float("nan")]}}

MALFORMED: tuple[Specimen, ...] = (
    Specimen("same_id_twice", _TWICE, ("duplicate_id",), True),
    specimen("no_id", code(id=...), codes=("missing_id",), repairable=True),
    specimen("bad_id", code(id="a b"), codes=("invalid_id",), repairable=True),
    specimen("empty_id", code(id=""), codes=("invalid_id", "invalid_id"), repairable=True),
    specimen("endless_id", code(id="a" * 65), codes=("invalid_id",), repairable=True),
    specimen("number_as_id", code(id=7), codes=("invalid_id",), repairable=True),
    specimen("id_too_early", code(), codes=("schema",), repairable=True, nbformat_minor=4),
    specimen("no_minor", code(), codes=("schema", "schema"), repairable=True, nbformat_minor=...),
    specimen("no_metadata", codes=("schema",), repairable=True, metadata=...),
    specimen("metadata_list", codes=("schema",), metadata=[]),
    specimen("cells_object", cells={}, codes=("schema",)),
    specimen("cell_number", 7, codes=("schema",)),
    specimen("cell_type_missing", code(cell_type=...), codes=("schema",)),
    specimen("cell_type_unknown", code(cell_type="sql"), codes=("schema",)),
    specimen("cell_without_metadata", code(metadata=...), codes=("schema",), repairable=True),
    specimen("cell_without_source", code(source=...), codes=("schema",), repairable=True),
    specimen("cell_without_outputs", code(outputs=...), codes=("schema",), repairable=True),
    specimen("cell_without_count", code(execution_count=...), codes=("schema",), repairable=True),
    specimen("source_number", code(5), codes=("schema",)),
    specimen("source_mixed", code(["a", 5]), codes=("schema",)),
    specimen("unknown_field", code(collapsed=True), codes=("schema",)),
    specimen("more_at_the_top", code(), more=1, codes=("schema",)),
    specimen("count_negative", code(execution_count=-1), codes=("schema",)),
    specimen("outputs_in_text", text(outputs=[]), codes=("schema",), repairable=True),
    specimen(
        "outputs_kept_in_text", text(outputs=[stream("x")], execution_count=1), codes=("schema",)
    ),
    specimen("tags_twice", code(metadata={"tags": ["a", "a"]}), codes=("schema",), repairable=True),
    specimen("tags_text", code(metadata={"tags": "a, b"}), codes=("schema",), repairable=True),
    specimen("tags_numbers", code(metadata={"tags": [1]}), codes=("schema",)),
    specimen("output_unknown", code(outputs=[{"output_type": "pyout"}]), codes=("schema",)),
    specimen("output_text", code(outputs=["x"]), codes=("schema",)),
    specimen("stream_no_name", code(outputs=[_NO_NAME]), codes=("schema",), repairable=True),
    specimen("stream_no_text", code(outputs=[_NO_TEXT]), codes=("schema",), repairable=True),
    specimen("shown_no_metadata", code(outputs=[_NO_METADATA]), codes=("schema",), repairable=True),
    specimen("result_no_count", code(outputs=[_NO_COUNT]), codes=("schema",), repairable=True),
    specimen("error_no_lines", code(outputs=[_NO_TRACEBACK]), codes=("schema",), repairable=True),
    specimen("data_number", code(outputs=[shown({"text/plain": 4})]), codes=("schema",)),
    specimen(
        "kernelspec_no_name",
        metadata={"kernelspec": {"name": "python3"}},
        codes=("schema",),
        repairable=True,
    ),
    specimen("nan", code(outputs=[shown(_NAN)]), codes=("not_finite",), repairable=True),
    specimen(
        "much_at_once",
        code(id="x", metadata=...),
        code("", id="x", outputs=[_NO_NAME]),
        text(id=...),
        codes=("schema", "schema", "missing_id", "duplicate_id"),
        repairable=True,
    ),
)
