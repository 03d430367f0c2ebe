"""``nbx kernels``: what it writes, what Jupyter makes of it, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Nbx

_PROVISIONER = "notebook-executor-provisioner"
_BASH: dict[str, Any] = {
    "argv": ["python", "-m", "bash_kernel", "-f", "{connection_file}"],
    "display_name": "Bash",
    "language": "bash",
    "env": {"GREETING": "hello ${USERNAME_FOR_TEST}"},
    "interrupt_mode": "signal",
    "metadata": {"note": "kept"},
}


@pytest.fixture
def prefix(tmp_path: Path, environment: dict[str, str]) -> Path:
    made = tmp_path / "prefix"
    environment["JUPYTER_PATH"] = str(made / "share" / "jupyter")
    return made


def _place(prefix: Path, name: str) -> Path:
    return prefix / "share" / "jupyter" / "kernels" / name


def _write_spec(prefix: Path, name: str, spec: dict[str, Any]) -> Path:
    place = _place(prefix, name)
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec))
    return place


def _spec(prefix: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_place(prefix, name) / "kernel.json").read_text())
    return loaded


def _rows(listed: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    return {row["name"]: row for row in rows}


def test_python_by_default(nbx: Nbx, prefix: Path) -> None:
    done = nbx("kernels", "install", "--prefix", prefix)
    assert done.returncode == 0, done.stderr
    assert str(_place(prefix, "nbx-python3")) in done.stdout
    spec = _spec(prefix, "nbx-python3")
    assert spec["argv"][0] == sys.executable
    assert spec["metadata"]["kernel_provisioner"] == {
        "provisioner_name": _PROVISIONER,
        "config": {"transport": "ipc", "containment": "auto"},
    }
    assert list(_place(prefix, "nbx-python3").glob("logo-*"))
    # Nothing but the kernelspec is left of the installation.
    assert [path.name for path in (prefix / "share" / "jupyter").iterdir()] == ["kernels"]


def test_jupyter_itself_finds_it(nbx: Nbx, prefix: Path, environment: dict[str, str]) -> None:
    nbx("kernels", "install", "mine", "--prefix", prefix, "--display-name", "Mine — 我的")
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter_client.kernelspecapp", "list", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    spec = json.loads(listed.stdout)["kernelspecs"]["mine"]["spec"]
    assert spec["display_name"] == "Mine — 我的"


def test_another_kernel_is_wrapped_with_all_it_needs(nbx: Nbx, prefix: Path) -> None:
    source = _write_spec(prefix, "bash", _BASH)
    (source / "logo-64x64.png").write_bytes(b"logo")
    done = nbx(
        "kernels",
        "install",
        "contained-bash",
        "--of",
        "bash",
        "--prefix",
        prefix,
        "--transport",
        "tcp",
        "--containment",
        "namespace",
    )
    assert done.returncode == 0, done.stderr
    spec = _spec(prefix, "contained-bash")
    assert spec["argv"] == [sys.executable, *_BASH["argv"][1:]]
    assert spec["display_name"] == "Bash (contained)"
    for kept in ("language", "env", "interrupt_mode"):
        assert spec[kept] == _BASH[kept]
    assert spec["metadata"]["note"] == "kept"
    config = spec["metadata"]["kernel_provisioner"]["config"]
    assert config == {"transport": "tcp", "containment": "namespace"}
    assert (_place(prefix, "contained-bash") / "logo-64x64.png").read_bytes() == b"logo"
    assert _spec(prefix, "bash") == _BASH


def test_a_wrapped_kernel_of_another_language_runs(
    nbx: Nbx, prefix: Path, environment: dict[str, str]
) -> None:
    _write_spec(prefix, "bash", _BASH)
    nbx("kernels", "install", "contained-bash", "--of", "bash", "--prefix", prefix)
    script = """
import nbformat, nbclient
node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("echo $GREETING")])
nbclient.NotebookClient(node, kernel_name="contained-bash").execute()
print(node.cells[0].outputs[0].text)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "USERNAME_FOR_TEST": "you"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "hello you"


