"""Notebooks of all versions and oddities, each with the codes that validation gives it.

``python -m tests.corpus FOLDER`` writes them as files.
"""

from __future__ import annotations

from tests.corpus.building import Specimen
from tests.corpus.damaged import DAMAGED
from tests.corpus.malformed import MALFORMED
from tests.corpus.odd import ODD
from tests.corpus.suspicious import SUSPICIOUS
from tests.corpus.versions import VERSIONS

SPECIMENS: tuple[Specimen, ...] = (*VERSIONS, *ODD, *DAMAGED, *MALFORMED, *SUSPICIOUS)

__all__ = ["SPECIMENS", "Specimen"]
