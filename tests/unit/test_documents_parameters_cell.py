"""The parameters cell: what the grammar says, where papermill's pattern goes wrong."""

from __future__ import annotations

import json
import pickle
from typing import Any

import nbformat
import pytest
from pydantic import ValidationError

from notebook_executor.documents.parameters_cell import (
    Parameter,
    Parameters,
    read_parameters,
)
from notebook_executor.errors import DocumentError


def notebook(source: str, **metadata: Any) -> nbformat.NotebookNode:
    first = {"cell_type": "markdown", "source": "# Title", "metadata": {}}
    tagged = {"cell_type": "code", "source": source, "metadata": {"tags": ["a", "parameters"]}}
    later = {**tagged, "source": "later = 1"}
    made: nbformat.NotebookNode = nbformat.from_dict(
        {"metadata": metadata, "cells": [first, tagged, later]}
    )
    return made


def read(source: str, **metadata: Any) -> Parameters:
    return read_parameters(notebook(source, **metadata))


def only(source: str) -> Parameter:
    (parameter,) = read(source).values()
    return parameter


@pytest.mark.parametrize(
    ("source", "kind", "default", "text", "comment"),
    [
        ("x = 1", "int", 1, "1", ""),
        ("x = -1.5  # why", "float", -1.5, "-1.5", "why"),
        ("x = 'x # y'  # real", "str", "x # y", "'x # y'", "real"),
        ("x = '''a\n# b\n'''  # end", "str", "a\n# b\n", "'''a\n# b\n'''", "end"),
        ("x = {  # start\n 'a': 1,  # inner\n}", "dict", {"a": 1}, None, "start"),
        ("x = [\n 1,\n]  # end", "list", [1], "[\n 1,\n]", "end"),
        ("x: int | None = None", "int | None", None, "None", ""),
        ("x: pd.DataFrame = pd.DataFrame()", "pd.DataFrame", None, "pd.DataFrame()", ""),
        ("x: 'List[int]' = []", "List[int]", [], "[]", ""),
        ("x = 5  # type: int  # how many", "int", 5, "5", "how many"),
        ("x = {}  # type: Dict[str, int] by name", "Dict[str, int]", {}, "{}", "by name"),
        ("x = 5  # type: ignore[assignment]  # how many", "int", 5, "5", "how many"),
        ("x = None", None, None, "None", ""),
        ("x = f(1)", None, None, "f(1)", ""),
        ("x = ...", None, None, "...", ""),
        ("x = (1, 2)", "tuple", (1, 2), "(1, 2)", ""),
        ("x == 1\nx = 2 == 2", None, None, "2 == 2", ""),
        ("x = 1\nx = 2", "int", 2, "2", ""),
        ("x: float  # declared first\nx = 2", "float", 2, "2", "declared first"),
        ("x = await y", None, None, "await y", ""),
    ],
)
def test_one_parameter(
    source: str, kind: str | None, default: Any, text: str | None, comment: str
) -> None:
    parameter = only(source)

    assert (parameter.name, parameter.type, parameter.help) == ("x", kind, comment)
    assert parameter.default == default
    assert type(parameter.default) is type(default)
    assert text is None or parameter.default_source == text
    assert not parameter.required


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a, b = 1, 'two'", {"a": 1, "b": "two"}),
        ("a = b = [1]", {"a": [1], "b": [1]}),
        ("a=1; b=2  # both", {"a": 1, "b": 2}),
        ("(a, [b, c]), d = (1, (2, 3)), 4", {"a": 1, "b": 2, "c": 3, "d": 4}),
        ("a, *b = 1, 2, 3", {"a": None, "b": None}),
        ("a, b, *c = *x, 2, 3", {"a": None, "b": None, "c": None}),
        ("a, b = f()", {"a": None, "b": None}),
        ("a.x = 1\na[0] = 1\na = 3", {"a": 3}),
        ("a = 1\nif a:\n    b = 2\nfor c in []:\n    d = 1\ndef e():\n    f = 1", {"a": 1}),
        ("a = 1\na += 1\nb += 2", {"a": 1}),
        ("import os\nfrom x import y\nclass Z:\n    a = 1", {}),
        ("", {}),
        ("# nothing\n", {}),
    ],
)
def test_names_and_defaults(source: str, expected: dict[str, Any]) -> None:
    parameters = read(source)

    assert {name: parameter.default for name, parameter in parameters.items()} == expected


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\na = 1\n!ls $HOME\nb = 2",
        "a = 1\n!echo 'open\nb = 2",
        "a = 1\n%config x = (\nb = 2",
        "!ls \\\n  -l \\\n  -a\na = 1\nos?\n?os\nb = 2",
        "%%time\na = 1\nb = 2",
        "files = !ls\ntook = %timeit f()\na = 1\nb = 2",
        "if True:\n    %time\na = 1\r\nb = 2",
    ],
)
def test_lines_of_ipython_are_passed_over(source: str) -> None:
    parameters = read(source)

    assert (parameters["a"].default, parameters["b"].default) == (1, 2)
    assert parameters.readable