def test_ours_is_replaced_and_another_is_not(nbx: Nbx, prefix: Path) -> None:
    nbx("kernels", "install", "mine", "--prefix", prefix)
    again = nbx("kernels", "install", "mine", "--prefix", prefix, "--transport", "tcp")
    assert again.returncode == 0, again.stderr
    assert _spec(prefix, "mine")["metadata"]["kernel_provisioner"]["config"]["transport"] == "tcp"
    _write_spec(prefix, "bash", _BASH)
    refused = nbx("kernels", "install", "bash", "--prefix", prefix)
    assert refused.returncode == 2
    assert "another kernelspec" in refused.stderr
    assert _spec(prefix, "bash") == _BASH


def test_list_tells_ours_from_others(nbx: Nbx, prefix: Path) -> None:
    _write_spec(prefix, "bash", _BASH)
    nbx("kernels", "install", "--prefix", prefix)
    rows = _rows(nbx("kernels", "list", "--json"))
    assert rows["nbx-python3"]["ours"]
    assert rows["nbx-python3"]["transport"] == "ipc"
    assert rows["bash"] == {
        "name": "bash",
        "display_name": "Bash",
        "language": "bash",
        "directory": str(_place(prefix, "bash")),
        "ours": False,
        "transport": None,
        "containment": None,
    }
    table = nbx("kernels", "list").stdout
    assert "nbx-python3" in table
    assert "bash" in table


def test_remove_takes_ours_only(nbx: Nbx, prefix: Path) -> None:
    _write_spec(prefix, "bash", _BASH)
    nbx("kernels", "install", "--prefix", prefix)
    removed = nbx("kernels", "remove", "nbx-python3", "--json")
    assert json.loads(removed.stdout)["name"] == "nbx-python3"
    assert not _place(prefix, "nbx-python3").exists()
    for name in ("bash", "python3"):
        refused = nbx("kernels", "remove", name)
        assert refused.returncode == 2
        assert "not one of ours" in refused.stderr
    assert _spec(prefix, "bash") == _BASH


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("install", "--of", "pyton3"), "Did you mean 'python3'?"),
        (("install", "--of", ".."), "There is no kernel '..'"),
        (("install", "not a name"), "not a name for a kernelspec"),
        (("install", "../up"), "not a name for a kernelspec"),
        (("install", ".hidden"), "not a name for a kernelspec"),
        (("install", "--transport", "udp"), "'udp' is not one of"),
        (("remove", "pyton3"), "Did you mean 'python3'?"),
    ],
)
def test_what_is_refused(nbx: Nbx, prefix: Path, arguments: tuple[str, ...], told: str) -> None:
    where = ("--prefix", str(prefix)) if arguments[0] == "install" else ()
    done = nbx("kernels", *arguments, *where)
    assert done.returncode == 2
    assert told in done.stderr
    assert not prefix.exists()


def test_a_kernel_with_a_provisioner_of_its_own_is_not_wrapped(nbx: Nbx, prefix: Path) -> None:
    stanza = {"kernel_provisioner": {"provisioner_name": "local-provisioner"}}
    _write_spec(prefix, "other", {**_BASH, "metadata": stanza})
    done = nbx("kernels", "install", "--of", "other", "--prefix", prefix)
    assert done.returncode == 2
    assert "local-provisioner" in done.stderr


def test_a_kernelspec_that_cannot_be_read(nbx: Nbx, prefix: Path) -> None:
    place = _write_spec(prefix, "broken", {})
    (place / "kernel.json").write_text("{")
    done = nbx("kernels", "install", "--of", "broken", "--prefix", prefix)
    assert done.returncode == 2
    assert "'broken' cannot be read" in done.stderr
    assert nbx("kernels", "list", "--json").returncode == 0


def test_a_prefix_that_cannot_be_written(nbx: Nbx, prefix: Path) -> None:
    prefix.write_text("a file, not a folder")
    done = nbx("kernels", "install", "--prefix", prefix)
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    assert "prefix" in done.stderr


def test_a_place_that_jupyter_does_not_search_is_told(nbx: Nbx, tmp_path: Path) -> None:
    done = nbx("kernels", "install", "--prefix", tmp_path / "elsewhere")
    assert done.returncode == 0
    assert f"JUPYTER_PATH={tmp_path / 'elsewhere' / 'share' / 'jupyter'}" in done.stderr
