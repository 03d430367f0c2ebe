"""Parameters arrive as they were passed, or the run is refused before there is a kernel."""

from __future__ import annotations

import json
import math
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from notebook_executor import Event, ExecutionResult, NotebookExecutor

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_FAITHFUL: dict[str, Any] = {
    "none": None,
    "yes": True,
    "no": False,
    "zero": 0,
    "minus": -7,
    "huge": 2**100,
    "real": 0.1,
    "minus_zero": -0.0,
    "tiny": 5e-324,
    "infinite": math.inf,
    "minus_infinite": -math.inf,
    "empty": "",
    "text": 'it\'s "quoted" \\ back',
    "lines": "a\nb\r\n\tc",
    "braces": "{x} {{y}} %s $z",
    "unicode": "ä€😀\u2028",
    "control": "\0\x1b[0m\x7f",
    "items": [1, [2.5, "three", [None]], {}],
    "mapping": {"a": {"b": [True]}, "": 1, "1": 2},
    "reserved": "None",
    "long": "x" * 100_000,
}


class Kinds(list[str]):
    """Collects the kinds of a run's events."""

    def __call__(self, event: Event) -> None:
        self.append(event.kind)


def _defaults(names: dict[str, Any]) -> tuple[str, str]:
    return "\n".join(f"{name} = 'default'" for name in names), "parameters"


def test_every_faithful_value_arrives_equal_and_of_its_type(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    show = "import pickle\npickle.dump({n: globals()[n] for n in names}, open('got', 'wb'))"
    given = {**_FAITHFUL, "names": list(_FAITHFUL)}

    result = executor.execute(make_notebook(_defaults(given), show), "out.ipynb", given)

    assert result.ok, result
    arrived = pickle.loads((tmp_path / "got").read_bytes())
    for name, value in _FAITHFUL.items():
        assert type(arrived[name]) is type(value), name
        assert repr(arrived[name]) == repr(value), name
    assert result.parameters == given


def test_nan_arrives_as_nan(executor: NotebookExecutor, make_notebook: MakeNotebook) -> None:
    path = make_notebook(("x = 0.0", "parameters"), "print(type(x), x)")

    result = executor.execute(path, "out.ipynb", {"x": math.nan})

    assert result.cells[-1].output_preview == "<class 'float'> nan"
    text = (path.parent / "out.ipynb").read_text()
    assert json.loads(text, parse_constant=pytest.fail)


def test_the_injected_cell_overrides_the_defaults_alone(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("import os", ("x = 1\ny = x + 1", "parameters"), "print(x, y)")

    result = executor.execute(path, "out.ipynb", {"x": 10})

    assert result.cells[-1].output_preview == "10 2"
    written = executor.read_notebook("out.ipynb")
    assert written.cells[2].metadata.tags == ["injected-parameters"]
    assert written.cells[2].source == "# Parameters\nx = 10\n"
    assert written.metadata.papermill.parameters == {"x": 10}
    again = executor.execute("out.ipynb", "again.ipynb", {"x": 20})
    assert again.cells[-1].output_preview == "20 2"
    assert len(executor.read_notebook("again.ipynb").cells) == len(written.cells)


def _refused(
    executor: NotebookExecutor, path: Path, parameters: Any, kind: str = "invalid_parameters"
) -> ExecutionResult:
    kinds = Kinds()
    result = executor.execute(path, "out.ipynb", parameters, on_event=kinds)
    assert result.error is not None
    assert result.error.kind == kind
    assert "kernel_ready" not in kinds
    assert not (path.parent / "out.ipynb").exists()
    assert result.kernel.name is None
    return result


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"treshold": 1}, "'treshold'", "Did you mean 'threshold' instead of 'treshold'?"),
        ({"zzz": 1, "yyy": 2}, "'zzz', 'yyy'", "threshold, agent"),
        ({"threshold": 1, "agnet": 2}, "'agnet'", "'agent'"),
        ({"not a name": 1}, "'not a name'", "identifier"),
        ({"": 1}, "''", "identifier"),
        ({3: 1}, "3", "identifier"),
        ({}, "'agent'", "default"),
    ],
)
def test_names_the_notebook_does_not_declare(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    given: dict[Any, Any],
    message: str,
    hint: str,
) -> None:
    path = make_notebook(("threshold = 0.9\nagent: str", "parameters"), "1")

    result = _refused(executor, path, given)

    assert result.error is not None
    assert message in result.error.message
    assert hint in result.error.hint


