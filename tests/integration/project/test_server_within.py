"""A server that is stopped from inside of itself."""

from __future__ import annotations

import asyncio
import json
import shlex

import psutil
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.integration.project.serving import PATIENCE, ServedProject, gone, kernel_of, printed
from tests.waiting import wait_until


async def _type(project: ServedProject, line: str) -> None:
    """Type a line into a new terminal of the server; over when that has ended."""
    name = project.ask("api/terminals", {})["name"]
    request = HTTPRequest(
        f"ws://127.0.0.1:{project.noted()['port']}/terminals/websocket/{name}",
        headers={"Authorization": f"token {project.token}"},
    )
    connection = await websocket_connect(request)
    try:
        await connection.write_message(json.dumps(["stdin", f"{line}\r"]))
        while await connection.read_message() is not None:
            pass
    finally:
        connection.close()


def test_a_restart_in_a_terminal_of_the_server_itself(project: ServedProject) -> None:
    server = psutil.Process(project.start()["pid"])
    there = [(server.pid, server.create_time())]
    line = shlex.join(project.command("restart", "--json"))

    asyncio.run(asyncio.wait_for(_type(project, line), PATIENCE))

    told = project.root / ".logs" / "app.log"
    wait_until(lambda: told.exists() and told.read_text().endswith("}\n"))
    assert gone(there)()
    assert json.loads(told.read_text())["pid"] == project.status()["server"]["pid"]


def test_a_stop_in_a_kernel_of_the_server_is_refused(project: ServedProject) -> None:
    server = project.start()["pid"]
    with kernel_of(project) as (_, client):
        stop = shlex.join(project.command("stop"))
        shown = printed(client, f"import subprocess; print(subprocess.getoutput({stop!r}))")
        assert "error: This runs in a kernel of the server" in shown

    assert project.status()["server"]["pid"] == server
