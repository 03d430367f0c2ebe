"""Which command launches a kernel: kernelspecs as Jupyter reads them, ours where there is none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.kernelspecs import LaunchSpec, find_launch_spec

_ARGV = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class Install(Protocol):
    def __call__(self, name: str, spec: Any) -> Path: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a kernelspec for this test alone; a str is the file as it is."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def write(name: str, spec: Any) -> Path:
        directory = tmp_path / "kernels" / name
        directory.mkdir(parents=True)
        text = spec if isinstance(spec, str) else json.dumps(spec)
        (directory / "kernel.json").write_text(text)
        return directory

    return write


def _spec(**fields: Any) -> dict[str, Any]:
    return {"argv": _ARGV, "display_name": "X", "language": "python", **fields}


def test_python_in_a_kernelspec_is_this_interpreter(install: Install) -> None:
    for number, python in enumerate(["python", "python3"]):
        install(f"k{number}", _spec(argv=[python, *_ARGV[1:]]))
        found = find_launch_spec(f"k{number}", language="")
        assert found.argv == (sys.executable, *_ARGV[1:])
        assert found.is_ipykernel
        assert found.executable == sys.executable
    install("other", _spec(argv=["/opt/python", "-m", "mine", "{connection_file}"]))
    assert find_launch_spec("other", language="").argv[0] == "/opt/python"
    assert not find_launch_spec("other", language="").is_ipykernel


@pytest.mark.parametrize(
    ("variable", "folder"),
    [("IPYTHONDIR", ""), ("HOME", ".ipython"), ("XDG_CONFIG_HOME", "ipython")],
)
def test_kernelspecs_in_ipythons_folder_are_found(
    variable: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv(variable, str(tmp_path / "place"))
    directory = tmp_path / "place" / folder / "kernels" / "hidden"
    directory.mkdir(parents=True)
    (directory / "kernel.json").write_text(json.dumps(_spec()))

    assert find_launch_spec("hidden", language="").resource_dir == str(directory)


def test_looking_for_a_kernelspec_makes_no_folder_of_ipython(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert find_launch_spec("python3", language="python").is_ipykernel
    assert not (tmp_path / ".ipython").exists()


def test_placeholders_are_filled_in_as_jupyter_does(install: Install) -> None:
    argv = ["run", "{connection_file}", "{resource_dir}/x", "{prefix}", "{unknown}", "{}", "~/y"]
    directory = install("k", _spec(argv=argv, env={"A": "${HOME}/a:$A", "B": "${NOT_SET}"}))

    found = find_launch_spec("k", language="")

    connection = Path("/tmp/{prefix}/connection.json")
    assert found.command(connection, ("--extra={connection_file}",)) == [
        "run",
        str(connection),
        f"{directory}/x",
        sys.prefix,
        "{unknown}",
        "{}",
        str(Path("~/y").expanduser()),
        f"--extra={connection}",
    ]
    base = {"HOME": "/h", "A": "before"}
    assert found.environment(base) == {"HOME": "/h", "A": "/h/a:before", "B": "${NOT_SET}"}
    assert base == {"HOME": "/h", "A": "before"}


def test_what_was_asked_for_goes_before_what_the_notebook_wants(install: Install) -> None:
    install("asked", _spec())
    install("wanted", _spec(interrupt_mode="message", language="Foo"))

    assert find_launch_spec("asked", wanted="wanted", language="foo").name == "asked"
    wanted = find_launch_spec(None, wanted="wanted", language="foo")
    assert (wanted.name, wanted.language, wanted.interrupt_mode) == ("wanted", "foo", "message")
    by_path = find_launch_spec("asked", python=sys.executable, wanted="wanted", language="foo")
    assert by_path.argv == (sys.executable, *_ARGV[1:])


def test_a_virtual_environments_interpreter_is_not_resolved(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)

    assert find_launch_spec(None, python=str(link), language="").executable == str(link)


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("conda-env-x-py", "python"), ("my-python-3", ""), (None, ""), (None, "python")],
)
def test_this_interpreter_stands_in_for_python(
    install: Install, wanted: str | None, language: str
) -> None:
    found = find_launch_spec(None, wanted=wanted, language=language)

    assert found.is_ipykernel
    assert found.executable == sys.executable
    assert bool(found.warning) == (wanted is not None)
    assert wanted is None or wanted in found.warning


@pytest.mark.parametrize(
    ("asked", "wanted", "language", "named"),
    [
        ("pyhton3", None, "", "'pyhton3'"),
        ("nosuch", None, "python", "'nosuch'"),
        (None, "ir", "r", "'ir'"),
        (None, "deno", "", "'deno'"),
        (None, None, "julia", "julia"),
        ("../../etc", None, "", "etc"),
        ("", "ir", "r", "ir"),
        ("white space", None, "", "white space"),
    ],
)
def test_nothing_stands_in_for_what_was_asked_or_another_language(
    install: Install, asked: str | None, wanted: str | None, language: str, named: str
) -> None:
    with pytest.raises(KernelStartError) as caught:
        find_launch_spec(asked, wanted=wanted, language=language)

    assert named in caught.value.message
    assert "Installed are: " in caught.value.hint


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "{not json",
        "[]",
        _spec(argv=[]),
        _spec(argv="python -m ipykernel_launcher"),
        _spec(argv=["python", 5]),
        _spec(env={"A": 1}),
        _spec(env=["A=1"]),
        _spec(interrupt_mode="telepathy"),
        _spec(language=5),
        {},
    ],
    ids=lambda spec: str(spec)[:40],
)
def test_a_kernelspec_that_is_broken_is_a_typed_error(install: Install, spec: Any) -> None:
    install("broken", spec)

    with pytest.raises(KernelStartError, match="broken"):
        _launched(find_launch_spec("broken", language=""))


def _launched(found: LaunchSpec) -> None:
    """What a launch asks of it."""
    found.command(Path("/tmp/connection.json"))
    found.environment({})


def test_a_broken_kernelspec_does_not_hide_the_others(install: Install) -> None:
    install("broken", "{not json")
    install("fine", _spec())

    assert find_launch_spec("fine", language="").name == "fine"
    with pytest.raises(KernelStartError, match="finne") as caught:
        find_launch_spec("finne", language="")
    assert "'fine'" in caught.value.hint
