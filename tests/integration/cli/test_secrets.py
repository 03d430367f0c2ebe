"""``nbx run`` with secret parameters: the notebook gets them, and nothing that is written does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.cli.observing import printed

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, Refused

_SECRETS = {"pin": "hunter2-of-the-variable", "key": "hunter3-of-the-file", "word": "hunter4-piped"}
_CELL = "print(pin[::-1], key[::-1], word[::-1], len(pin), pin)"


def test_secrets_come_from_variables_files_and_a_pipe(
    nbx: Nbx, environment: dict[str, str], make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(("pin = key = word = ''", "parameters"), _CELL)
    environment["DB_PASSWORD"] = _SECRETS["pin"]
    place = tmp_path / "key.txt"
    place.write_text(_SECRETS["key"] + "\n")

    done = nbx(
        *("run", "notebook.ipynb", "out.ipynb", "--secret", "pin=DB_PASSWORD"),
        *("--secret-file", f"key={place}", "--secret-file", "word=-", "--json", "--log-output"),
        stdin=_SECRETS["word"].encode(),
    )

    assert done.returncode == 0, done.stdout
    place.unlink()
    backwards = [value[::-1] for value in _SECRETS.values()]
    length = str(len(_SECRETS["pin"]))
    assert printed(tmp_path / "out.ipynb", -1).split() == [*backwards, length, "**********"]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for text in [done.stdout.encode(), done.stderr.encode(), *written]:
        for value in _SECRETS.values():
            assert value.encode() not in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--secret", "NO_SUCH_VARIABLE"), "there is no variable NO_SUCH_VARIABLE"),
        (("--secret", "=x"), "is not NAME=VALUE"),
        (("--secret-file", "pin"), "'pin' is not NAME=VALUE"),
        (("--secret-file", "pin=none.txt"), "cannot be read from none.txt: No such file"),
        (("--secret-file", "pin=."), "cannot be read from .: Is a directory"),
        (("-p", "PATH", "x", "--secret", "PATH"), "'PATH' is given twice"),
        (("--secret", "PATH", "--secret-file", "PATH=x"), "'PATH' is given twice"),
    ],
)
def test_secrets_that_cannot_be_had_are_refused(
    options: tuple[str, ...], said: str, refused: Refused, make_notebook: MakeNotebook
) -> None:
    make_notebook("1")

    assert said in " ".join(refused("run", "notebook.ipynb", *options).split())
