"""Shapes, told from the first bytes of files that others made."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from PIL import Image

from notebook_executor.scraps.shapes import image_shape, parquet_shape


@pytest.mark.parametrize("form", ["PNG", "GIF", "JPEG"])
@pytest.mark.parametrize("size", [(30, 20), (1, 1), (1000, 3)])
def test_images(form: str, size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, form)
    content = buffer.getvalue()

    assert image_shape(content) == [size[1], size[0]]
    for end in range(0, 24):
        assert image_shape(content[:end]) in (None, [size[1], size[0]])


def test_a_progressive_jpeg_with_a_profile() -> None:
    buffer = io.BytesIO()
    Image.new("L", (7, 5)).save(buffer, "JPEG", progressive=True, icc_profile=b"x" * 300)

    assert image_shape(buffer.getvalue()) == [5, 7]


def test_other_bytes_have_no_shape() -> None:
    assert image_shape(b"") is image_shape(b"RIFF") is image_shape(b"\xff\xd8\xff\xff") is None
    assert parquet_shape(b"PAR1") is None


@pytest.mark.parametrize("index", [None, [5, 6], ["x", "y"]])
def test_a_table_s_index_is_no_column(index: list[object] | None) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=index)
    buffer = io.BytesIO()
    frame.to_parquet(buffer)

    assert parquet_shape(buffer.getvalue()) == ([2, 2], ["a", "b"])
