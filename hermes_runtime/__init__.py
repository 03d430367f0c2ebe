"""What a notebook may import from the host that runs it.

::

    from hermes_runtime import glue

    glue("health_score", 0.94)

The package runs inside kernels, which may belong to another environment and an older Python: it
needs Python 3.9 and the standard library, and never imports ``notebook_executor``.
"""

from __future__ import annotations

from hermes_runtime.formats import ScrapError
from hermes_runtime.regluing import reglue, scraps_report
from hermes_runtime.scraps import glue

__all__ = ["ScrapError", "glue", "reglue", "scraps_report"]
