"""Closing a containment while a kernel is there, and ending a kernel twice."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle import Containment


@pytest.mark.parametrize("host_view", [False, True], ids=["namespace", "subreaper"])
def test_closing_ends_what_is_still_there_without_delay(host_view: bool) -> None:
    containment = Containment()
    kernel = containment.open(host_view=host_view, required=None, record={})
    kernel.launch(["sleep", "1000"], dict(os.environ), Path("/"))
    began = time.monotonic()
    containment.close()
    # The keeper's own patience, which a close must not wait for, is twenty seconds.
    assert time.monotonic() - began < 19
    assert kernel.wait(60)
    ended = kernel.end()
    assert (ended.left, ended.files_left) == (0, 0)
    assert not kernel.directory.exists()


def test_a_kernel_that_was_not_launched_can_be_ended_twice() -> None:
    with Containment() as containment:
        kernel = containment.open(host_view=False, required=None, record={})
        with pytest.raises(KernelStartError, match="cannot be executed"):
            kernel.launch(["/no/such/program"], {}, Path("/"))
        reading, writing = os.pipe()
        first, second = kernel.end(), kernel.end()
        # Ending again must not close descriptors that are somebody else's by now.
        os.write(writing, b"x")
        assert os.read(reading, 1) == b"x"
        os.close(reading)
        os.close(writing)
    assert first == second


def test_kernels_that_end_while_a_killed_keepers_heirs_are_ended_are_told_of() -> None:
    crowd = "for _ in $(seq 150); do setsid sleep 1000 & done; touch all; wait"
    with Containment() as containment:
        many = containment.open(host_view=True, required=None, record={})
        many.launch(["bash", "-c", crowd], dict(os.environ), many.directory)
        others = [containment.open(host_view=True, required=None, record={}) for _ in range(4)]
        for other in others:
            other.launch(["sleep", "1000"], dict(os.environ), Path("/"))
        while not (many.directory / "all").exists():
            time.sleep(0.01)
        keepers = psutil.Process().children()[0].children()
        keeper = next(one for one in keepers if any(c.name() == "bash" for c in one.children()))
        keeper.kill()
        began = time.monotonic()
        ends = [other.end() for other in others]
        # A host that is not told waits for forty seconds.
        assert time.monotonic() - began < 38
        ends.append(many.end())
    assert [(end.left, end.files_left) for end in ends] == [(0, 0)] * 5
