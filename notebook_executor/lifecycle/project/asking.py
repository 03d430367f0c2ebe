"""Asking a Jupyter server of this machine what it does."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any, Literal
from urllib.parse import urlsplit

Answer = Literal["ready", "refused", "silent"]


def ask_state(address: str, token: str, seconds: float) -> Answer:
    """Whether a server is ready: it answers, and the token is its own.

    Args:
        address: Its base address, as in ``http://127.0.0.1:8888/``.
        token: The token.
        seconds: How long each step may take.
    """
    try:
        status, _ = _get(address, "api/status", token, seconds)
    except (OSError, http.client.HTTPException, ValueError):
        return "silent"
    if status == http.client.OK:
        return "ready"
    return "refused" if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN) else "silent"


def ask_sessions(address: str, token: str, seconds: float) -> dict[str, str]:
    """The notebook of each kernel that a server has one for, by the kernel's id."""
    return {
        kernel["id"]: str(session.get("path", ""))
        for session in _list(address, "api/sessions", token, seconds)
        if isinstance(kernel := session.get("kernel"), dict) and "id" in kernel
    }


def ask_kernels(address: str, token: str, seconds: float) -> list[dict[str, Any]]:
    """What a server says of its kernels: ``id``, ``name``, ``execution_state`` and more."""
    return [kernel for kernel in _list(address, "api/kernels", token, seconds) if "id" in kernel]


def _list(address: str, resource: str, token: str, seconds: float) -> list[dict[str, Any]]:
    try:
        status, body = _get(address, resource, token, seconds)
        loaded = json.loads(body) if status == http.client.OK else []
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return []
    return [item for item in loaded if isinstance(item, dict)] if isinstance(loaded, list) else []


def _get(address: str, resource: str, token: str, seconds: float) -> tuple[int, bytes]:
    # No proxy of the environment is asked: the server is on this machine.
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        # Its certificate names another host than the address of this machine.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        path = f"{parts.path.rstrip('/')}/{resource}"
        connection.request("GET", path, headers={"Authorization": f"token {token}"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
