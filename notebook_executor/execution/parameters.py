"""Parameters: checked against the notebook before a kernel exists, then injected by papermill."""

from __future__ import annotations

import ast
import difflib
import json
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.parameters_cell import Parameter, Parameters, read_parameters
from notebook_executor.errors import ParameterError
from notebook_executor.nbformat_loading import load_nbformat
from notebook_executor.text import one_line

if TYPE_CHECKING:
    from nbformat import NotebookNode

PARAMETERS_VARIABLE = "NBX_PARAMETERS"
_ATOMS = (type(None), bool, int, float, str)
_DEEPEST = 100
_INSTEAD = {
    "tuple": "list(value)",
    "set": "sorted(value)",
    "frozenset": "sorted(value)",
    "datetime": "value.isoformat()",
    "date": "value.isoformat()",
    "time": "value.isoformat()",
    "timedelta": "value.total_seconds()",
    "Decimal": "str(value) or float(value)",
    "Fraction": "str(value) or float(value)",
    "bytes": "base64.b64encode(value).decode()",
    "UUID": "str(value)",
    "ndarray": "value.tolist()",
    "DataFrame": "value.to_dict('records'), or a path",
    "Series": "value.tolist()",
}


def load_parameters(given: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """The parameters as a dict; a path is read by papermill, as YAML or JSON.

    Raises:
        ParameterError: The file cannot be read, or does not hold a mapping.
    """
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    load_nbformat()
    from papermill.iorw import read_yaml_file

    try:
        loaded = read_yaml_file(given)
    except Exception as error:  # papermill's readers raise whatever their libraries raise
        raise ParameterError(
            f"The parameter file {given} cannot be read: {error}",
            hint="It must be a YAML or JSON file.",
        ) from error
    if not isinstance(loaded, Mapping | None):
        raise ParameterError(
            f"The parameter file {given} holds a {type(loaded).__name__}, not a mapping",
            hint="Write one 'name: value' a line.",
        )
    return dict(loaded or {})


def check_parameters(notebook: NotebookNode, parameters: Mapping[str, Any]) -> Parameters:
    """Refuse parameters that the notebook does not declare, and a missing one that it requires.

    Returns:
        What the notebook declares.

    Raises:
        ParameterError: Names all offenders, with the nearest declared name of each.
        DocumentError: The parameters cell cannot be read.
    """
    declared = read_parameters(notebook)
    check_names(declared, parameters)
    check_required(declared, parameters)
    return declared


def check_required(declared: Parameters, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters without one that is declared without a default.

    Raises:
        ParameterError: Names all that are missing.
    """
    missing = [
        name
        for name, parameter in declared.items()
        if parameter.required and name not in parameters
    ]
    if missing:
        raise ParameterError(
            f"Missing {_listed('parameter', missing)}: declared without a default",
            hint="Pass a value for each, or give it a default in the parameters cell.",
        )


def check_types(
    declared: Parameters, parameters: Mapping[str, Any], secret: Collection[str] = ()
) -> None:
    """Refuse values that are not of the declared type, among the choices, or within the bounds.

    A type that only follows from a default is no declaration.

    Args:
        declared: What the notebook declares.
        parameters: What it is given.
        secret: Names of those whose values are not to be shown.

    Raises:
        ParameterError: Names all offenders, and what each may be.
    """
    from pydantic import SecretStr, ValidationError

    typed = declared.declared(parameters)
    if not typed:
        return
    try:
        typed.model().model_validate({name: parameters[name] for name in typed})
    except ValidationError as error:
        wrong = {str(item["loc"][0]): item for item in reversed(error.errors())}
        problems = [
            _misfit(
                typed[name],
                SecretStr("") if name in secret else parameters[name],
                wrong[name]["loc"][1:],
                wrong[name]["msg"],
            )
            for name in typed
            if name in wrong
        ]
        raise ParameterError(
            "; ".join(problems),
            hint="nbx params NOTEBOOK shows what it takes; nbx run -r NAME VALUE passes a text.",
        ) from None


def _misfit(parameter: Parameter, value: Any, steps: tuple[int | str, ...], problem: str) -> str:
    """One sentence; the value is shown only where it is the value, not its type, that is wrong."""
    given = f"a {type(value).__name__}"
    allowed = parameter.allowed
    if allowed and isinstance(value, int | float | str) and not isinstance(value, bool):
        given = one_line(repr(value), 60)
    if allowed:
        return f"Parameter {parameter.name} must be {parameter.type} ({allowed}), not {given}"
    indices = [step for step in steps if isinstance(step, int)]
    inside = f" ({problem[0].lower()}{problem[1:]} at {indices})" if indices else ""
    return f"Parameter {parameter.name} must be {parameter.type}, not {given}{inside}"


def check_names(declared: Parameters, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that are not declared.

    Raises:
        ParameterError: Names all offenders, with the nearest declared name of each.
    """
    for name in parameters:
        if not isinstance(name, str) or not name.isidentifier():
            raise ParameterError(
                f"{name!r} cannot be a parameter's name", hint="Use a Python identifier."
            )
    if parameters and declared.cell_index is None:
        raise ParameterError(
            f"The notebook declares no parameters, but was given {', '.join(parameters)}",
            hint="Add the tag 'parameters' to the cell that assigns their defaults.",
        )
    unknown = [name for name in parameters if name not in declared]
    if unknown and declared.readable:
        raise ParameterError(
            f"Unknown {_listed('parameter', unknown)}", hint=_meant(unknown, list(declared))
        )


def _listed(noun: str, names: list[str]) -> str:
    return f"{noun}{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def _meant(unknown: list[str], declared: list[str]) -> str:
    guesses = []
    for name in unknown:
        close = difflib.get_close_matches(name, declared, n=1, cutoff=0.5)
        if close:
            guesses.append(f"did you mean {close[0]!r} instead of {name!r}?")
    known = f"The notebook declares: {', '.join(declared) or 'none'}."
    return " ".join([*(guess[0].upper() + guess[1:] for guess in guesses), known])


def inject_parameters(
    notebook: NotebookNode, parameters: dict[str, Any], kernel_name: str, language: str
) -> tuple[NotebookNode, dict[str, str]]:
    """Add the ``injected-parameters`` cell as papermill does, by the translator it has for us.

    A translator that was registered in papermill is used, and then decides by itself which values
    it takes; with papermill's own ones, values that would not arrive as they are are refused.

    Returns:
        The notebook, and what the kernel's environment needs: where papermill has no translator,
        the parameters as JSON in ``NBX_PARAMETERS``.

    Raises:
        ParameterError: A value would not arrive as the value that was passed.
    """
    from papermill.exceptions import PapermillException
    from papermill.parameterize import parameterize_notebook
    from papermill.translators import papermill_translators

    try:
        translator = papermill_translators.find_translator(kernel_name, language)
    except PapermillException:
        check_values(parameters)
        notebook.metadata.papermill["parameters"] = parameters
        return notebook, {PARAMETERS_VARIABLE: json.dumps(parameters)}
    if translator.__module__ == "papermill.translators":
        check_values(parameters)
    try:
        notebook = parameterize_notebook(
            notebook, parameters, kernel_name=kernel_name, language=language
        )
        _check_arrival(translator, parameters)
    except NotImplementedError as error:
        raise ParameterError(
            f"papermill cannot pass these parameters to {language}: {error}",
            hint="Pass plain values: numbers, strings, booleans.",
        ) from error
    return notebook, {}


def check_values(parameters: Mapping[str, Any]) -> None:
    """Refuse values of types that papermill would turn into something else on the way.

    Raises:
        ParameterError: Names the parameter, the place in it, and what to pass instead.
    """
    for name, value in parameters.items():
        _check_value(name, value, 0)


def _check_value(place: str, value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise ParameterError(
            f"Parameter {place[:60]}… is nested too deeply, or contains itself",
            hint="Pass a path to a file with the data.",
        )
    kind = type(value)
    if kind in _ATOMS:
        return
    if kind is list:
        for index, item in enumerate(value):
            _check_value(f"{place}[{index}]", item, depth + 1)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise ParameterError(
                    f"Parameter {place} has the key {key!r}, which would arrive as {str(key)!r}",
                    hint="Use strings as keys.",
                )
            _check_value(f"{place}[{key!r}]", item, depth + 1)
    else:
        raise _would_change(place, value)


def _would_change(place: str, value: Any) -> ParameterError:
    kind = type(value)
    instead = next(
        (_INSTEAD[base.__name__] for base in kind.__mro__ if base.__name__ in _INSTEAD), None
    )
    if instead is None and hasattr(value, "__fspath__"):
        instead = "str(value)"
    if instead is None and kind.__module__ == "numpy":
        instead = "value.item()"
    if instead is None and hasattr(kind, "__members__"):
        instead = "value.value"
    return ParameterError(
        f"Parameter {place} is a {kind.__module__}.{kind.__qualname__}, which would not arrive "
        "as that",
        hint=f"Pass {instead or 'a number, string, boolean, None, list or dict'} instead.",
    )


def _check_arrival(translator: Any, parameters: Mapping[str, Any]) -> None:
    """Evaluate what papermill's Python translator wrote, and compare it with what was passed."""
    from papermill.translators import PythonTranslator

    if translator is not PythonTranslator:
        return
    for name, value in parameters.items():
        literal = translator.translate(value)
        try:
            arrived = eval(
                compile(ast.parse(literal, mode="eval"), "<parameter>", "eval"),
                {"__builtins__": {"float": float}},
            )
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ParameterError(
                f"Parameter {name} cannot be written as Python: {error}",
                hint="Pass a path to a file with the data.",
            ) from error
        if not _same(arrived, value):
            raise ParameterError(
                f"Parameter {name} would arrive as {str(literal)[:80]}",
                hint="Pass a path to a file with the data.",
            )


def _same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)
