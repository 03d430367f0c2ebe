"""References: loaded when asked for by name, and plain JSON otherwise."""

from __future__ import annotations

import copy
import io
import json
import pickle
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import BaseModel

from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.references import Payload, Scraps, described

FRAME = pd.DataFrame({"host": ["a", "b"], "load": [0.5, None]}, index=[3, 9])


def reference(kind: str = "dataframe", path: str | None = None) -> dict[str, Any]:
    return {"$scrap": kind, "path": path, "shape": [2, 2], "preview": "host load"}


def encoded(suffix: str, content: bytes) -> Payload:
    return Payload(suffix, b64encode(content).decode())


def parquet() -> bytes:
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer)
    return buffer.getvalue()


def arrow(make: Any) -> bytes:
    buffer = io.BytesIO()
    table = pa.Table.from_pandas(FRAME)
    with make(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "payload",
    [
        encoded(".parquet", parquet()),
        encoded(".arrow", arrow(pa.ipc.new_stream)),
        encoded(".arrow", arrow(pa.ipc.new_file)),
    ],
    ids=["parquet", "arrow stream", "arrow file"],
)
def test_a_table_is_loaded_as_a_data_frame(payload: Payload, tmp_path: Path) -> None:
    path = tmp_path / f"t{payload.suffix}"
    path.write_bytes(payload.content())
    scraps = Scraps({"held": reference(), "kept": reference(path=str(path))}, {"held": payload})

    pd.testing.assert_frame_equal(scraps["held"], FRAME)
    pd.testing.assert_frame_equal(scraps["kept"], FRAME)


def test_a_table_is_what_pandas_reads() -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "whole": pd.array([1, None], dtype="Int64"),
            "kind": pd.Categorical(["x", "y"]),
            "zoned": pd.to_datetime(["2026-01-01", "NaT"]).tz_localize("Europe/Berlin"),
            "lists": [[1], [2, 3]],
        },
        index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["host", None]),
    )
    frame.attrs = {"source": "fleet"}
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    content = buffer.getvalue()
    expected = pd.read_parquet(io.BytesIO(content))

    loaded = Scraps({"t": reference()}, {"t": encoded(".parquet", content)})["t"]

    pd.testing.assert_frame_equal(loaded, expected)
    assert loaded.attrs == expected.attrs == {"source": "fleet"}


def test_arrays_images_and_displays_are_loaded() -> None:
    scraps = Scraps(
        {name: reference(name) for name in ("array", "image", "display")},
        {
            "array": encoded(".npy", npy(np.arange(6).reshape(2, 3))),
            "image": encoded(".png", b"\x89PNG"),
            "display": Payload(".json", '{"text/html": "<b>ä</b>"}', base64=False),
        },
    )

    assert scraps["array"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert scraps["image"] == b"\x89PNG"
    assert scraps.get("display") == {"text/html": "<b>ä</b>"}
    assert scraps.get("missing", 7) == 7
    with pytest.raises(KeyError):
        scraps["missing"]


def test_everything_but_asking_by_name_sees_json() -> None:
    values = {"score": 0.5, "table": reference()}
    scraps = Scraps(values, {"table": encoded(".parquet", b"")})

    assert scraps == values
    assert dict(scraps.items()) == dict(scraps) == values
    assert list(scraps.values()) == list(values.values())
    assert json.loads(json.dumps(scraps)) == values


def test_scraps_survive_copies_pickles_and_models() -> None:
    class Holder(BaseModel):
        scraps: Scraps

    scraps = Scraps({"t": reference()}, {"t": encoded(".parquet", parquet())})

    for twin in (copy.copy(scraps), copy.deepcopy(scraps), pickle.loads(pickle.dumps(scraps))):
        pd.testing.assert_frame_equal(twin["t"], FRAME)
    held = Holder.model_validate_json('{"scraps": {"a": 1}}')
    assert isinstance(held.scraps, Scraps)
    assert Holder(scraps=scraps).model_dump() == {"scraps": {"t": reference()}}


def test_a_value_that_looks_a_little_like_a_reference_is_a_value() -> None:
    value = {"$scrap": "dataframe", "path": "/dev/null"}

    assert Scraps({"x": value})["x"] == value


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    scraps = Scraps({"t": reference(path=str(tmp_path / "t.parquet")), "n": reference()})

    with pytest.raises(DocumentError, match=r"scrap 't', .*t\.parquet, cannot be read: No such"):
        scraps["t"]
    with pytest.raises(DocumentError, match=r"scrap 'n' is not kept .*collect_outputs reads it"):
        scraps["n"]


@pytest.mark.parametrize(
    "payload",
    [
        encoded(".parquet", b"PAR1 oops"),
        encoded(".arrow", b"oops"),
        encoded(".npy", b"oops"),
        encoded(".npy", b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, "
                b"'shape': (1,), }".ljust(117) + b"\n" + pickle.dumps(["code"])),
        Payload(".png", "ä"),
        Payload(".json", "{", base64=False),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_told(payload: Payload) -> None:
    with pytest.raises(DocumentError, match="The data of scrap 'x' cannot be decoded: "):
        Scraps({"x": reference()}, {"x": payload})["x"]


@pytest.mark.parametrize(
    ("module", "suffix"), [("pandas", ".parquet"), ("numpy", ".npy"), ("pyarrow", ".arrow")]
)
def test_a_missing_library_is_named_with_its_extra(
    module: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(UsageError, match=rf"{module}.*notebook_executor\[tables\]") as caught:
        Scraps({"x": reference()}, {"x": encoded(suffix, b"")})["x"]
    assert caught.value.details == {"extra": "tables"}


def test_a_reference_is_described_in_a_line() -> None:
    assert described(reference(path="/a/t.parquet"), 200) == (
        "dataframe 2 × 2 in /a/t.parquet: host load"
    )
    assert len(described({**reference(), "preview": "x" * 500}, 50)) == 50
