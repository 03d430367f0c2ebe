"""git's filter protocol, spoken to us as git speaks it and as it never would."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.stripping import clean_data
from notebook_executor.errors import DocumentError
from notebook_executor.git.filtering import ProtocolError, serve

GREETING = ["git-filter-client\n", "version=2\n", None]
OFFER = ["capability=clean\n", "capability=smudge\n", "capability=delay\n", None]


def packets(*words: str | bytes | None) -> bytes:
    """The words in packets; None is a flush."""
    sent = b""
    for word in words:
        data = word.encode() if isinstance(word, str) else word
        sent += b"0000" if data is None else b"%04x" % (len(data) + 4) + data
    return sent


def unpacked(data: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    while data:
        size = int(data[:4], 16)
        found.append(data[4:size] if size else None)
        data = data[max(size, 4) :]
    return found


def ignore(text: str) -> None:
    pass


def clean(data: bytes, name: str) -> bytes:
    if data == b"bad":
        raise DocumentError(f"{name} is bad")
    return data.upper()


def answers(*requests: str | bytes | None) -> tuple[list[bytes | None], list[str]]:
    """What is answered after the hand shake, and what was told of files that were refused."""
    given, said = io.BytesIO(packets(*GREETING, *OFFER, *requests)), io.BytesIO()
    told: list[str] = []
    serve(given, said, clean, told.append)
    shake, rest = unpacked(said.getvalue())[:6], unpacked(said.getvalue())[6:]
    assert shake == [
        *(b"git-filter-server\n", b"version=2\n", None),
        *(b"capability=clean\n", b"capability=smudge\n", None),
    ]
    return rest, told


def request(command: str, path: str, *content: bytes) -> list[str | bytes | None]:
    return [f"command={command}\n", f"pathname={path}\n", None, *content, None]


SUCCESS = [b"status=success\n", None]


def test_one_process_serves_many_files() -> None:
    asked = [
        *request("clean", "a=b c.ipynb", b"one ", b"file"),
        *request("smudge", "x.ipynb", b"as it is"),
        *request("clean", "empty.ipynb"),
    ]
    rest, told = answers(*asked)
    assert rest == [
        *(*SUCCESS, b"ONE FILE", None, None),
        *(*SUCCESS, b"as it is", None, None),
        *(*SUCCESS, None, None),
    ]
    assert told == []


def test_a_file_that_is_refused_does_not_end_the_others() -> None:
    rest, told = answers(*request("clean", "x", b"bad"), *request("clean", "y", b"good"))
    assert rest == [b"status=error\n", None, *SUCCESS, b"GOOD", None, None]
    assert told == ["x is bad"]


@given(size=st.integers(min_value=0, max_value=300_000), cut=st.integers(1, 65_516))
def test_contents_of_any_size_arrive(size: int, cut: int) -> None:
    content = b"x" * size
    pieces = [content[at : at + cut] for at in range(0, size, cut)][:2000]
    rest, _ = answers(*request("clean", "a", *pieces))
    assert b"".join(part for part in rest[2:] if part) == b"".join(pieces).upper()
    assert all(len(part) <= 65_516 for part in rest if part)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello",
        packets("git-filter-client\n", "version=1\n", None),
        packets(*GREETING, *OFFER, "command=clean\n", None)[:-2],
        packets(*GREETING, *OFFER, "command=clean\n", None, b"half")[:-2],
        packets(*GREETING, *OFFER) + b"0003",
        packets(*GREETING, *OFFER) + b"zzzz",
    ],
)
def test_what_is_not_git_is_refused(said: bytes) -> None:
    with pytest.raises(ProtocolError):
        serve(io.BytesIO(said), io.BytesIO(), clean, ignore)


def test_a_command_that_was_not_offered_fails() -> None:
    rest, told = answers(*request("list_available_blobs", "x"))
    assert rest == [b"status=error\n", None]
    assert "list_available_blobs" in told[0]


@pytest.mark.parametrize(
    ("data", "warned"),
    [
        (b"", False),
        (b" \n", False),
        (b'<<<<<<< ours\n{"outputs": [1]}\n=======\n>>>>>>> theirs\n', True),
        (b'{"cells": [{"outputs": [', True),
        (b"\xff\xfe", True),
        (b'{"any": "object"}', True),
    ],
)
def test_git_goes_on_with_what_is_no_notebook(data: bytes, warned: bool) -> None:
    told: list[str] = []
    assert clean_data(data, "a.ipynb", told.append) == data
    assert bool(told) is warned
    assert all(text.startswith("a.ipynb") for text in told)


def test_json_with_outputs_that_cannot_be_taken_out_is_refused() -> None:
    data = b'{"cells": [{"outputs": ["secret"]}], "nbformat": 4}'
    with pytest.raises(DocumentError):
        clean_data(data, "a.ipynb", ignore)
