"""Named outputs of a notebook, in scrapbook's own format.

A scrap is a display message with a MIME type of its own: it travels with the cell's outputs, and
is saved in the notebook. ``scrapbook`` reads what is written here; writing it here costs a kernel
none of the three seconds that ``import scrapbook`` takes.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any

from hermes_runtime import binary
from hermes_runtime.formats import Output, ScrapError, data_output, shown_output
from hermes_runtime.plain import kind, parsed, plain, storable
from hermes_runtime.schemas import check_schema

_ENCODERS = ("json", "text", "pandas", "arrow", "array", "display")
# The methods by which an object says how it is to be shown; a pandas Series has some, too.
_REPRS = tuple(
    f"_repr_{kind}_"
    for kind in ("mimebundle", "html", "markdown", "svg", "png", "jpeg", "latex", "json")
)
_PLAIN = (type(None), bool, int, float, list, tuple, dict)


def glue(
    name: str,
    data: Any,
    encoder: str | None = None,
    display: Any = None,
    *,
    schema: Mapping[str, Any] | None = None,
) -> None:
    """Record a value under a name in the running cell's outputs.

    A later ``glue`` of the same name wins. A str is stored as text; a table (pandas, pyarrow,
    polars) as Parquet; a numpy array as numpy saves it; a matplotlib figure, a PIL picture and the
    bytes of an image as an image, which is shown; what only IPython can show as what it shows; all
    else as JSON. Tuples become lists, ``pandas.NA`` becomes null, and characters that UTF-8 cannot
    hold become U+FFFD. Outside a kernel there is nowhere to record anything: a warning says so.

    Args:
        name: What the value is read by.
        data: The value.
        encoder: ``"json"``, ``"text"``, ``"pandas"`` (or ``"arrow"``, the same), ``"array"`` or
            ``"display"``, where the value's type is not to decide. ``"json"`` with a str takes it
            as JSON text; ``"text"`` stores ``str(data)``.
        display: True also shows the value in the notebook; a list of MIME types shows these
            alone; a dict holds arguments for IPython's ``format_display_data``.
        schema: A JSON Schema that a JSON or text value must fit.

    Raises:
        ScrapError: A TypeError and a ValueError. The value, or something in it, has no exact
            counterpart in JSON (NaN and infinity neither), or does not fit the schema: the message
            says where, and what would work. Or the name or the encoder is none.
    """
    _check_name(name)
    shell = _kernel_shell()
    outputs = _outputs(shell, name, data, _encoder(name, data, encoder, display), display, schema)
    if shell is None:
        warnings.warn(f"glue({name!r}): no kernel here, nothing is recorded", stacklevel=2)
        return
    for output in outputs:
        shell.display_pub.publish(output["data"], output["metadata"])


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ScrapError(f"a scrap's name must be a str, not {kind(name)}: glue(name, value)")
    if not name:
        raise ScrapError("a scrap's name must not be empty")


def _kernel_shell() -> Any:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if getattr(shell, "kernel", None) is not None else None


def _encoder(name: str, data: Any, asked: str | None, display: Any) -> str:
    if asked is not None and asked not in _ENCODERS:
        known = ", ".join(map(repr, _ENCODERS))
        raise ScrapError(f"scrap {name!r}: no encoder {asked!r}: there are {known}", name)
    if asked == "arrow":
        return "pandas"
    return asked or _fitting(name, data, display)


def _fitting(name: str, data: Any, display: Any) -> str:
    if isinstance(data, str):
        return "text"
    if isinstance(data, _PLAIN):
        return "json"
    if binary.is_table(data):
        return "pandas"
    if binary.is_array(data):
        return "array"
    if _is_shown(data):
        return "display"
    try:
        plain(name, data)
    except ScrapError:
        if not display:
            raise
        return "display"
    return "json"


def _is_shown(data: Any) -> bool:
    """Whether a value is an image, or one of the objects that say how IPython is to show them."""
    if isinstance(data, type):
        return False
    if binary.is_figure(data) or binary.is_picture(data) or binary.image_type(data):
        return True
    return not hasattr(data, "tolist") and any(hasattr(data, method) for method in _REPRS)


def _outputs(
    shell: Any,
    name: str,
    data: Any,
    encoder: str,
    display: Any,
    schema: Mapping[str, Any] | None,
) -> list[Output]:
    if schema is not None and encoder not in ("json", "text"):
        raise ScrapError(f"scrap {name!r}: a schema is for JSON and text, not for {encoder}", name)
    if encoder == "display":
        return [_shown(shell, name, data, display)] if shell else []
    outputs = [_data(name, data, encoder, schema)]
    if display and shell:
        shown, metadata = _formatted(shell, data, display)
        outputs += [shown_output(name, shown, metadata)] if shown else []
    return outputs


def _data(name: str, data: Any, encoder: str, schema: Mapping[str, Any] | None) -> Output:
    if encoder == "pandas":
        if not binary.is_table(data):
            raise ScrapError(f"scrap {name!r}: {kind(data)} is not a table", name)
        return binary.table_output(name, data)
    if encoder == "array":
        if not binary.is_array(data):
            raise ScrapError(f"scrap {name!r}: {kind(data)} is not an array of plain values", name)
        return binary.array_output(name, data)
    if encoder == "text":
        value = storable(data if isinstance(data, str) else str(data))
    else:
        value = plain(name, parsed(name, data) if isinstance(data, str) else data)
    if schema is not None:
        check_schema(name, value, schema)
    # scrapbook's schema has no null at the top, and one such scrap makes its reader refuse the
    # whole notebook; JSON text in its place is decoded by it.
    return data_output(name, encoder, "null" if value is None else value)


def _formatted(shell: Any, data: Any, display: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    options = display if isinstance(display, dict) else {}
    if isinstance(display, (list, tuple)):
        options = {"include": display}
    shown, metadata = shell.display_formatter.format(data, **options)
    return shown, metadata


def _shown(shell: Any, name: str, data: Any, display: Any) -> Output:
    mime = binary.image_type(data)
    if mime:
        return shown_output(name, binary.image_file(data, mime), {})
    shown, metadata = _formatted(shell, data, display)
    picture = binary.is_figure(data) or binary.is_picture(data)
    if picture and not any(mime.startswith("image/") for mime in shown):
        shown = {**shown, **binary.drawn(name, data)}
    if not shown:
        raise ScrapError(f"scrap {name!r}: {kind(data)} shows nothing that could be kept", name)
    return shown_output(name, shown, metadata)
