"""Tables, arrays and images as outputs: pandas, pyarrow and numpy only when the value is theirs."""

from __future__ import annotations

import sys
from base64 import b64encode
from importlib import import_module
from io import BytesIO
from typing import Any

from hermes_runtime.formats import ARRAY_MIME, Output, ScrapError, data_output, shown_output
from hermes_runtime.plain import kind

_PREVIEW = 1000
_ROWS = 5
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def is_table(value: Any) -> bool:
    """A pandas DataFrame, or what hands out its columns as Arrow does: pyarrow's and polars'."""
    return _is(value, "pandas", "DataFrame") or (
        hasattr(value, "__arrow_c_stream__") and hasattr(value, "columns")
    )


def is_array(value: Any) -> bool:
    """A numpy array of numbers, text or times; not one of objects, or with a mask."""
    return (
        _is(value, "numpy", "ndarray")
        and not hasattr(value, "mask")
        and not value.dtype.hasobject
        and value.ndim > 0
    )


def is_figure(value: Any) -> bool:
    return _is(value, "matplotlib", "Figure")


def is_picture(value: Any) -> bool:
    return _is(value, "PIL", "Image")


def _is(value: Any, package: str, name: str) -> bool:
    return any(
        cls.__name__ == name and cls.__module__.partition(".")[0] == package
        for cls in type(value).__mro__
    )


def table_output(name: str, value: Any) -> Output:
    """A table as scrapbook writes it: Parquet, in base64, under the encoder ``pandas``."""
    buffer = BytesIO()
    try:
        if hasattr(value, "to_parquet"):
            value.to_parquet(buffer, engine="pyarrow")
        else:
            arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
            parquet.write_table(arrow.table(value), buffer)
    except ImportError:
        raise ScrapError(
            f"scrap {name!r}: tables are stored by pyarrow, which this kernel does not have: "
            'install it, or glue value.to_dict("records")',
            name,
        ) from None
    # pyarrow's own errors, and whatever pandas makes of a column it has no type for
    except Exception as error:
        raise ScrapError(
            f"scrap {name!r}: this {kind(value)} cannot be stored as a table: {error}", name
        ) from error
    output = data_output(name, "pandas", b64encode(buffer.getvalue()).decode())
    head = value.head(_ROWS) if hasattr(value, "head") else value.slice(0, _ROWS)
    return _described(output, value.shape, repr(head))


def array_output(name: str, value: Any) -> Output:
    """An array in numpy's own format (``numpy.save``), in base64."""
    buffer = BytesIO()
    sys.modules["numpy"].save(buffer, value, allow_pickle=False)
    output = shown_output(name, {ARRAY_MIME: b64encode(buffer.getvalue()).decode()}, {})
    return _described(output, value.shape, f"{value.dtype} {value}")


def _described(output: Output, shape: Any, preview: str) -> Output:
    about = {"shape": [int(length) for length in shape], "preview": preview[:_PREVIEW]}
    output["metadata"]["nbx"] = about
    return output


def image_type(value: Any) -> str | None:
    """The MIME type of an image file's bytes; None for anything else."""
    if not isinstance(value, (bytes, bytearray)):
        return None
    if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for magic, mime in _MAGIC if value.startswith(magic)), None)


def image_file(value: bytes, mime: str) -> dict[str, str]:
    """The MIME bundle of an image file's bytes."""
    return {mime: b64encode(value).decode(), "text/plain": f"{mime}, {len(value):,} bytes"}


def drawn(name: str, value: Any) -> dict[str, str]:
    """A figure or picture drawn as PNG, where IPython has no formatter for it."""
    buffer = BytesIO()
    try:
        if is_figure(value):
            value.savefig(buffer, format="png", bbox_inches="tight")
        else:
            value.save(buffer, "PNG")
    except (OSError, ValueError) as error:
        raise ScrapError(
            f"scrap {name!r}: this {kind(value)} cannot be stored as PNG: {error}", name
        ) from error
    return {"image/png": b64encode(buffer.getvalue()).decode()}
