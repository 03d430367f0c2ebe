"""Kernels of another language."""

from __future__ import annotations

from ..cases import BASH, Case, code, defaults, markdown, notebook

CASES: tuple[Case, ...] = (
    Case(
        "bash_kernel",
        "parameters are written in the notebook's language; streams and variables work",
        notebook(
            markdown("# Bash"),
            defaults("name=nobody; count=0; ratio=0; flag=false"),
            code('echo "$name|$count|$ratio|$flag"'),
            code("x=41; echo $((x + 1))"),
            code("echo error >&2; printf 'no newline'"),
            code("true"),
            kernelspec=BASH,
        ),
        {"name": 'it\'s $HOME "x"', "count": 3, "ratio": 0.5, "flag": True},
    ),
    Case(
        "bash_error",
        "a command that fails is a failed cell, without a name for its error",
        notebook(code("echo before; (exit 3)"), code("echo never"), kernelspec=BASH),
        kind="cell_error",
    ),
)
