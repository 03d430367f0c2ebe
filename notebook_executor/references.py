"""Values that JSON cannot hold: what stands in their place, and how they come back when asked for.

A reference is ``{"$scrap": "dataframe|array|image|display", "path", "shape", "preview"}``. What it
stands for is a file at ``path``, or still lies encoded in the notebook that was read.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.text import one_line

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_KEYS = {"$scrap", "path", "shape", "preview"}
_WORTH_THREADS = 1_000_000
_IMAGES = {".png", ".jpg", ".gif", ".webp", ".svg", ".img"}


@dataclass(frozen=True, slots=True)
class Payload:
    """A value as an output has it.

    Attributes:
        suffix: Tells the form, as a file's name would: ``.parquet``, ``.npy``, ``.png``, ``.json``.
        text: The content.
        base64: Whether ``text`` is base64 of the content, or the content.
    """

    suffix: str
    text: str
    base64: bool = True

    def content(self) -> bytes:
        """The bytes of a file with this suffix.

        Raises:
            ValueError: The text is not base64.
        """
        return b64decode(self.text) if self.base64 else self.text.encode("utf-8", "replace")


class Scraps(dict[str, Any]):
    """Scraps by name, as JSON has them, with a reference for what it cannot hold.

    Subscription and ``get`` load what a reference stands for: a pandas DataFrame, a numpy array,
    the bytes of an image, the MIME bundle of a display. Iteration, ``items``, comparison and JSON
    show the reference.

    Args:
        values: The JSON values, by name.
        payloads: What references without a path stand for.
    """

    def __init__(
        self, values: Mapping[str, Any] | None = None, payloads: Mapping[str, Payload] | None = None
    ) -> None:
        super().__init__(values or {})
        self._payloads = dict(payloads or {})

    def __getitem__(self, name: str) -> Any:
        """The value of a scrap.

        Raises:
            DocumentError: Its file is gone, or what it holds cannot be decoded.
            UsageError: The library that it needs is not installed.
        """
        value = super().__getitem__(name)
        return self._loaded(name, value) if is_reference(value) else value

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401

    def content(self, name: str) -> tuple[str, bytes]:
        """The suffix and the bytes of what a reference stands for, without decoding them.

        Raises:
            DocumentError: They are gone, or not base64.
        """
        path = super().__getitem__(name)["path"]
        try:
            if path is not None:
                return Path(path).suffix, Path(path).read_bytes()
            return self._payloads[name].suffix, self._payloads[name].content()
        except KeyError:
            raise DocumentError(
                f"The data of scrap {name!r} is not kept with this result",
                hint="collect_outputs reads it from the executed notebook.",
            ) from None
        except OSError as error:
            raise DocumentError(
                f"The data of scrap {name!r}, {path}, cannot be read: {error.strerror}",
                hint="collect_outputs reads it from the executed notebook.",
                path=path,
            ) from error
        except ValueError as error:
            raise _undecodable(name, error) from error

    def hold(self, payloads: Mapping[str, Payload]) -> None:
        """Keep what references without a path stand for, in memory."""
        self._payloads.update(payloads)

    def _loaded(self, name: str, reference: dict[str, Any]) -> Any:
        suffix, content = self.content(name)
        try:
            return _decoded(suffix, content)
        except UsageError:
            raise
        # whatever pyarrow, pandas and numpy make of bytes that are none of theirs
        except Exception as error:
            raise _undecodable(name, error) from error

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, handler(dict[str, Any]))


def is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == _KEYS


def described(reference: Mapping[str, Any], limit: int) -> str:
    """A reference in a line of at most ``limit`` characters, its path first, as that is of use."""
    shape = reference["shape"]
    size = f" {' × '.join(map(str, shape))}" if shape else ""
    place = f" in {reference['path']}" if reference["path"] else ""
    return one_line(f"{reference['$scrap']}{size}{place}: {reference['preview']}", limit)


def tables_module(name: str) -> Any:
    """Import a library of the extra ``tables``.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            f"{error}, which is needed here",
            hint="pip install 'notebook_executor[tables]'",
            extra="tables",
        ) from error


def _undecodable(name: str, error: Exception) -> DocumentError:
    problem = one_line(str(error), 200)
    return DocumentError(f"The data of scrap {name!r} cannot be decoded: {problem}")


def _decoded(suffix: str, content: bytes) -> Any:
    if suffix == ".parquet":
        return _from_parquet(content)
    if suffix == ".arrow":
        return _from_arrow(content)
    if suffix == ".npy":
        return tables_module("numpy").load(BytesIO(content), allow_pickle=False)
    return content if suffix in _IMAGES else json.loads(content)


def _from_parquet(content: bytes) -> Any:
    """What ``pandas.read_parquet`` makes of it, which for a small table takes three times as long.

    It looks for partitions in folders, and starts threads.
    """
    tables_module("pandas")
    threads = len(content) > _WORTH_THREADS
    source = tables_module("pyarrow").BufferReader(content)
    table = tables_module("pyarrow.parquet").ParquetFile(source).read(use_threads=threads)
    frame = table.to_pandas(use_threads=threads)
    frame.attrs = json.loads((table.schema.metadata or {}).get(b"PANDAS_ATTRS", b"{}"))
    return frame


def _from_arrow(content: bytes) -> Any:
    """A table in one of Arrow's two forms: a file, which has a magic number, or a stream."""
    ipc = tables_module("pyarrow.ipc")
    opened = ipc.open_file if content.startswith(b"ARROW1") else ipc.open_stream
    return opened(content).read_pandas()
