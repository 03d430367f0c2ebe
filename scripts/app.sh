#!/usr/bin/env bash
# Runs a project's notebooks, tests and Jupyter server; sets its environment up if need be. Nothing
# in here is about this project: another one can copy the file, if it has a pyproject.toml and
# notebook_executor[server] among its dependencies.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamp=$venv/set-up.stamp
log=$root/.logs/set-up.log
pythons="python3 python3.14 python3.13 python3.12 python3.11 python"

usage() {
    cat <<'TEXT'
Usage: scripts/app.sh bootstrap
       scripts/app.sh start [--foreground] [--no-open] [--port PORT]
       scripts/app.sh stop | restart | status | logs [-f]
       scripts/app.sh run NOTEBOOK [argument of nbx run ...]
       scripts/app.sh test [argument of pytest ...]
TEXT
    [[ ! -d $root/tests/faults ]] || cat <<'TEXT'
       scripts/app.sh faults [--full [--warm] [--times N] [--soak N] | argument of pytest ...]
TEXT
    cat <<'TEXT'

  bootstrap  make the environment, the project's folders, its kernel and git's filter for notebooks
  start      have JupyterLab run in the background; what runs already is shown
  stop       end it, and all it has started
  status     what runs: exit code 0 a server, 3 none, 4 one that does not answer
  logs       the end of the server's log, with -f as it grows
  run        run a notebook; paths are relative to the current directory
  test       run the tests; paths are relative to the project
TEXT
    [[ ! -d $root/tests/faults ]] || cat <<'TEXT'
  faults     kill hosts, supervisors and kernels, once each; with --full again and again, in every
             tier and as every user, which takes hours and writes docs/faults.md
TEXT
    cat <<'TEXT'

All but stop, status and logs make the environment in .venv first if need be. PYTHON=... chooses
the interpreter for it.
TEXT
}

# Standard output belongs to the command that is run.
say() { printf 'app.sh: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 3
}

suits() { "$1" -I -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local candidate
    if [[ -n ${PYTHON:-} ]]; then
        suits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer with venv and pip"
        printf '%s\n' "$PYTHON"
        return
    fi
    # Without a stamp the environment is half made, or being made.
    if [[ -f $stamp ]] && suits "$venv/bin/python"; then
        printf '%s\n' "$venv/bin/python"
        return
    fi
    for candidate in $pythons; do
        if suits "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer with venv and pip is missing (tried: $pythons);" \
        "install it (on Debian with python3-venv) or name it with PYTHON=/path/to/python"
}

# First line: what the environment is built on, a change of which needs a new one. Second line: what
# is put into it.
fingerprint() {
    "$1" -I -S - "$root" pyproject.toml requirements-dev.txt scripts/app.sh <<'PYTHON'
import hashlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
print(sys.implementation.cache_tag, sys.version.split()[0], ascii(str(root)))
files = [root / name for name in sys.argv[2:]]
content = b"\0".join(file.read_bytes() if file.is_file() else b"" for file in files)
print(hashlib.sha256(content).hexdigest())
PYTHON
}

up_to_date() { [[ -f $stamp && $(<"$stamp") == "$1" ]]; }

