"""Validation's searches take a time that grows with the text, whatever is in it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from notebook_executor.documents.leaks import check_leaks
from notebook_executor.documents.reading import adopt
from notebook_executor.documents.unsafe import check_outputs

_PARTS = [
    *("<a", "<!--", "<a x='", '<a x="', "</", "<![CDATA[", "&#", "<a ", "x='", "< ", "a", " "),
    *("a.", "eyJ-", "eyJ.", "eyJaaaaaaaaaaa.", "key = ", "key:", "http://", "a://b:", "sk-", "SG."),
    *("glpat-", "-----BEGIN ", "-----BEGIN A ", "token", "token: a", "token = '", "_key", "xoxb-"),
]


def showing(text: str) -> Any:
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": text}}
    cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": [output]}
    return adopt({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]})


def seconds(text: str) -> float:
    nb = showing(text)
    began = time.process_time()
    list(check_leaks(nb))
    list(check_outputs(nb))
    return time.process_time() - began


@pytest.mark.parametrize("part", _PARTS, ids=json.dumps)
def test_eight_times_the_text_takes_no_more_than_some_eight_times_as_long(part: str) -> None:
    short = min(seconds(part * 4_000) for _ in range(3))
    long = min(seconds(part * 32_000) for _ in range(2))

    assert long < 24 * short + 0.05


@pytest.mark.parametrize(
    ("markup", "dangerous"),
    [
        ("<img alt='>' onerror=x>", True),
        ('<img alt="<p>" title=\'"\' onload = "x">', True),
        ("<!-- <script> --><p>", False),
        ("<!--><script>x</script>-->", True),
        ("<p>a < b, onclick = 5</p>", False),
        ("<p title='onclick=x'>", False),
        ("<a href='&#106;avascript:x'>", True),
        ("<SCRIPT\n>", True),
        ("<svg:script>", True),
        ("<p/onclick=x>", True),
        ("<x srcdoc='x'>", True),
        ("<table><style scoped>th {}</style></table>", False),
        ("<a href='data:text/html,x'>", True),
        ("<img src='data:image/svg+xml,x'>", False),
    ],
)
def test_markup_is_read_as_a_browser_does(markup: str, dangerous: bool) -> None:
    assert bool(list(check_outputs(showing(markup)))) is dangerous
