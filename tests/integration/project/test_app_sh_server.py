"""``scripts/app.sh`` copied into another project: its bootstrap, and its server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.project.serving import PATIENCE, ServedProject, served

_SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "app.sh"
_PYPROJECT = """
[project]
name = "fleet_demo"
dependencies = ["notebook_executor[server]"]

[tool.notebook_executor.project]
display-name = "Fleet demo"
notebooks = "work"
"""


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[ServedProject]:
    """Another project, with an environment that its app.sh takes for the one it would make."""
    with served(tmp_path / "fleet demo ü") as project:
        root = project.root
        (root / "scripts").mkdir()
        (root / "work").mkdir()
        shutil.copy(_SCRIPT, root / "scripts")
        (root / "pyproject.toml").write_text(_PYPROJECT)
        subprocess.run(["git", "init", "-q", str(root)], timeout=60, check=True)
        _make_environment(root)
        yield project


def _make_environment(root: Path) -> None:
    """With what this environment has: a real one takes a minute, and the network."""
    made = root / ".venv"
    options = ["--without-pip", str(made)]
    subprocess.run([sys.executable, "-m", "venv", *options], timeout=120, check=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    ours = sysconfig.get_path("purelib")
    line = f"import site; site.addsitedir({ours!r})\n"
    (made / "lib" / version / "site-packages" / "ours.pth").write_text(line)
    (made / "share" / "jupyter").mkdir(parents=True)
    lab = Path(sys.prefix, "share", "jupyter", "lab")
    (made / "share" / "jupyter" / "lab").symlink_to(lab)
    built_on = f"{sys.implementation.cache_tag} {sys.version.split()[0]} {str(root)!a}"
    files = [root / "pyproject.toml", root / "requirements-dev.txt", root / "scripts" / "app.sh"]
    content = b"\0".join(file.read_bytes() if file.is_file() else b"" for file in files)
    (made / "set-up.stamp").write_text(f"{built_on}\n{hashlib.sha256(content).hexdigest()}\n")


def _app(project: ServedProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project.root / "scripts" / "app.sh", *arguments],
        # Where the caller is does not matter.
        cwd="/",
        env={**os.environ, "PYTHON": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def _tree(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """All files of a project, but for what running Python leaves."""
    found = {}
    for path in sorted(root.rglob("*")):
        if "__pycache__" not in path.parts:
            status = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
            digest = hashlib.sha256(content).digest()
            found[str(path.relative_to(root))] = (status.st_mtime_ns, status.st_mode, digest)
    return found


def test_bootstrap_done_twice_changes_nothing(copied: ServedProject) -> None:
    first = _app(copied, "bootstrap")
    assert first.returncode == 0, first.stderr
    assert "registered the kernel fleet-demo" in first.stdout
    after = _tree(copied.root)

    second = _app(copied, "bootstrap")

    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines()[0] == "all is there"
    assert _tree(copied.root) == after
    _check_made(copied.root)


def _check_made(root: Path) -> None:
    spec = root / ".venv" / "share" / "jupyter" / "kernels" / "fleet-demo" / "kernel.json"
    kernel = json.loads(spec.read_bytes())
    assert kernel["display_name"] == "Python (Fleet demo)"
    assert kernel["argv"][0] == str(root / ".venv" / "bin" / "python")
    assert kernel["env"] == {
        "IPYTHONDIR": str(root / ".ipython"),
        "MPLCONFIGDIR": str(root / ".cache" / "matplotlib"),
    }
    assert (root / ".jupyter_runtime").stat().st_mode & 0o777 == 0o700
    clean = ["git", "-C", str(root), "config", "filter.nbstripout.clean"]
    assert subprocess.run(clean, capture_output=True, timeout=60, check=False).returncode == 0


def test_the_server_of_a_copied_script_is_that_projects(copied: ServedProject) -> None:
    assert _app(copied, "status").returncode == 3
    assert _app(copied, "bootstrap").returncode == 0

    started = _app(copied, "start", "--no-open")
    assert started.returncode == 0, started.stderr
    assert "the server of Fleet demo is ready" in started.stdout
    assert copied.token not in started.stdout, "nobody's terminal"

    specs = copied.ask("api/kernelspecs")
    assert specs["default"] == "fleet-demo"
    assert _app(copied, "status").returncode == 0
    assert "Serving notebooks" in _app(copied, "logs").stdout
    stopped = _app(copied, "stop")
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert not copied.pid_file.exists()


def test_without_an_environment_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = Path(shutil.copy(_SCRIPT, tmp_path / "scripts"))
    for action in ("stop", "status", "logs"):
        done = subprocess.run(
            [script, action], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.count("\n") == 1
        assert "scripts/app.sh bootstrap makes it" in done.stderr
