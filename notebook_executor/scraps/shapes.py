"""What a table or an image is like, from as little of its bytes as tells it."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

# Start-of-frame markers of JPEG (ITU-T T.81, table B.1); C4, C8 and CC mean something else.
_FRAMES = {0xC0 + number for number in range(16)} - {0xC4, 0xC8, 0xCC}


def image_shape(content: bytes) -> list[int] | None:
    """Height and width of a PNG, GIF or JPEG image."""
    if content.startswith(b"\x89PNG") and len(content) >= 24:
        return [int.from_bytes(content[20:24]), int.from_bytes(content[16:20])]
    if content.startswith(b"GIF8") and len(content) >= 10:
        return [int.from_bytes(content[8:10], "little"), int.from_bytes(content[6:8], "little")]
    return _jpeg_shape(content) if content.startswith(b"\xff\xd8") else None


def _jpeg_shape(content: bytes) -> list[int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _FRAMES:
            height, width = content[at + 5 : at + 7], content[at + 7 : at + 9]
            return [int.from_bytes(height), int.from_bytes(width)]
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def parquet_shape(content: bytes) -> tuple[list[int], list[str]] | None:
    """Rows and columns of a Parquet file, and the columns' names, the index left out.

    scrapbook does not say them beside the data, and only pyarrow can tell: None without it.
    """
    try:
        from pyarrow.parquet import read_metadata
    except ImportError:
        return None
    try:
        metadata = read_metadata(BytesIO(content))
        index = _index_columns(metadata.metadata or {})
        names = [name for name in metadata.schema.to_arrow_schema().names if name not in index]
    # pyarrow's own errors for what is not Parquet: loading it tells them
    except Exception:
        return None
    return [metadata.num_rows, len(names)], names


def _index_columns(metadata: dict[bytes, bytes]) -> set[Any]:
    found = json.loads(metadata.get(b"pandas", b"{}")).get("index_columns", [])
    return {name for name in found if isinstance(name, str)}
