"""``import nbformat`` leaves out a parser that nobody needs, and takes nothing away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_REPORT = """
import json, sys
print(json.dumps([
    sorted({"nbformat", "jsonschema", "rfc3987_syntax", "lark"} & set(sys.modules)), said
]))
"""


def run(code: str, *arguments: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + _REPORT, *arguments],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    report: list[object] = json.loads(done.stdout)
    return report


def test_no_use_of_the_executor_builds_the_parser(tmp_path: Path) -> None:
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    (tmp_path / "p.yaml").write_text("unknown: 1")
    code = """
import sys
from notebook_executor import NotebookExecutor
from notebook_executor.execution.parameter_sources import gather_parameters
executor = NotebookExecutor(sys.argv[1])
uses = {
    "parameters": lambda: gather_parameters(documents=["a: 1"]),
    "execute": lambda: executor.execute("n.ipynb", parameters="p.yaml"),
    "validate": lambda: executor.validate("n.ipynb"),
    "write": lambda: executor.write_notebook(executor.read_notebook("n.ipynb"), "m.ipynb"),
    "scraps": lambda: executor.collect_outputs("n.ipynb"),
    "diff": lambda: executor.diff_notebooks("n.ipynb", "m.ipynb"),
}
said = []
for name, use in uses.items():
    use()
    said += [name] if "lark" in sys.modules else []
"""

    loaded, guilty = run(code, str(tmp_path))

    assert (loaded, guilty) == (["jsonschema", "nbformat"], [])


def test_jsonschema_checks_iris_as_ever() -> None:
    code = """
from notebook_executor.nbformat_loading import load_nbformat
load_nbformat()
import jsonschema
check = jsonschema.FormatChecker().conforms
said = [check(text, kind) for text, kind in [
    ("http://\u00e4.example/x", "iri"), ("ht tp:", "iri"), ("x y", "iri-reference")
]]
"""
    loaded, said = run(code)

    assert loaded == ["jsonschema", "lark", "nbformat", "rfc3987_syntax"]
    assert said == [True, False, False]


def test_whoever_imports_the_module_gets_all_of_it() -> None:
    code = """
import threading
from notebook_executor.nbformat_loading import load_nbformat
threads = [threading.Thread(target=load_nbformat) for _ in range(4)]
[thread.start() for thread in threads]
from rfc3987_syntax import RFC3987_SYNTAX_TERMS, is_valid_syntax
import rfc3987_syntax.syntax_helpers
[thread.join() for thread in threads]
import jsonschema, rfc3987_syntax
said = [len(RFC3987_SYNTAX_TERMS) > 9, is_valid_syntax("iri", "a:b")]
said.append(hasattr(rfc3987_syntax, "parse"))
"""
    assert run(code)[1] == [True, True, True]


def test_several_threads_may_read_their_first_notebook_at_once() -> None:
    code = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
sys.setswitchinterval(1e-5)
barrier = threading.Barrier(4)
def read(number):
    barrier.wait()
    from notebook_executor.documents.reading import adopt
    return len(adopt({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).cells)
with ThreadPoolExecutor(4) as pool:
    said = list(pool.map(read, range(4)))
"""
    assert run(code)[1] == [0, 0, 0, 0]