def test_what_only_looks_like_ipython_stays() -> None:
    parameters = read('%pylab\na = """\n%matplotlib\n!ls\n"""\nb = (5\n % 3)')

    assert parameters["a"].default == "\n%matplotlib\n!ls\n"
    assert parameters["b"].default_source == "5\n % 3"


def test_lines_are_counted_as_the_cell_has_them() -> None:
    with pytest.raises(DocumentError, match=r"cells\[1\], line 3: ") as caught:
        read("%matplotlib inline\nx = 1\ny = = 2")

    assert caught.value.details["kind"] == "invalid_notebook"
    assert (caught.value.details["cell_index"], caught.value.details["line"]) == (1, 3)


@pytest.mark.parametrize(
    "source",
    ["x = 'a\0b'", "x = '\ud83d'", "x = (" * 500, pytest.param(f"x = {'-' * 100_000}1", id="deep")],
)
def test_source_that_python_cannot_take(source: str) -> None:
    with pytest.raises(DocumentError, match="The parameters cell, cells") as caught:
        read(source)

    assert caught.value.details["kind"] == "invalid_notebook"


def test_a_notebook_without_parameters_cell() -> None:
    empty = read_parameters(nbformat.from_dict({"metadata": {}, "cells": []}))

    assert (dict(empty), empty.cell_index, empty.readable) == ({}, None, True)


def test_the_first_tagged_cell_counts() -> None:
    parameters = read("x = 1")

    assert (list(parameters), parameters.cell_index) == (["x"], 1)
    nb = notebook("x = 1")
    nb.cells[1].cell_type = "markdown"
    assert list(read_parameters(nb)) == []


@pytest.mark.parametrize(
    ("metadata", "readable"),
    [
        ({}, True),
        ({"language_info": {"name": "R"}, "kernelspec": {"language": "python"}}, False),
        ({"kernelspec": {"language": "bash", "name": "python3"}}, False),
        ({"kernelspec": {"name": "python3.12"}}, True),
        ({"kernelspec": {"name": "ir"}}, False),
        ({"language_info": {"name": "ipython"}}, True),
        ({"kernelspec": None, "language_info": "x"}, True),
    ],
)
def test_only_python_can_be_read(metadata: dict[str, Any], readable: bool) -> None:
    assert read("x = 1", **metadata).readable == readable


@pytest.mark.parametrize(
    ("source", "metadata"),
    [("x <- 1", {"language_info": {"name": "R"}}), ("%%bash\nx=1", {})],
)
def test_names_of_other_languages_are_unknown(source: str, metadata: dict[str, Any]) -> None:
    parameters = read(source, **metadata)

    assert (len(parameters), parameters.readable, parameters.cell_index) == (0, False, 1)
    parameters.model()(anything=1)


SCHEMA_SOURCE = """\
run_id: str                 # which run
limit = 10                  # rows
ratio: float = 0.5
mode: Literal["a", "b"] = "a"
sizes: list[int] = (1, 2)
when: Optional[datetime.date] = None
top: int = None
path = Path("x")
raw = b"\\xff"
most = 1e999
_hidden = True
copy = {}
model_config = ""
"""


