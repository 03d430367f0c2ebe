"""Entries from files, and mistakes with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.schedule.loading import Loaded, find_files, load_entries

ENTRY = "name: {}\nschedule: '0 6 * * *'\npath: a.ipynb\n"


def _load(tmp_path: Path, text: str | bytes) -> Loaded:
    file = tmp_path / "a.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_entries([file])


def _told(loaded: Loaded) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.message) for problem in loaded.problems]


def test_a_file_holds_one_entry_or_lists_in_several_documents(tmp_path: Path) -> None:
    one = ENTRY.format("a")
    several = "---\n".join(
        [
            one,
            "- {name: b, schedule: every 2h, path: b}\n- {name: c, schedule: '@daily', path: c}\n",
        ]
    )
    assert [entry.name for entry in _load(tmp_path, one).entries] == ["a"]
    assert [entry.name for entry in _load(tmp_path, several).entries] == ["a", "b", "c"]
    assert _load(tmp_path, "").entries == _load(tmp_path, "# nothing\n---\n").entries == ()


def test_folders_are_searched_for_files_that_are_not_hidden(tmp_path: Path) -> None:
    for number, name in enumerate(
        ["b.yaml", "a.yml", "deep/c.json", ".hid/d.yaml", ".e.yaml", "f"]
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'{{"name": "e{number}", "schedule": "every 1h", "path": "x"}}')

    loaded = load_entries([tmp_path, tmp_path / "b.yaml", tmp_path / "f"])

    assert [entry.name for entry in loaded.entries] == ["e1", "e0", "e2", "e5"]
    assert loaded.files == tuple(map(str, find_files([tmp_path, tmp_path / "f"])))
    with pytest.raises(UsageError, match="There is no"):
        load_entries([tmp_path / "missing"])


def test_words_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        ENTRY.format("a")
        + "notify: [{on: [failure], command: x}]\n"
        + "parameters: {a: yes, b: 2026-01-01, c: 12:30, d: 012, e: 1e3, f: ~, g: 'true', h: on}\n",
    )
    assert loaded.problems == ()
    assert loaded.entries[0].parameters == {
        **{"a": "yes", "b": "2026-01-01", "c": "12:30", "d": 12},
        **{"e": 1000.0, "f": None, "g": "true", "h": "on"},
    }


def test_entries_share_by_anchor_and_merge(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        "- &first\n  name: a\n  schedule: every 1h\n  path: x.ipynb\n  timeout: 10s\n"
        "- {<<: *first, name: b}\n",
    )
    assert loaded.problems == ()
    assert [(entry.name, entry.timeout) for entry in loaded.entries] == [("a", 10), ("b", 10)]


def test_each_mistake_has_its_line_and_column_and_keeps_only_its_entry_out(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        """\
- name: bad
  cron: "0 6 * * *"
  path: x.ipynb
  commit: {enabled: maybe, brnch: x}
  timeout: [1]
  retries:
    on: [kernel_dead]
  notify:
    - {on: [], command: x}
    - on: failure
      webhook: {url: ftp://x, header: {}}
- name: good
  schedule: every 2h
  path: x.ipynb
- 7
- {name: good, schedule: "@daily", path: y}
""",
    )
    assert [entry.name for entry in loaded.entries] == ["good"]
    told = _told(loaded)
    assert [(line, column, text.split(",")[0]) for line, column, text in told] == [
        (1, 3, "schedule is missing"),
        (2, 3, "there is no field 'cron'"),
        (4, 21, "commit.enabled must be true or false"),
        (4, 28, "there is no field 'brnch'"),
        (5, 12, "timeout must be a number of seconds"),
        (7, 10, "retries.on.0 must be 'cell_error'"),
        (9, 12, "notify.0.on must not be empty"),
        (10, 11, "notify.1.on must be a list"),
        (11, 22, "notify.1.webhook.url must begin with http:// or https://"),
        (11, 31, "there is no field 'header'"),
        (15, 3, "an entry is a mapping"),
        (16, 10, "the name good is taken"),
    ]
    hints = [problem.hint for problem in loaded.problems if problem.hint.startswith("Did")]
    assert hints == [f"Did you mean {name}?" for name in ("schedule", "branch", "headers")]
    assert {problem.entry for problem in loaded.problems} == {"bad", None, "good"}


@pytest.mark.parametrize(
    ("text", "line", "column", "told"),
    [
        ("a: 1\nb: [1, 2", 3, 1, "did not find expected"),
        ("a: 1\na: 2\n", 2, 1, "'a' is there twice"),
        ("1: 2", 1, 1, "a key is not a text"),
        ("a: !!python/object:os.system x", 1, 4, "!!python/object:os.system means nothing"),
        ("a: *b", 1, 4, "no anchor &b"),
        ("a: &a [*a]", 1, 8, "no anchor &a"),
        ("a: \x07", 1, 4, "control characters"),
        (b"a: b\nc: \xff", 2, 4, "not UTF-8"),
        ("[" * 100_000, 1, 52, "nested more than 50 deep"),
        ("- " * 50_000, 1, 103, "nested more than 50 deep"),
        ("a: " + "9" * 5000, 1, 4, "4300 digits"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
                for old, new in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            7,
            8,
            "more than 2,000,000 values",
        ),
    ],
)
def test_what_is_not_yaml_is_one_problem_of_the_file(
    tmp_path: Path, text: str | bytes, line: int, column: int, told: str
) -> None:
    loaded = _load(tmp_path, text)
    (problem,) = loaded.problems
    assert loaded.entries == ()
    assert (problem.line, problem.column) == (line, column)
    assert told in problem.message
    assert str(problem).startswith(f"{tmp_path / 'a.yaml'}:{line}:{column}: ")


def test_an_entry_is_found_by_name_or_told_why_not(tmp_path: Path) -> None:
    loaded = _load(tmp_path, ENTRY.format("alpha") + "---\n" + ENTRY.format("beta") + "x: 1\n")
    assert loaded.entry("alpha").name == "alpha"
    assert loaded.source("alpha").find("path") == (3, 7)
    with pytest.raises(UsageError, match="there is no field 'x'"):
        loaded.entry("beta")
    with pytest.raises(UsageError, match="Did you mean alpha"):
        loaded.entry("alpa")
