"""Kernels that listen where they should, and speak something else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle import Containment, LaunchSpec, start_kernel

_LISTENS = """
import json, socket, sys
info = json.load(open(sys.argv[1]))
with socket.socket(socket.AF_UNIX) as listening:
    listening.bind(f"{info['ip']}-{info['shell_port']}")
    listening.listen()
    while True:
        accepted, _ = listening.accept()
        accepted.sendall(bytes.fromhex(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 400 Bad Request", "not that of ZMTP"),
        (b"\xff" + bytes(8) + b"\x7f\x01", "older than version 3"),
    ],
)
def test_a_kernel_that_speaks_no_zmtp_3_is_a_kernel_that_did_not_start(
    tmp_path: Path, said: bytes, why: str
) -> None:
    argv = (sys.executable, "-c", _LISTENS, "{connection_file}", said.hex())
    with (
        Containment() as containment,
        pytest.raises(KernelStartError, match=why) as failure,
        start_kernel(
            LaunchSpec(name="odd", argv=argv),
            containment,
            cwd=tmp_path,
            env=dict(os.environ),
            start_timeout=60,
        ),
    ):
        pytest.fail("it was taken for a kernel")

    assert failure.value.details["end"].processes_left == 0
