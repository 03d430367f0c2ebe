"""MCP servers as other clients' configuration files name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.tools import McpServer, load_mcp_servers


def written(folder: Path, servers: Any) -> Path:
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


def test_what_other_clients_write_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "given")
    monkeypatch.delenv("SHOP_PORT", raising=False)
    servers = load_mcp_servers(
        written(
            tmp_path,
            {
                "files": {
                    "command": "npx",
                    "args": ["-y", "files", "${HOME_OF_IT:-/data}"],
                    "env": {"KEY": "${SHOP_KEY}", "OTHER": "${env:SHOP_KEY}!"},
                    "cwd": "work",
                    "autoApprove": ["read"],
                },
                "shop": {
                    "type": "http",
                    "url": "http://localhost:${SHOP_PORT:-8000}/mcp",
                    "headers": {"Authorization": "Bearer ${SHOP_KEY}"},
                },
                "old": {"command": "x", "disabled": True},
            },
        )
    )

    assert servers == {
        "files": McpServer(
            ("npx", "-y", "files", "/data"),
            env={"KEY": "given", "OTHER": "given!"},
            cwd=tmp_path / "work",
        ),
        "shop": McpServer(
            url="http://localhost:8000/mcp", headers={"Authorization": "Bearer given"}
        ),
    }
    assert "given" not in repr(servers["shop"])


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        (3, 'no "mcpServers"'),
        ({"a": 3}, "'a' is not an object"),
        ({"a": {}}, "'a' has both a command and a URL, or neither"),
        ({"a": {"command": "x", "url": "http://x"}}, "'a' has both"),
        ({"a": {"command": ["x"]}}, "'a' has something in \"command\" that is no text"),
        ({"a": {"command": "x", "args": "y"}}, "'a' has \"args\" that are no list"),
        ({"a": {"command": "x", "args": [1]}}, "'a' has something in \"args\""),
        ({"a": {"command": "x", "env": ["y"]}}, "'a' has \"env\" that is no object"),
        ({"a": {"type": "sse", "url": "http://x"}}, "'a' speaks 'sse'"),
        ({"a": {"command": "${NO_SUCH_VARIABLE}"}}, "wants the variable NO_SUCH_VARIABLE"),
    ],
)
def test_what_is_no_server_is_named(servers: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load_mcp_servers(written(tmp_path, servers))
    assert said in refused.value.message
    assert "mcp.json" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "\ud800", "[" * 100_000])
def test_what_is_no_configuration_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match=r"mcp\.json"):
        load_mcp_servers(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        load_mcp_servers(tmp_path / "mcp.json")
