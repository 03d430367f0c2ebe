from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.errors import ReplayMismatchError, ToolDeniedError, ToolError, UsageError
from notebook_executor.tools.audit import CallFailure, FinishedCall
from notebook_executor.tools.matching import canonical, matches
from notebook_executor.tools.recording import Recorder, ToolRecording, ignored_of, read_recording
from notebook_executor.tools.redaction import REDACTED
from notebook_executor.tools.replaying import Replay


def described(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A tool as a catalogue describes it."""
    return {
        "name": name,
        "description": "Fetches.",
        "parameters": {"properties": properties},
        "source": "python",
    }


_OFFERED = [described("fetch", {"limit": {"default": 5}, "url": {}})]


def finished(tool: str, result: Any = None, *, at: int = 0, **more: Any) -> FinishedCall:
    arguments = more.pop("arguments", {})
    return FinishedCall(at=at, tool=tool, arguments=arguments, cell_id="c", result=result, **more)


def recorded(path: Path, *calls: FinishedCall, **ignore: list[str]) -> Path:
    recorder = Recorder(path, ignore)
    for one in calls:
        recorder(one)
    recorder.write(_OFFERED)
    return path


def replay(path: Path, **ignore: list[str]) -> Replay:
    return Replay(read_recording(path), path, ignore)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.tools.jsonl"


def test_a_call_is_answered_with_what_was_recorded(path: Path) -> None:
    recorded(path, finished("fetch", {"rows": [1, None, "é"]}, arguments={"url": "a"}))

    assert replay(path).answer("fetch", {"url": "a"}) == {"rows": [1, None, "é"]}


def test_equal_calls_are_answered_in_the_order_in_which_they_were_made(path: Path) -> None:
    late_but_first = [finished("fetch", "second", at=2), finished("fetch", "first", at=1)]
    player = replay(recorded(path, *late_but_first))

    assert [player.answer("fetch", {}), player.answer("fetch", {})] == ["first", "second"]
    with pytest.raises(ReplayMismatchError, match="recorded 2 times"):
        player.answer("fetch", {})


def test_recording_the_same_again_changes_no_byte(path: Path) -> None:
    before = recorded(path, finished("fetch", 1, at=1, arguments={"url": "a"})).read_bytes()

    assert recorded(path, finished("fetch", 1, at=9, arguments={"url": "a"})).read_bytes() == before


def test_failures_are_replayed_as_what_they_were(path: Path) -> None:
    failure = CallFailure(kind="error", message="no such page", hint="try another")
    denied = CallFailure(kind="denied", message="not allowed")
    recorded(path, finished("fetch", failure=failure), finished("terminal", failure=denied))
    player = replay(path)

    with pytest.raises(ToolError, match="no such page") as caught:
        player.answer("fetch", {})
    assert (type(caught.value), caught.value.hint) == (ToolError, "try another")
    with pytest.raises(ToolDeniedError, match="not allowed"):
        player.answer("terminal", {})


def test_saying_a_default_is_the_same_call(path: Path) -> None:
    recorded(path, finished("fetch", 1, arguments={"url": "a", "limit": 5, "proxy": None}))

    assert replay(path).answer("fetch", {"url": "a"}) == 1


def test_a_changed_call_names_the_nearest_one(path: Path) -> None:
    calls = [{"url": "page/1", "limit": 9}, {"url": "page/2", "limit": 7}]
    recorded(path, *(finished("fetch", number, arguments=one) for number, one in enumerate(calls)))

    with pytest.raises(ReplayMismatchError) as caught:
        replay(path).answer("fetch", {"url": "page/2", "limit": 8})

    assert "limit was 7 and is 8" in caught.value.message
    assert "url was" not in caught.value.message
    assert "a.tools.jsonl" in caught.value.message
    assert caught.value.details["nearest"] == {"tool": "fetch", "arguments": calls[1]}


def test_a_tool_that_was_never_called_is_named(path: Path) -> None:
    with pytest.raises(ReplayMismatchError, match=r"no call of search.*calls of: fetch"):
        replay(recorded(path, finished("fetch"))).answer("search", {"q": 1})
    with pytest.raises(ReplayMismatchError, match="calls of: none"):
        replay(recorded(path)).answer("fetch", {})


def test_long_arguments_are_named_briefly(path: Path) -> None:
    recorded(path, finished("fetch", arguments={"url": "a" * 100_000, "limit": 1}))

    with pytest.raises(ReplayMismatchError) as caught:
        replay(path).answer("fetch", {"url": "b" * 100_000, "limit": 1})

    assert len(caught.value.message) < 1_000


def test_ignored_arguments_do_not_count_and_are_not_recorded(path: Path) -> None:
    call = finished("fetch", 1, arguments={"url": "a", "now": "12:00"}, redacted=["arguments.now"])
    recorded(path, call, fetch=["now"])

    assert "12:00" not in path.read_text()
    assert read_recording(path).calls[0].redacted == ()
    assert replay(path).answer("fetch", {"url": "a", "now": "13:00"}) == 1


def test_what_is_ignored_stays_ignored_when_it_is_recorded_again(path: Path) -> None:
    recorded(path, fetch=["now"])
    recorded(path, finished("fetch", 1, arguments={"now": 1, "who": 2}), fetch=["who"])

    assert read_recording(path).header.ignore == {"fetch": ("now", "who")}
    assert read_recording(path).calls[0].arguments == {}


def test_arguments_can_be_ignored_when_replaying_alone(path: Path) -> None:
    recorded(path, finished("fetch", 1, arguments={"now": "12:00"}))

    assert replay(path, fetch=["now"]).answer("fetch", {"now": "13:00"}) == 1


def test_a_path_may_say_what_to_ignore(path: Path) -> None:
    given = ToolRecording(path, ignore={"fetch": ["now"]})

    assert Path(given) == path
    assert ignored_of(given) == {"fetch": ("now",)}
    assert ignored_of(str(path)) == {}
    with pytest.raises(UsageError, match=r"ignore=.*'fetch': \['now'\]"):
        ToolRecording(path, ignore={"fetch": "now"})


def test_redacted_parts_of_arguments_match_what_they_were_and_nothing_else(path: Path) -> None:
    header = {"headers": {"Authorization": f"Bearer {REDACTED}; v=1"}}
    recorded(path, finished("fetch", 1, arguments=header, redacted=["arguments.headers"]))

    with pytest.raises(ReplayMismatchError):
        replay(path).answer("fetch", {"headers": {"Authorization": "Basic x; v=1"}})
    given = {"headers": {"Authorization": "Bearer a.b\nc; v=1"}}
    assert replay(path).answer("fetch", given) == 1


def test_what_was_blanked_and_what_was_not_called_is_told(path: Path) -> None:
    recorded(
        path,
        finished("fetch", {"key": REDACTED}, redacted=["result.key", "arguments.x"]),
        finished("fetch", arguments={"url": "b"}),
        finished("fetch", arguments={"url": "c"}, redacted=["result"]),
    )
    player = replay(path)
    player.answer("fetch", {})

    assert player.blanked() == "Replayed results lacked what was redacted: fetch: result.key."
    assert player.unused() == "Recorded calls in a.tools.jsonl that were not made: fetch (2)."
    player.answer("fetch", {"url": "b"})
    player.answer("fetch", {"url": "c"})
    assert player.blanked().endswith("fetch: result, fetch: result.key.")
    assert player.unused() == ""


def test_the_tools_are_described_as_they_were(path: Path) -> None:
    described = replay(recorded(path)).describe()

    assert described == [{**_OFFERED[0], "source": "recording"}]


def test_each_recorded_call_answers_one_of_many_threads(path: Path) -> None:
    player = replay(recorded(path, *(finished("fetch", n, at=n) for n in range(64))))
    answers: list[int] = []

    def ask() -> None:
        answers.extend(player.answer("fetch", {}) for _ in range(8))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == list(range(64))


def test_text_that_breaks_lines_elsewhere_breaks_none_here(path: Path) -> None:
    text = "a\u2028b\u0085c\rd\ne\x0bf"
    recorded(path, finished("fetch", text, arguments={"url": text}))

    assert replay(path).answer("fetch", {"url": text}) == text


def test_a_mismatch_shows_no_secret(path: Path) -> None:
    recorder = Recorder(path)
    recorder(finished("login", arguments={"user": "ann", "pin": REDACTED}))
    recorder.write([described("login", {"user": {}, "pin": {"writeOnly": True}})])

    with pytest.raises(ReplayMismatchError) as caught:
        replay(path).answer("login", {"user": "bob", "pin": "hunter2"})

    assert 'user was "ann" and is "bob"' in caught.value.message
    assert "hunter2" not in caught.value.message
    assert replay(path).answer("login", {"user": "ann", "pin": "hunter2"}) is None


@pytest.mark.parametrize(
    ("lines", "place", "reason"),
    [
        (['{"tool": "a", "arguments": {}}'], "line 1", "nbx_tools"),
        (['{"nbx_tools": 2}'], "line 1", "Input should be 1"),
        (['{"nbx_tools": 1}', "{"], "line 2", "Expecting"),
        (['{"nbx_tools": 1}', "[]"], "line 2", "not a JSON object"),
        (['{"nbx_tools": 1}', "", '{"tool": "a"}'], "line 3", "arguments"),
        (['{"nbx_tools": 1}', '{"nbx_tools": 1}'], "line 2", "no other"),
        (['{"nbx_tools": 1}', '{"offers": 3}'], "line 2", "offers"),
        (['{"nbx_tools": 1}', "[" * 100_000], "line 2", "recursion"),
    ],
)
def test_a_damaged_recording_names_its_line(
    lines: list[str], place: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.tools.jsonl"
    path.write_text("\n".join(lines))

    with pytest.raises(UsageError) as caught:
        read_recording(path)

    assert place in caught.value.message
    assert reason in caught.value.message


def test_a_missing_unreadable_or_binary_recording_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    for name, reason in (("none", "no recording"), (".", "Is a directory"), ("binary", "UTF-8")):
        with pytest.raises(UsageError, match=reason):
            read_recording(tmp_path / name)


def test_what_is_no_recording_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("Chapter 1")

    with pytest.raises(UsageError, match="line 1"):
        Recorder(tmp_path / "thesis.txt")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _JSON))
def test_any_arguments_match_themselves_after_a_round_trip(arguments: dict[str, Any]) -> None:
    once = canonical(arguments, {})

    assert matches(once, canonical(json.loads(json.dumps(arguments)), {}))
    assert canonical(once, {}) == once


@pytest.mark.parametrize(("one", "other"), [(True, 1), ("1", 1), (0, False), ([], {}), (0, None)])
def test_values_of_different_types_are_different(one: Any, other: Any) -> None:
    assert not matches({"a": one}, {"a": other})


def test_whole_floats_are_integers() -> None:
    assert canonical({"n": 1.0, "deep": [{"m": 2.0}]}, {}) == {"n": 1, "deep": [{"m": 2}]}
    assert json.dumps(canonical({"n": 1.0}, {})) == '{"n": 1}'
