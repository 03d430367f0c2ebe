"""The tools and the policy that an executor is given, checked before any run has them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notebook_executor.tools.policy import Policy
from notebook_executor.tools.policy_file import policy_of
from notebook_executor.tools.sources import GivenTool, check_tools


def check_given(
    tools: Mapping[str, GivenTool] | None,
    policy: Policy | Mapping[str, Any] | str | os.PathLike[str] | None,
    root: Path,
) -> tuple[Mapping[str, GivenTool] | None, Policy | None]:
    """What ``NotebookExecutor`` takes as ``tools`` and ``policy``.

    Raises:
        UsageError: They make no sense.
    """
    meant = None if policy is None else policy_of(policy, root)
    return (None if tools is None else check_tools(tools)), meant
