from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from .cases import BASH
from .runs import Archive


@pytest.fixture(scope="session", autouse=True)
def jupyter_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A bash kernelspec, and no IPython profile or runtime files of this machine's user."""
    root = tmp_path_factory.mktemp("jupyter")
    spec = root / "data" / "kernels" / "bash"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, **BASH, "env": {"PS1": "$"}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(root / "data"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(root / "runtime"))
        patch.setenv("IPYTHONDIR", str(root / "ipython"))
        yield


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, jupyter_environment: None) -> Archive:
    # matplotlib says so on stderr when it builds its font cache, which would be in one run only.
    import matplotlib.font_manager  # noqa: F401

    return Archive(tmp_path_factory.mktemp("runs"))
