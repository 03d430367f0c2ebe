"""Valid notebooks with something in them that deserves a word."""

from __future__ import annotations

from tests.corpus.building import Specimen, code, shown, specimen, stream, tagged, text

# Made up, and in two parts, so that no scanner takes this file for a leak.
_GITHUB = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
_RANDOM = "zK8fQ2" + "vX9mL4pR7wT1yB6nC3"
_JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".SflKxwRJSMeKKF2QT4fwpM"
_SOURCE, _OUTPUT = ("secret_in_source",), ("secret_in_output",)
_UNSAFE = ("unsafe_output",)


def page(markup: str, mime: str = "text/html") -> dict[str, object]:
    return code(outputs=[shown({mime: markup})])


SUSPICIOUS: tuple[Specimen, ...] = (
    specimen("syntax_error", code("x = = 1"), codes=("syntax_error",)),
    specimen("return_outside", code("return 1"), codes=("syntax_error",)),
    specimen("null_byte", code("x = '\0'"), codes=("syntax_error",)),
    specimen("bad_indentation", code("if 1:\nprint(2)"), codes=("syntax_error",)),
    specimen("name_undefined", code("a = 1"), code("aa + 1", id="b"), codes=("undefined_name",)),
    specimen("name_later", code("a"), code("a = 1", id="b"), codes=("undefined_name",)),
    specimen("name_in_function", code("def f():\n    return nope"), codes=("undefined_name",)),
    specimen("name_in_magic", code("%time nope()"), codes=("undefined_name",)),
    specimen("name_of_file", code("print(__file__)"), codes=("undefined_name",)),
    specimen("parameter_unused", tagged("a = 1", "parameters"), codes=("unused_parameter",)),
    specimen(
        "parameter_derived",
        tagged("a = 1\nb = a * 2", "parameters"),
        code("b", id="b"),
        codes=("derived_parameter",),
    ),
    specimen(
        "parameter_unfit",
        tagged("a: int = 'x'\nb: Literal[1, 2] = 3", "parameters"),
        code("a, b", id="b"),
        codes=("undefined_name", "parameter_default", "parameter_default"),
    ),
    specimen("parameters_empty", tagged("pass", "parameters"), codes=("empty_parameters",)),
    specimen(
        "parameters_text",
        text(metadata={"tags": ["parameters"]}),
        codes=("parameters_not_code",),
    ),
    specimen(
        "parameters_twice",
        tagged("a = 1", "parameters"),
        tagged("a", "parameters", id="b"),
        codes=("several_parameters_cells",),
    ),
    specimen("parameters_broken", tagged("a = = 1", "parameters"), codes=("syntax_error",)),
    specimen("secret_token", code(f"t = '{_GITHUB}'"), codes=_SOURCE),
    specimen("secret_random", code(f"api_key = '{_RANDOM}'"), codes=_SOURCE),
    specimen("secret_in_address", code("u = 'postgres://me:hunter2@db/x'"), codes=_SOURCE),
    specimen("secret_in_text", text(f"use {_GITHUB}"), codes=_SOURCE),
    specimen("secret_printed", code(outputs=[stream(f"API_TOKEN={_RANDOM}\n")]), codes=_OUTPUT),
    specimen("secret_shown", code(outputs=[shown({"text/plain": _JWT})]), codes=_OUTPUT),
    specimen(
        "secret_in_json",
        code(outputs=[shown({"application/json": {"password": _RANDOM}})]),
        codes=_OUTPUT,
    ),
    specimen(
        "secret_passed", metadata={"papermill": {"parameters": {"token": _GITHUB}}}, codes=_OUTPUT
    ),
    specimen(
        "private_key",
        code(outputs=[stream("-----BEGIN RSA " + "PRIVATE KEY-----\nMII")]),
        codes=_OUTPUT,
    ),
    specimen("script", page("<p>x</p><script>x()</script>"), codes=_UNSAFE),
    specimen("handler", page("<img src=x OnError=alert(1)>"), codes=_UNSAFE),
    specimen("script_address", page("<a href=' java\nscript:x()'>x</a>"), codes=_UNSAFE),
    specimen("frame", page("<iframe src='https://example.org'></iframe>"), codes=_UNSAFE),
    specimen("script_svg", page("<svg onload='x()'/>", "image/svg+xml"), codes=_UNSAFE),
    specimen("foreign_svg", page("<svg><foreignObject/></svg>", "image/svg+xml"), codes=_UNSAFE),
    specimen("script_markdown", page("# x\n<script>1</script>", "text/markdown"), codes=_UNSAFE),
    specimen("javascript", page("alert(1)", "application/javascript"), codes=_UNSAFE),
)
