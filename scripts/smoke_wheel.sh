#!/usr/bin/env bash
# Builds the wheel and tries it from outside the checkout, in an environment that holds nothing but
# it. Third-party libraries come from .venv, which scripts/app.sh made.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
dev=$root/.venv/bin/python
away=$(mktemp -d)
away=$(cd -- "$away" && pwd -P)
trap 'rm -rf -- "$away"' EXIT
unset PYTHONPATH PYTHONHOME
export JUPYTER_CONFIG_DIR=$away/jupyter/config JUPYTER_DATA_DIR=$away/jupyter/data
export JUPYTER_RUNTIME_DIR=$away/jupyter/runtime IPYTHONDIR=$away/ipython

purelib() { "$1" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

"$dev" -m build --wheel --no-isolation --outdir "$away/dist" "$root" >"$away/build.log" 2>&1 || {
    cat "$away/build.log" >&2
    exit 1
}
"$dev" -m venv "$away/venv"
python=$away/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps "$away/dist/"*.whl
# Only after the installation: pip would take the editable one for it. A directory that a .pth file
# adds has its own .pth files ignored, so that the editable installation is not importable here.
purelib "$dev" >"$(purelib "$python")/third_party.pth"

test -f "$away/venv/etc/jupyter/jupyter_server_config.d/notebook_executor.json"

mkdir "$away/work"
cd -- "$away/work"
"$python" - "$away/venv" <<'PYTHON'
import sys
from importlib import metadata, resources
from pathlib import Path

import hermes_runtime
import notebook_executor

environment = Path(sys.argv[1])
for package in (notebook_executor, hermes_runtime):
    assert Path(package.__file__).is_relative_to(environment), package.__file__
    assert resources.files(package).joinpath("py.typed").is_file(), package
files = {path.parts[0] for path in metadata.files("notebook_executor")}
packages = {name for name in files if not name.endswith(".dist-info")}
assert packages == {"notebook_executor", "hermes_runtime", ".."}, packages

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

cells = [new_code_cell("x = 1", metadata={"tags": ["parameters"]}), new_code_cell("print(x * 21)")]
kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), "times.ipynb")
PYTHON

expect_42() {
    "$python" - "$1" <<'PYTHON'
import sys

import nbformat

(printed,) = nbformat.read(sys.argv[1], as_version=4).cells[-1].outputs
assert printed.text == "42\n", printed
PYTHON
}

"$away/venv/bin/nbx" --help >/dev/null
"$away/venv/bin/nbx" run times.ipynb by_nbx.ipynb -p x 2
expect_42 by_nbx.ipynb
"$python" -m papermill --engine notebook_executor --no-progress-bar \
    times.ipynb by_papermill.ipynb -p x 2
expect_42 by_papermill.ipynb
printf 'the installed wheel works: %s\n' "$(basename -- "$away/dist/"*.whl)"
