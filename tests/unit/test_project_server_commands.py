"""Which command lines are Jupyter servers."""

from __future__ import annotations

import shlex

import pytest

from notebook_executor.lifecycle.project.server_commands import is_server_command


@pytest.mark.parametrize(
    "line",
    [
        "/p/.venv/bin/python /p/.venv/bin/jupyter-lab --no-browser --port=8890",
        "/usr/bin/python3.11 -m jupyterlab --ServerApp.port_retries=0",
        "/p/bin/python3 -I -W ignore -X utf8 -m jupyter_server",
        "python -Im notebook",
        "python -P -m jupyterlab --ServerApp.port=8888",
        "python -Wignore::DeprecationWarning -Xfrozen_modules=off -m jupyterlab",
        "python -m jupyterlab.labapp /p/notebooks",
        "pypy3 /usr/bin/jupyter-notebook",
        "/usr/bin/jupyter-lab",
        "python -m jupyterlab --no-browser stop",
        "python3.13t /x/jupyterhub-singleuser --port=0",
        "python '/a b/bin/jupyter-server'",
    ],
)
def test_a_server(line: str) -> None:
    assert is_server_command(shlex.split(line))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "python",
        "python -",
        "python - jupyter-lab",
        "python -m",
        "python -W ignore",
        "bash -c 'jupyter-lab --no-browser'",
        "sh -c jupyter-lab",
        "python -c 'import jupyterlab' jupyter-lab",
        "python -Ic pass jupyter-lab",
        "python -m jupyterlab list",
        "python /p/bin/jupyter-lab build --dev-build=False",
        "python /p/bin/jupyter-server --version",
        "python -m jupyterlab --help",
        "python -m ipykernel_launcher -f /p/.jupyter_runtime/kernel-1.json",
        "python -m pytest jupyter-lab",
        "python jupyterlab",
        "grep jupyter-lab",
        "vim /usr/bin/jupyter-lab",
        "nbx hub list",
    ],
)
def test_no_server(line: str) -> None:
    assert not is_server_command(shlex.split(line))