def test_a_value_that_does_not_fit_its_declaration(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(("share: Annotated[float, Field(le=1)] = 0.5", "parameters"))

    result = _refused(executor, path, {"share": 1.5})

    assert result.error is not None
    assert "Parameter share must be" in result.error.message
    assert "(<= 1), not 1.5" in result.error.message


def test_a_notebook_without_parameters_cell_takes_none(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("x = 1")

    result = _refused(executor, path, {"x": 2})

    assert result.error is not None
    assert "'parameters'" in result.error.hint
    assert executor.execute(path, False, {}).ok


def test_a_parameters_cell_that_is_no_python_is_refused_with_its_line(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(("x = 1\ny = = 2", "parameters"))

    result = _refused(executor, path, {"x": 2}, kind="invalid_notebook")

    assert result.error is not None
    assert "cells[0], line 2" in result.error.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.yaml", "run: 2026-01-02\nat: 2026-01-02T03:04:05Z\nx: [1, 2.5, 'a']\n"),
        ("p.yml", "{run: 2026-01-02, at: '2026-01-02T03:04:05Z', x: [1, 2.5, a]}"),
        ("p.json", '{"run": "2026-01-02", "at": "2026-01-02T03:04:05Z", "x": [1, 2.5, "a"]}'),
    ],
)
def test_parameter_files_and_dates_in_them_stay_text(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    path = make_notebook(("run = at = x = None", "parameters"), "print(repr((run, at, x)))")

    result = executor.execute(path, False, name)  # relative to the root, as all paths are

    assert result.ok, result
    expected = {"run": "2026-01-02", "at": "2026-01-02T03:04:05Z", "x": [1, 2.5, "a"]}
    assert result.parameters == expected
    assert result.cells[-1].output_preview == repr(tuple(expected.values()))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.yaml", None, "missing.yaml"),
        ("list.yaml", b"- 1\n- 2\n", "a list, not a mapping"),
        ("broken.json", b'{"x": ', "broken.json"),
        ("broken.yaml", b"x: [1, 2", "broken.yaml"),
        ("binary.yaml", b"\xff\xfe\x00\x01", "binary.yaml"),
        ("tagged.yaml", b"x: !!python/object/apply:os.getcwd []", "tagged.yaml"),
    ],
)
def test_parameter_files_that_cannot_be_used(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    message: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    result = _refused(executor, make_notebook(("x = 1", "parameters")), tmp_path / name)

    assert result.error is not None
    assert message in result.error.message
    assert result.error.hint


def test_a_translator_that_was_registered_in_papermill_takes_effect(
    executor: NotebookExecutor, make_notebook: MakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from papermill.translators import PythonTranslator, papermill_translators

    class Loud(PythonTranslator):  # type: ignore[misc]
        @classmethod
        def translate_str(cls, val: str) -> str:
            return repr(val.upper())

    monkeypatch.setitem(papermill_translators._translators, "python3", Loud)
    path = make_notebook(("x = ''", "parameters"), "print(x)")

    result = executor.execute(path, False, {"x": "loud"})

    assert result.cells[-1].output_preview == "LOUD"


def test_a_language_without_translator_gets_its_parameters_as_json(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = tmp_path / "jupyter" / "kernels" / "foolang"
    directory.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Foo", "language": "foolang"}
    (directory / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    kernelspec = {"name": "foolang", "display_name": "Foo", "language": "foolang"}
    path = make_notebook(
        ("x = 1", "parameters"),
        "import os\nprint(os.environ['NBX_PARAMETERS'])",
        kernelspec=kernelspec,
    )

    result = executor.execute(path, "out.ipynb", {"x": ["ä", None, 1.5]})

    assert result.ok, result
    assert json.loads(result.cells[-1].output_preview) == {"x": ["ä", None, 1.5]}
    assert executor.read_notebook("out.ipynb").metadata.papermill.parameters.x == ["ä", None, 1.5]
