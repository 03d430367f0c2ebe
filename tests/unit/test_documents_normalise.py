"""One opinion of what is noise: taken out wholly, once, and nothing else with it."""

from __future__ import annotations

import copy
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.normalise import (
    Noise,
    normalise,
    normalise_outputs,
    normalise_text,
)
from notebook_executor.documents.reading import adopt
from notebook_executor.documents.schema import violations

NONE = Noise(
    ids=False,
    execution_counts=False,
    metadata=False,
    streams=False,
    ansi=False,
    addresses=False,
)
EVERYTHING = Noise(timings=True)

# Pieces that combine into sequences, addresses, times and half of them.
pieces = st.sampled_from(
    [
        *(
            "\x1b",
            "[0m",
            "]8;;",
            "\x07",
            "\\",
            "\r",
            "\n",
            " at ",
            "0x",
            "7f3a",
            "ipykernel_",
            "12",
        ),
        *(
            "/",
            "In ",
            "[3]",
            ":",
            ".",
            " ",
            "ms",
            "s",
            "of 7 runs, 10 loops each",
            "é",
            "2026-11-20",
        ),
    ]
)
texts = st.lists(pieces, max_size=12).map("".join)
streams = st.fixed_dictionaries(
    {
        "output_type": st.just("stream"),
        "name": st.sampled_from(["stdout", "stderr"]),
        "text": texts,
    }
)
results = st.fixed_dictionaries(
    {
        "output_type": st.just("execute_result"),
        "execution_count": st.integers(1, 9),
        "data": st.fixed_dictionaries({"text/plain": texts}, optional={"image/png": texts}),
        "metadata": st.just({}),
    }
)
failures = st.fixed_dictionaries(
    {
        "output_type": st.just("error"),
        "ename": texts,
        "evalue": texts,
        "traceback": st.lists(texts, max_size=2),
    }
)
volatile = st.sampled_from([{}, {"execution": {}, "tags": ["a"]}, {"collapsed": True, "x": 1}])
cells = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown"]),
        "source": texts,
        "metadata": volatile,
        "id": st.sampled_from(["a", "b", "c", "d"]),
    },
    optional={"outputs": st.lists(streams | results | failures, max_size=4)},
)
noises = st.builds(Noise, **dict.fromkeys(Noise.model_fields, st.booleans()))


@given(cells=st.lists(cells, max_size=3), noise=noises)
def test_normalising_twice_is_normalising_once(cells: list[Any], noise: Noise) -> None:
    nb = adopt({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    before = copy.deepcopy(nb)

    once = normalise(nb, noise)

    assert normalise(once, noise) == once
    assert nb == before
    assert not list(violations(once, 4, 5))
    assert [cell.source for cell in once.cells] == [cell.source for cell in nb.cells]


def test_two_runs_of_one_notebook_are_the_same() -> None:
    first, second = _run(1, "3f"), _run(7, "aa")

    assert first != second
    assert normalise(first) == normalise(second)


def _run(count: int, address: str) -> nbformat.NotebookNode:
    printed = [_stream("stdout", text) for text in ("a\n", "b\n")]
    warned = _stream("stderr", f"/tmp/ipykernel_{count}/12.py:1: Warning\n")
    shown = {
        "output_type": "execute_result",
        "execution_count": count,
        "data": {"text/plain": f"<A at 0x7f00{address}>"},
        "metadata": {},
    }
    traceback = [f"\x1b[0;31mE\x1b[0m Cell In[{count}], line 1", f"Input In [{count}], in <cell>"]
    evalue = f"<A at 0x7f00{address}>"
    failed = {"output_type": "error", "ename": "E", "evalue": evalue, "traceback": traceback}
    order = [*printed, warned] if count == 1 else [warned, *printed]
    cell = nbformat.v4.new_code_cell(
        "x",
        execution_count=count,
        outputs=[*order, shown, failed],
        metadata={"execution": {"iopub.status.busy": str(count)}, "tags": ["a"]},
    )
    nb = nbformat.v4.new_notebook(cells=[cell])
    nb.metadata = {"papermill": {"duration": count}, "nbx": {"run_id": str(count)}}
    return adopt(nb)


def _stream(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


@pytest.mark.parametrize("name", [*Noise.model_fields])
def test_each_kind_is_taken_out_only_if_it_is_noise(name: str) -> None:
    text = "\x1b[1mWall time: 3 ms\x1b[0m <A at 0x7f001234>\n"
    outputs = [_stream("stdout", text), _stream("stdout", "b")]
    nb = adopt(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"papermill": {}},
            "cells": [
                {
                    "cell_type": "code",
                    "id": "mine",
                    "source": "x",
                    "metadata": {"scrolled": True},
                    "execution_count": 3,
                    "outputs": outputs,
                }
            ],
        }
    )

    assert normalise(nb, NONE) == nb
    only = normalise(nb, NONE.model_copy(update={name: True}))
    cell = only.cells[0]
    expected: dict[str, tuple[Any, Any]] = {
        "ids": (cell.id != "mine", True),
        "execution_counts": (cell.execution_count, None),
        "metadata": ((only.metadata, cell.metadata), ({}, {})),
        "streams": ([o.text for o in cell.outputs], [text + "b"]),
        "ansi": (cell.outputs[0].text, "Wall time: 3 ms <A at 0x7f001234>\n"),
        "addresses": (cell.outputs[0].text, text.replace("0x7f001234", "0x…")),
        "timings": (cell.outputs[0].text, text.replace("3 ms", "<time>")),
    }
    found, wanted = expected[name]
    assert found == wanted
    assert only != nb


def test_what_the_notebook_asks_of_us_is_not_noise() -> None:
    nb = nbformat.v4.new_notebook(metadata={"nbx": {"run_id": "1", "host_view": True}})

    assert normalise(nb).metadata == {"nbx": {"host_view": True}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10%\r50%\r100%\n", "100%\n"),
        ("a\r\nb\r\n", "a\r\nb\r\n"),
        ("one\rtwo", "two"),
        ("half \x1b\x1b[0m[0m", "half "),
    ],
)
def test_streams_are_as_a_terminal_shows_them(text: str, shown: str) -> None:
    assert normalise_text(text, stream=True) == shown


@pytest.mark.parametrize(
    "text",
    [
        "CPU times: user 1.2 ms, sys: 3 µs, total: 1.2 ms",
        "12.3 ms ± 45 µs per loop (mean ± std. dev. of 7 runs, 100 loops each)",
        "2026-11-20T06:00:01.123Z",
        "100%|██| 10/10 [00:01<00:00, 9.9it/s]",
    ],
)
def test_timings_leave_no_measured_number(text: str) -> None:
    cleaned = normalise_text(text, EVERYTHING)

    assert "<time>" in cleaned
    assert not set("1234567") & set(cleaned.replace("10/10", "").replace("100%", ""))


def test_numbers_that_are_not_times_stay() -> None:
    text = "0x7f001234 3 apples, 12.5 %, version 1.2.3, 5 stars, 0.94"

    assert normalise_text(text, EVERYTHING) == text


def test_what_is_large_is_shared_and_not_copied() -> None:
    image = "x" * 1000
    bundle = {"output_type": "display_data", "data": {"image/png": image}, "metadata": {}}

    assert normalise_outputs([bundle])[0].data["image/png"] is image
