"""Having ipykernel keep what nobody has received yet, however much it is.

By default its IOPub socket drops messages once a thousand wait. A kernel that is made by us is told
when it makes the socket, any other one once we are connected to it: in between, libzmq would take
it for later connections only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notebook_executor.lifecycle.connection import Channels

_SECONDS = 3.0
# Only the socket's own thread may touch it. An expression leaves no trace, where a source would
# have IPython's events called.
_EXPRESSION = """
(lambda thread: thread.schedule(
    lambda: thread.socket.setsockopt(__import__("zmq").SNDHWM, 0)
))(get_ipython().kernel.iopub_thread)
"""
_REQUEST = {
    "code": "",
    "silent": True,
    "store_history": False,
    "user_expressions": {"kept": _EXPRESSION.strip()},
    "allow_stdin": False,
    "stop_on_error": False,
}


def keeps_all_outputs(channels: Channels) -> bool:
    """Ask an ipykernel to, which must have answered before; whether it does.

    Blocks until it has answered, for three seconds at most.
    """
    reply = channels.ask("execute_request", _REQUEST, _SECONDS)
    expressions = {} if reply is None else reply.get("user_expressions", {})
    return bool(expressions.get("kept", {}).get("status") == "ok")


@contextmanager
def keeping_all_outputs() -> Iterator[None]:
    """Have a kernel do so that this process becomes within the block."""
    import zmq
    from ipykernel.kernelapp import IPKernelApp

    app_class: Any = IPKernelApp
    bind = app_class._bind_socket

    def bind_socket(app: Any, socket: Any, port: int) -> Any:
        if socket.socket_type in (zmq.XPUB, zmq.PUB):
            socket.setsockopt(zmq.SNDHWM, 0)
        return bind(app, socket, port)

    app_class._bind_socket = bind_socket
    try:
        yield
    finally:
        app_class._bind_socket = bind