# flock(1) is missing on macOS, flock(2) is not: the lock stays with our descriptor 9 when the
# Python that took it has ended, and goes when the last process that inherited it has.
lock() {
    mkdir -p "$root/.cache"
    exec 9>"$root/.cache/set-up.lock"
    "$1" -I -S - <<'PYTHON'
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("app.sh: waiting for another set-up to end", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
PYTHON
}

step() {
    local what=$1
    shift
    say "  $what"
    "$@" >>"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    fail "set-up failed while $what; the whole log is $log"
}

# What is locked, then the project; one that is no package is only what it depends on.
install_project() {
    local python=$1 locked=$root/requirements-dev.txt hashes="" package="" isolation="" named
    grep -q '^\[build-system\]' "$root/pyproject.toml" && package=yes
    set -- "$python" -I -m pip install --no-input --no-user --no-compile --disable-pip-version-check
    if [[ -f $locked ]]; then
        ! grep -q -e '--hash=' "$locked" || hashes=--require-hashes
        step "installing the dependencies" "$@" ${hashes:+"$hashes"} -r "$locked"
        [[ -n $package ]] || return 0
        ! has_build_backend "$python" || isolation=--no-build-isolation
        step "installing the project" "$@" --no-deps ${isolation:+"$isolation"} -e "$root"
    elif [[ -n $package ]]; then
        step "installing the project" "$@" -e "$root"
    else
        named=$root/.cache/dependencies.txt
        mkdir -p "${named%/*}"
        "$python" -I - "$root/pyproject.toml" >"$named" <<'PYTHON'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    print(*tomllib.load(file).get("project", {}).get("dependencies", []), sep="\n")
PYTHON
        step "installing the dependencies" "$@" -r "$named"
    fi
}

has_build_backend() {
    "$1" -I - "$root/pyproject.toml" <<'PYTHON'
import importlib.util, sys, tomllib
with open(sys.argv[1], "rb") as file:
    backend = tomllib.load(file)["build-system"].get("build-backend", "setuptools")
sys.exit(importlib.util.find_spec(backend.partition(".")[0]) is None)
PYTHON
}

require_lifecycle() {
    [[ -x $venv/bin/python ]] || fail "there is no $venv; scripts/app.sh bootstrap makes it"
    "$venv/bin/python" -P - <<'PYTHON' || fail "this project does not depend on notebook_executor[server]"
import importlib.util, sys
sys.exit(importlib.util.find_spec("notebook_executor") is None)
PYTHON
}

# For good, so that it gets the signals that are meant for us.
become_lifecycle() {
    require_lifecycle
    export NBX_PROGRAM=scripts/app.sh
    exec "$venv/bin/python" -P -m notebook_executor.lifecycle "$@" --root "$root"
}

build_environment() {
    local python=$1 wanted=$2 base built_on="" site package
    [[ -f $root/pyproject.toml ]] || fail "$root is no project: it has no pyproject.toml"
    say "setting up $venv, which takes a minute or more the first time"
    mkdir -p "${log%/*}"
    : >"$log"
    read -r base <<<"$wanted"
    [[ ! -f $stamp ]] || read -r built_on <"$stamp"
    rm -f "$stamp"
    if [[ $built_on != "$base" ]]; then
        # The old environment's own python goes with it; what that is a link to does not.
        python=$("$python" -I -c 'import os, sys; print(os.path.realpath(sys.executable))')
        step "making the virtual environment" "$python" -I -m venv --clear "$venv"
    fi
    python=$venv/bin/python
    install_project "$python"
    step "checking what was installed" "$python" -I -m pip check
    site=$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    set -- "$site"
    for package in "$root"/*/__init__.py; do
        [[ ! -f $package ]] || set -- "$@" "${package%/*}"
    done
    # -I: a set PYTHONDONTWRITEBYTECODE does not count here.
    step "compiling bytecode" "$python" -I -W ignore -m compileall -q -j 0 "$@"
    require_lifecycle
    step "registering the kernel" \
        "$python" -P -m notebook_executor.lifecycle bootstrap --root "$root"
    printf '%s\n' "$wanted" >"$stamp"
    say "  done"
}

set_up() {
    local python wanted
    python=$(find_python)
    wanted=$(fingerprint "$python")
    up_to_date "$wanted" && return
    lock "$python"
    # Whoever held the lock may have made the environment, with another Python even.
    python=$(find_python)
    wanted=$(fingerprint "$python")
    up_to_date "$wanted" || build_environment "$python" "$wanted"
    exec 9>&-
}

isolate_jupyter() {
    export JUPYTER_CONFIG_DIR=$root/.jupyter_config JUPYTER_DATA_DIR=$root/.jupyter_data
    export JUPYTER_RUNTIME_DIR=$root/.jupyter_runtime IPYTHONDIR=$root/.ipython
    export MPLCONFIGDIR=$root/.cache/matplotlib
    mkdir -p "$JUPYTER_CONFIG_DIR" "$JUPYTER_DATA_DIR" "$JUPYTER_RUNTIME_DIR" "$IPYTHONDIR" \
        "$MPLCONFIGDIR"
    chmod 700 "$JUPYTER_RUNTIME_DIR"
}

activate() {
    isolate_jupyter
    set_up
    export VIRTUAL_ENV=$venv PATH=$venv/bin:$PATH
    unset PYTHONHOME
}

# Which files are filtered, .gitattributes says; what the filter is, each clone has to be told.
configure_git() {
    if ! command -v git >/dev/null; then
        [[ ! -e $root/.git ]] || fail "git is missing, so notebooks cannot be stripped when committed"
    elif git -C "$root" rev-parse >/dev/null 2>&1; then
        (cd -- "$root" && "$venv/bin/python" -P -m notebook_executor.git)
    fi
}

case ${1:-} in
    bootstrap)
        activate
        (become_lifecycle "$@")
        configure_git
        ;;
    start | restart)
        activate
        become_lifecycle "$@"
        ;;
    stop | status | logs)
        become_lifecycle "$@"
        ;;
    run)
        shift
        activate
        exec nbx run "$@"
        ;;
    test)
        shift
        activate
        cd -- "$root"
        # All of them: in two processes, and the tests of one file in one process, which share runs.
        (($#)) || ! python -c 'import xdist' 2>/dev/null || set -- -n 2 --dist loadfile
        exec python -m pytest "$@"
        ;;
    faults)
        shift
        activate
        cd -- "$root"
        if [[ ${1:-} == --full ]]; then
            shift
            exec python -m tests.faults.measuring "$@"
        fi
        exec python -m pytest tests/faults "$@"
        ;;
    -h | --help | help)
        usage
        ;;
    *)
        [[ -z ${1:-} ]] || say "there is no command '$1'"
        usage >&2
        exit 2
        ;;
esac
