"""Write the corpus as files, for a look at it with other tools."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.corpus import SPECIMENS

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for specimen in SPECIMENS:
    (folder / f"{specimen.name}.ipynb").write_bytes(specimen.data)
    print(specimen.name, *specimen.codes)
