"""Notebook files: old versions, missing metadata, duplicate ids, names with braces."""

from __future__ import annotations

from ..cases import PYTHON, Case, Json, code, defaults, markdown, notebook

_LANGUAGE: Json = {"name": "python", "version": "2.6.0", "file_extension": ".py"}

_VERSION_3: Json = {
    "metadata": {"name": "old", "signature": "sha256:0"},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "metadata": {}, "source": "Title"},
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "input": "6 * 7",
                    "language": "python",
                    "metadata": {},
                    "outputs": [
                        {
                            "metadata": {},
                            "output_type": "pyout",
                            "prompt_number": 1,
                            "text": "41",
                        }
                    ],
                    "prompt_number": 1,
                },
            ],
            "metadata": {},
        }
    ],
}

CASES: tuple[Case, ...] = (
    Case(
        "format_4_0",
        "a notebook of 2014 becomes 4.5, with ids",
        notebook(defaults("x = 1"), code("x"), markdown("text"), minor=0),
        {"x": 2},
    ),
    Case(
        "format_4_4",
        "a notebook without ids becomes 4.5, with ids",
        notebook(code("'a'"), markdown("text"), code("'b'"), minor=4),
    ),
    Case(
        "format_3",
        "worksheets, prompt numbers and pyout become cells, counts and results",
        _VERSION_3,
        kernel_name="python3",
    ),
    Case(
        "ids_kept",
        "ids of every legal kind are kept",
        notebook(
            {**code("1"), "id": "A-_9"},
            {**code("2"), "id": "x" * 64},
            {**markdown("3"), "id": "0"},
        ),
    ),
    Case(
        "ids_duplicate",
        "the first of two equal ids is kept",
        notebook({**code("1"), "id": "same"}, {**code("2"), "id": "same"}),
    ),
    Case(
        "no_cells",
        "an empty notebook runs",
        notebook(),
    ),
    Case(
        "metadata_of_the_notebook",
        "authors, unknown keys and the kernelspec are kept, language_info is the kernel's",
        notebook(
            code("'ran'"),
            kernelspec={**PYTHON, "display_name": "My Python", "env": {"A": "b"}},
            language_info=_LANGUAGE,
            authors=[{"name": "Ann"}],
            acme={"nested": {"list": [1, 2]}},
        ),
    ),
    Case(
        "papermill_metadata_of_an_earlier_run",
        "parameters of the earlier run stay until new ones come; its failure does not",
        notebook(
            defaults("x = 1"),
            code("x"),
            papermill={
                "default_parameters": {},
                "environment_variables": {},
                "parameters": {"x": 9},
                "version": "1.0",
                "exception": True,
                "duration": 3.5,
                "custom": "kept",
            },
        ),
    ),
    Case(
        "papermill_metadata_replaced",
        "new parameters replace those of an earlier run",
        notebook(defaults("x = 1\ny = 2"), code("x, y"), papermill={"parameters": {"y": 9}}),
        {"x": 3},
    ),
    Case(
        "kernelspec_without_language",
        "with parameters, papermill wants to be told the language",
        notebook(
            defaults("x = 1"), code("x"), kernelspec={"name": "python3", "display_name": "Python"}
        ),
        {"x": 2},
        workaround={"language": "python"},
    ),
    Case(
        "kernelspec_without_language_or_parameters",
        "without parameters the language does not matter",
        notebook(code("1"), kernelspec={"name": "python3", "display_name": "Python"}),
    ),
    Case(
        "no_kernelspec",
        "papermill wants to be told the kernel; we run Python",
        notebook(code("'ran'"), kernelspec=None),
        workaround={"kernel_name": "python3"},
    ),
    Case(
        "kernel_name_given",
        "the kernel of the call wins over the notebook's",
        notebook(code("'ran'"), kernelspec={**PYTHON, "name": "no-such-kernel"}),
        kernel_name="python3",
    ),
    Case(
        "braces_in_the_file_name",
        "papermill formats paths; we take them as they are",
        notebook(code("'ran'")),
        file_name="{quarter}.ipynb",
        workaround={"input_path": "{{quarter}}.ipynb"},
    ),
)