def test_the_json_schema() -> None:
    schema = read(SCHEMA_SOURCE).json_schema()

    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert schema["required"] == ["run_id"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "run_id": {"type": "string", "description": "which run"},
        "limit": {"type": "number", "default": 10, "description": "rows"},
        "ratio": {"type": "number", "default": 0.5},
        "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "sizes": {"type": "array", "items": {"type": "integer"}, "default": [1, 2]},
        "when": {"anyOf": [{}, {"type": "null"}], "default": None},
        "top": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "path": {},
        "raw": {},
        "most": {"type": "number"},
        "_hidden": {"type": "boolean", "default": True},
        "copy": {"type": "object", "additionalProperties": True, "default": {}},
        "model_config": {"type": "string", "default": ""},
    }


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, None),
        ({"limit": 2.5, "ratio": 1, "top": None, "sizes": [3], "_hidden": False}, None),
        ({"path": object(), "copy": {"a": 1}, "model_config": "x"}, None),
        ({"unknown": 1}, "unknown"),
        ({"run_id": 5}, "run_id"),
        ({"limit": "10"}, "limit"),
        ({"_hidden": 1}, "_hidden"),
        ({"mode": "c"}, "mode"),
        ({"sizes": ["x"]}, "sizes"),
    ],
)
def test_the_model(given: dict[str, Any], wrong: str | None) -> None:
    model = read(SCHEMA_SOURCE).model()
    values = {"run_id": "r", **given}

    if wrong is None:
        assert model(**values).model_dump(by_alias=True, exclude_unset=True) == values
    else:
        with pytest.raises(ValidationError) as caught:
            model(**values)
        assert caught.value.errors()[0]["loc"][0] == wrong


@pytest.mark.parametrize(
    "annotation",
    [
        "list[",
        "Literal[x]",
        "Unknown[int]",
        "list[int][str]",
        "1",
        "Union[()]",
        "",
        pytest.param("-" * 100_000, id="deep"),
    ],
)
def test_an_odd_annotation_allows_anything(annotation: str) -> None:
    parameters = Parameters((Parameter(name="x", type=annotation, default_source="1", default=1),))

    assert parameters.model()(x="anything").model_dump() == {"x": "anything"}


def test_a_required_parameter() -> None:
    parameter = only("x: int  # how many")

    assert (parameter.required, parameter.type, parameter.default_source) == (True, "int", "")


def test_parameters_are_a_mapping_that_can_be_sent() -> None:
    parameters = read("a = 1; b = 2")

    assert list(parameters) == ["a", "b"]
    assert "c" not in parameters
    assert pickle.loads(pickle.dumps(parameters)) == parameters
    with pytest.raises(KeyError):
        parameters["c"]


@pytest.mark.parametrize("text", ["b'\\xff'", "1+2j", "{1}", "1e999", "{(1, 2): 3}", "'\\ud83d'"])
def test_any_default_has_a_json(text: str) -> None:
    assert json.loads(only(f"x = {text}").to_json())["default_source"] == text


RESTRICTED = """\
mode: Literal["a", "b"] = "a"
share: Annotated[float, Field(ge=0, le=1), "of the fleet"] = 0.5
count: Annotated[int, Ge(0), annotated_types.Lt(10)] | None = None  # rows
name: Annotated[str, Field(pattern="^a", max_length=3, description="whose")] = "a"
odd: Annotated[list, Ge(0), Doc("any"), unknown(1)] = []
maybe: Optional[Literal["p"]] = None
either: Literal["x"] | str = "x"
broken: Annotated[str, Field(pattern="(")] = ""
changing: Annotated[int, Ge(limit)] = 3
"""


def test_choices_bounds_and_words_of_annotations() -> None:
    parameters = read(RESTRICTED)

    assert {name: (p.allowed, p.help) for name, p in parameters.items()} == {
        "mode": ("'a' | 'b'", ""),
        "share": (">= 0, <= 1", "of the fleet"),
        "count": (">= 0, < 10", "rows"),
        "name": ("matches ^a, at most 3 long", "whose"),
        "odd": (">= 0", "any"),
        "maybe": ("'p' | None", ""),
        "either": ("", ""),
        "broken": ("matches (", ""),
        "changing": ("", ""),
    }
    properties = parameters.json_schema()["properties"]
    assert (properties["share"]["minimum"], properties["share"]["maximum"]) == (0, 1)
    assert properties["name"]["pattern"] == "^a"
    assert json.loads(parameters["count"].to_json())["bounds"] == {"ge": 0, "lt": 10}


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"share": 1, "count": None, "maybe": None, "either": "y", "odd": [1]}, True),
        ({"count": 9, "maybe": "p", "name": "abc", "broken": "z"}, True),
        ({"share": 1.5}, False),
        ({"share": True}, False),
        ({"count": 10}, False),
        ({"name": "abcd"}, False),
        ({"name": "b"}, False),
        ({"maybe": "q"}, False),
    ],
)
def test_the_model_keeps_to_them(given: dict[str, Any], fits: bool) -> None:
    model = read(RESTRICTED).model()

    if fits:
        model(**given)
    else:
        with pytest.raises(ValidationError):
            model(**given)
