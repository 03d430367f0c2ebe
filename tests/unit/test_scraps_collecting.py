"""Collecting scraps: what scrapbook reads from what scrapbook writes, and what it stumbles over."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pandas as pd
import pytest
from scrapbook.encoders import registry
from scrapbook.models import Notebook
from scrapbook.schemas import GLUE_PAYLOAD_FMT
from scrapbook.scraps import Scrap, scrap_to_payload

from notebook_executor.scraps.collecting import CollectedScraps, collect_scraps


def output(data: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def glued(name: str, value: Any, encoder: str | None = None) -> dict[str, Any]:
    """The output of ``scrapbook.glue``, by scrapbook's own encoders."""
    encoder = encoder or registry.determine_encoder_name(value)
    payload = scrap_to_payload(registry.encode(Scrap(name, value, encoder)))
    data = json.loads(json.dumps({GLUE_PAYLOAD_FMT.format(encoder=encoder): payload}))
    return output(data, scrapbook={"name": name, "data": True, "display": False})


def shown(name: str, **data: str) -> dict[str, Any]:
    """The output that ``glue`` adds, or leaves alone, with ``display``."""
    bundle = {mime.replace("_", "/"): value for mime, value in data.items()}
    return output(bundle, scrapbook={"name": name, "data": False, "display": True})


def raw(payload: Any, encoder: str = "json") -> dict[str, Any]:
    return output({GLUE_PAYLOAD_FMT.format(encoder=encoder): payload})


def notebook(*cells: list[dict[str, Any]]) -> nbformat.NotebookNode:
    prose: dict[str, Any] = {"cell_type": "markdown", "source": "", "metadata": {}}
    codes = [{"cell_type": "code", "source": "", "outputs": outputs} for outputs in cells]
    made: nbformat.NotebookNode = nbformat.from_dict({"metadata": {}, "cells": [prose, *codes]})
    return made


def collected(*outputs: dict[str, Any]) -> CollectedScraps:
    return collect_scraps(notebook(list(outputs)))


@pytest.mark.parametrize(
    ("value", "encoder"),
    [
        (0.94, None),
        (12, None),
        (True, None),
        ("text", None),
        ("", None),
        ("34", None),
        ([1, [2.5, None, {"a": "b"}]], None),
        ({"deep": {"er": []}}, None),
        ('{"a": 1}', "json"),
        ('"12"', "json"),
        (12, "text"),
        ({"naïve": "🛰"}, None),
    ],
)
def test_a_value_is_what_scrapbook_reads(value: Any, encoder: str | None) -> None:
    nb = notebook([glued("name", value, encoder)])

    values, warnings, _ = collect_scraps(nb)

    assert repr(values) == repr(dict(Notebook(nb).scraps.data_dict))
    assert warnings == ()


def test_old_records_of_papermill() -> None:
    old = output({"application/papermill.record+json": {"score": 0.5}})
    nb = notebook([old])

    assert collect_scraps(nb).values == Notebook(nb).scraps.data_dict == {"score": 0.5}


def test_the_last_of_a_name_wins() -> None:
    nb = notebook([glued("a", 1), glued("b", 2)], [glued("a", "three")])

    assert collect_scraps(nb).values == {"a": "three", "b": 2} == Notebook(nb).scraps.data_dict


def test_a_value_that_is_shown_too_stays() -> None:
    """Where scrapbook's reader loses the data to the display."""
    outputs = [glued("a", [1, 2]), shown("a", text_plain="[1, 2]"), glued("b", 3)]

    assert collected(*outputs).values == {"a": [1, 2], "b": 3}


def test_what_is_shown_later_replaces_the_value() -> None:
    nb = notebook([glued("a", 1)], [shown("a", text_plain="later")])

    assert collect_scraps(nb).values["a"]["preview"] == "later"


def test_what_is_shown_again_replaces_what_was_shown() -> None:
    values = collected(shown("a", image_png="iVBORw0"), shown("a", text_plain="second")).values

    assert (values["a"]["$scrap"], values["a"]["preview"]) == ("display", "second")


def test_a_data_frame_is_a_reference() -> None:
    frame = pd.DataFrame({"host": ["a", "b"], "load": [0.5, 0.7]})
    alone, with_text = glued("alone", frame), glued("table", frame)
    values = collected(alone, with_text, shown("table", text_plain=repr(frame))).values

    assert values["alone"]["preview"] == "columns host, load"
    assert values["table"] == {
        "$scrap": "dataframe",
        "path": None,
        "shape": [2, 2],
        "preview": repr(frame),
    }


@pytest.mark.parametrize(
    ("encoder", "kind"),
    [("pandas", "dataframe"), ("arrow", "dataframe"), ("custom", "display")],
)
def test_other_encoders_are_references(encoder: str, kind: str) -> None:
    payload = {"name": "x", "data": "A" * 1234, "encoder": encoder, "version": 1}

    value = collected(raw(payload, encoder)).values["x"]

    assert (value["$scrap"], value["preview"]) == (kind, f"1,234 characters encoded as {encoder}")


def test_displays_are_references() -> None:
    plot = shown("plot", image_png="iVBORw0", text_plain="<Figure size 640x480>")
    html = shown("table", text_html="<table>", text_plain="\x1b[1m" + "long\n" * 99)

    values = collected(plot, html).values

    assert values["plot"] == {
        "$scrap": "image",
        "path": None,
        "shape": None,
        "preview": "<Figure size 640x480>",
    }
    assert values["table"]["$scrap"] == "display"
    assert len(values["table"]["preview"]) <= 200
    assert values["table"]["preview"].startswith("long\nlong")


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (5, "its payload is a int, not an object"),
        ({}, "it has no name"),
        ({"name": 5, "data": 1}, "it has no name"),
        ({"name": "x", "encoder": "json", "version": 1}, "'x' has no data"),
        ({"name": "x", "data": 1, "version": 1}, "'x' names no encoder"),
        ({"name": "x", "data": 1, "encoder": "json"}, "'x' has no version"),
    ],
)
def test_a_malformed_scrap_is_skipped_with_a_warning(payload: Any, problem: str) -> None:
    values, warnings, _ = collected(glued("good", 1), raw(payload))

    assert values == {"good": 1}
    assert warnings == (f"A scrap in cells[1].outputs[1] was skipped: {problem}.",)


def test_a_newer_version_is_read_with_a_warning() -> None:
    values, (warning,), _ = collected(
        raw({"name": "x", "data": 1, "encoder": "json", "version": 2})
    )

    assert values == {"x": 1}
    assert warning.startswith("Scrap 'x' in cells[1].outputs[0] has version 2")


def test_json_that_scrapbook_could_not_write() -> None:
    """Null at the top goes as text; text that is not JSON is itself."""
    texts = {"none": "null", "odd": "{oops"}
    outputs = [raw({"name": n, "data": t, "encoder": "json", "version": 1}) for n, t in
               texts.items()]  # fmt: skip

    assert collected(*outputs).values == {"none": None, "odd": "{oops"}


def test_other_outputs_hold_no_scraps() -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": "x"}
    plain = output({"text/plain": "x"}, scrapbook="odd", papermill=None)
    listed = output({"text/plain": ["a\n", "b"]}, scrapbook={"name": "x", "display": True})

    assert collected(stream, plain) == ({}, (), {})
    assert collected(listed).values["x"]["preview"] == "a\nb"
