"""Notebooks that are right, though not everybody would think so."""

from __future__ import annotations

import json
from typing import Any

from tests.corpus.building import (
    Specimen,
    code,
    document,
    dumped,
    shown,
    specimen,
    stream,
    tagged,
    text,
)

_R: dict[str, Any] = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
_PYTHON_2 = {"language_info": {"name": "python", "version": "2.7.18"}}
_NEWER = {"language_info": {"name": "python", "version": "3.99.0"}}
_MANY = [code(f"x{n} = {n}", id=f"c{n}") for n in range(300)]
_MAGICS = """\
%matplotlib inline
files = !ls
%time rows = len(files)
if rows:
    %pip list
rows?
!echo {rows}"""
_UNUSUAL = """\
import math as m, os.path
from collections import *
anything, goes = here"""
_SCOPES = """\
def outer(a, *b, **c):
    global made
    made = [a for d in b if (e := d)]
    return later(made, c)
class K(Exception):
    y = 1
    z = y
    def name(self): return __class__
try: unicode
except NameError: unicode = str
with open("f") as f, open("g"): pass
for i, (j, k) in []: print(i, j, k, f)
match made_up if False else 1:
    case [first, *rest]: print(first, rest)
made_up = 1
lambda q: q + made
display(_, Out, In[0])
x: int = 3
del x"""

ODD: tuple[Specimen, ...] = (
    Specimen("compact", dumped(document(code(), text()), indent=None, separators=(",", ":"))),
    Specimen("four_spaces", dumped(document(code()), indent=4)),
    Specimen("tabs", dumped(document(code()), indent="\t")),
    Specimen("escaped", dumped(document(text("Größe ½ 🙂")), ensure_ascii=True)),
    Specimen("unicode", dumped(document(text("Größe ½ 🙂 \u2028 \u202e")))),
    Specimen("windows_lines", dumped(document(code("a = 1\r\nb = a"))).replace(b"\n", b"\r\n")),
    Specimen("no_newline_at_end", dumped(document(code())).rstrip()),
    Specimen("other_order", dumped(dict(reversed(document(code()).items())))),
    Specimen(
        "repeated_key", dumped(document()).replace(b'"nbformat"', b'"nbformat": 4, "nbformat"')
    ),
    Specimen("lone_surrogate", json.dumps(document(text("\ud83d"))).encode()),
    specimen("many_cells", *_MANY),
    specimen("source_as_lines", code(["a = 1\n", "a"])),
    specimen("empty_cells", code(""), text("", id="b"), code([], id="c")),
    specimen("long_id", code(id="a" * 64)),
    specimen("unknown_metadata", code(metadata={"x": {"y": [1]}}), metadata={"z": None}),
    specimen("attachments", text(attachments={"a.png": {"image/png": "iVBORw0KGgo="}})),
    specimen("deep_json", code(outputs=[shown({"application/json": {"a": [[[[1]]]]}})])),
    specimen("large_output", code(outputs=[stream("line\n" * 20_000)])),
    specimen("wide_table", code(outputs=[shown({"text/html": "<table><tr><td>1</td></tr>"})])),
    specimen("safe_svg", code(outputs=[shown({"image/svg+xml": "<svg><path d='M0 0'/></svg>"})])),
    specimen("link", code(outputs=[shown({"text/html": "<a href='https://example.org'>x</a>"})])),
    specimen("magics", code(_MAGICS)),
    specimen(
        "cell_magic_bash", code("%%bash --out listing\nfor x in; do"), code("listing", id="b")
    ),
    specimen("cell_magic_time", code("%%time\nt = 1"), code("t", id="b")),
    specimen("cell_magic_capture", code("%%capture out\nprint(1)"), code("out.stdout", id="b")),
    specimen("unknown_magic", code("%%sql\nSELECT * FROM"), code("result", id="b")),
    specimen("ipython_only", code(",print a b"), code("/print 1", id="b")),
    specimen("star_import", code(_UNUSUAL)),
    specimen("top_level_await", code("import asyncio\nawait asyncio.sleep(0)")),
    specimen("scopes", code(_SCOPES), code("later = print", id="b")),
    specimen("names_by_exec", code("exec('made = 1')"), code("made", id="b")),
    specimen("invalid_escape", code(r"pattern = '\d'")),
    specimen("expected_error", tagged("no_such_name", "raises-exception")),
    specimen("expected_syntax_error", tagged("1 +", "raises-exception")),
    specimen("skipped_cell", tagged("no_such_name", "skip-execution")),
    specimen("other_language", code("x <- function( {"), metadata=_R),
    specimen("python_2", code("print 'x'"), metadata=_PYTHON_2),
    specimen("newer_python", code("match! x"), metadata=_NEWER),
    specimen("parameters", tagged("a: int = 1  # how many", "parameters"), code("a", id="b")),
    specimen("parameter_in_shell", tagged("a = 1", "parameters"), code("!echo {a}", id="b")),
    specimen("parameter_in_bash", tagged("a = 1", "parameters"), code("%%bash\necho $a", id="b")),
    specimen(
        "not_quite_secrets",
        code(
            "import os\ntoken = os.environ['TOKEN_OF_THE_SERVICE_1']\n"
            "key = 'your-api-key-goes-here'\ntoken = 'aaaaaaaa11111111'"
        ),
        code("sort_key = 'department_and_name_of_employee'\nurl = 'http://user@host/'", id="b"),
    ),
)
