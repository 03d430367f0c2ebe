"""Ports for sessions: free, each another one, and none that the system gives to anybody."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from notebook_executor.lifecycle.auxiliary.free_ports import HOST, free_port


def test_each_is_another_one() -> None:
    with ThreadPoolExecutor(4) as pool:
        ports = list(pool.map(lambda _: free_port(), range(100)))

    assert len(set(ports)) == 100
    assert all(1024 <= port < 65536 for port in ports)


def test_the_system_does_not_give_it_to_others() -> None:
    port = free_port()
    with socket.create_server((HOST, 0)) as another:
        given = another.getsockname()[1]

    assert port != given
    switch = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if switch.exists():
        first, last = map(int, switch.read_text().split())
        # Where that is nearly all there are, it can be one of them.
        assert first < 20_050 or not first <= port <= last
