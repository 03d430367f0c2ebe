"""What a kernel sends while its host does something else waits there, however much it is."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from notebook_executor.lifecycle import Containment, LaunchSpec, start_kernel
from notebook_executor.lifecycle.kernel import Kernel
from notebook_executor.lifecycle.warm import WarmKernels
from tests.waiting import stand_by

_ARGV = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
# Ten times what ipykernel keeps by itself, and more than fits into a socket.
_OUTPUTS = 10_000
_CODE = """
from pathlib import Path
for number in range({outputs}):
    display(str(number))
Path({mark!r}).touch()
"""


@pytest.fixture(params=["cold", "warm"])
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kernel]:
    with ExitStack() as stack:
        containment = stack.enter_context(Containment())
        warm = None
        if request.param == "warm":
            warm = stack.enter_context(contextlib.closing(WarmKernels(containment, True)))

        def start() -> contextlib.AbstractContextManager[Kernel]:
            return start_kernel(
                LaunchSpec(name="mine", argv=_ARGV, is_ipykernel=True),
                containment,
                cwd=tmp_path,
                env=dict(os.environ),
                start_timeout=60,
                warm=warm,
            )

        if warm is not None:
            with start():
                pass
            stand_by(warm, 1)
        yield stack.enter_context(start())


def test_a_host_that_is_busy_elsewhere_misses_nothing(kernel: Kernel, tmp_path: Path) -> None:
    mark = tmp_path / "done"
    code = _CODE.format(outputs=_OUTPUTS, mark=str(mark))
    deadline = time.monotonic() + 120
    kernel.channels.send("shell", "execute_request", {"code": code, "silent": False})
    while not mark.exists():
        assert kernel.alive
        assert time.monotonic() < deadline
        time.sleep(0.05)

    shown: list[str] = []
    while len(shown) < _OUTPUTS and time.monotonic() < deadline:
        for message in kernel.channels.receive(1):
            if message.type == "display_data":
                shown.append(message.content["data"]["text/plain"])

    assert shown == [repr(str(number)) for number in range(_OUTPUTS)]
    assert kernel.channels.waits_for_us
