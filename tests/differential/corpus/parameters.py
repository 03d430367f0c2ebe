"""Parameters of every type, and every place the injected cell can go."""

from __future__ import annotations

from ..cases import Case, Json, code, defaults, markdown, notebook


def _show(*names: str) -> Json:
    """A cell that shows the type and the value of each name as the kernel has it."""
    pairs = ", ".join(f"{name!r}: {name}" for name in names)
    return code(f"[(name, type(value).__name__, value) for name, value in {{{pairs}}}.items()]")


def _echo(parameters: dict[str, object], name: str, purpose: str) -> Case:
    """A notebook that declares the parameters, is given values, and shows what arrived."""
    declared = "\n".join(f"{key} = None" for key in parameters)
    return Case(name, purpose, notebook(defaults(declared), _show(*parameters)), parameters)


_STALE_INJECTED = code("# Parameters\nx = 'stale'\n", tags=("injected-parameters",))

CASES: tuple[Case, ...] = (
    _echo(
        {"nothing": None, "yes": True, "no": False, "zero": 0, "below": -7, "half": 0.5, "s": "s"},
        "parameters_plain",
        "bool is not int, None is None, and the order of the call is kept",
    ),
    _echo(
        {
            "beyond_64_bits": 2**200,
            "most_negative": -(2**63),
            "tiny": 5e-324,
            "large": 1.7976931348623157e308,
            "inexact": 0.1,
            "negative_zero": -0.0,
            "whole": 1.0,
        },
        "parameters_extreme_numbers",
        "no number loses a digit, its sign or its type",
    ),
    _echo(
        {
            "nan": float("nan"),
            "inf": float("inf"),
            "minus_inf": float("-inf"),
            "within": [1, float("inf")],
        },
        "parameters_non_finite",
        "nan and infinity reach the kernel as floats; JSON has no word for them",
    ),
    _echo(
        {
            "empty": "",
            "quotes": 'it\'s "quoted" \'\'\'thrice\'\'\' """and again"""',
            "lines": "one\ntwo\r\nthree\ttab",
            "backslashes": "C:\\new\\table \\u0041 \\",
            "unicode": "naïve ☕ 日本語 𝄞 \u202e e\u0301",
            "controls": "nul \x00 bell \x07 escape \x1b[31m",
            "code": "# Parameters\n'); import os #",
            "braces": "{0} {name} {{}} %s %(a)s ${x}",
        },
        "parameters_text",
        "text of every kind arrives as it was sent",
    ),
    _echo(
        {
            "empty_list": [],
            "empty_dict": {},
            "rows": [[1, [2, [3, None]]], [True, "x", 1.5]],
            "tree": {"a": {"b": [{"c": {}}]}, 'key with "quotes"': "v", "ü": ""},
        },
        "parameters_nested",
        "lists and dicts of any depth, empty ones too",
    ),
    Case(
        "parameters_not_given",
        "without values no cell is injected",
        notebook(defaults("x = 'default'"), code("x")),
    ),
    Case(
        "parameters_empty_mapping",
        "an empty mapping injects no cell either",
        notebook(defaults("x = 'default'"), code("x")),
        {},
    ),
    Case(
        "parameters_below_other_cells",
        "the injected cell follows the parameters cell, wherever that is",
        notebook(markdown("# Title"), code("first = 1"), defaults("x = 1"), code("x + first")),
        {"x": 41},
    ),
    Case(
        "parameters_two_tagged_cells",
        "of two parameters cells the first is the one that counts",
        notebook(defaults("x = 1"), code("x"), defaults("x = 3"), code("x")),
        {"x": 2},
    ),
    Case(
        "parameters_replace_injected",
        "a second run replaces the cell that the first one injected",
        notebook(defaults("x = 1"), code("between = 0"), _STALE_INJECTED, code("x")),
        {"x": "fresh"},
    ),
    Case(
        "parameters_replace_injected_without_declaration",
        "an injected cell is replaced in a notebook that declares no parameters",
        notebook(code("before = 0"), _STALE_INJECTED, code("x")),
        {"x": "fresh"},
        kind="invalid_parameters",
    ),
    Case(
        "parameters_keep_injected",
        "a second run without values leaves the injected cell and runs it",
        notebook(defaults("x = 1"), _STALE_INJECTED, code("x")),
    ),
    Case(
        "parameters_annotated",
        "annotations, comments and multi-line defaults are no obstacle",
        notebook(
            defaults(
                "count: int = 1  # how many\n"
                "names: list[str] = [\n    'a',  # first\n    'b',\n]\n"
                "label = 'x # y'\n"
                "left, right = 1, 2\n"
                "when: str | None = None"
            ),
            _show("count", "names", "label", "left", "right", "when"),
        ),
        {"count": 2, "names": ["c"], "label": "z", "left": 3, "when": "now"},
    ),
    Case(
        "parameters_without_a_cell",
        "papermill injects at the top; we refuse",
        notebook(code("x = 1\nx")),
        {"x": 2},
        kind="invalid_parameters",
    ),
    Case(
        "parameters_unknown",
        "papermill runs with the default; we refuse",
        notebook(defaults("threshold = 0.9"), code("threshold")),
        {"treshold": 0.5},
        kind="invalid_parameters",
    ),
)
