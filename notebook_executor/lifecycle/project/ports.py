"""The ports that the projects of a machine share, and which of them are free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from notebook_executor.errors import ServerError, UsageError

HOST = "127.0.0.1"
PORTS = range(8888, 8900)
_LAST = 65535


def candidates(wanted: int | None) -> Iterator[int]:
    """The ports to try, free ones alone; each is looked at when it is asked for.

    One that is free now may be another's a moment later: whoever wants it tries it, and comes back
    for the next.

    Args:
        wanted: The only one that will do; None for any of the shared ones.

    Raises:
        ServerError: None is free, or was left.
    """
    if wanted is None:
        yield from filter(is_free, PORTS)
        raise ServerError(
            f"No port from {PORTS[0]} to {PORTS[-1]} is free",
            hint="Stop a server that is not needed, or name another port with --port.",
        )
    if is_free(wanted):
        yield wanted
    raise not_to_be_had(wanted)


def not_to_be_had(port: int) -> ServerError:
    return ServerError(
        f"The port {port} is not to be had",
        hint=f"Leave --port out: a free one from {PORTS[0]} to {PORTS[-1]} is taken then.",
    )


def check_port(port: int | None) -> None:
    """Raise UsageError for what is no port."""
    if port is not None and not 0 < port <= _LAST:
        raise UsageError(f"{port} is not a port", hint=f"Ports are 1 to {_LAST}.")


def is_free(port: int) -> bool:
    """Whether a server could listen there now, which is tried by binding as servers do."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without it, connections that have only just ended would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True
