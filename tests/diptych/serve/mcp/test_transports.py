"""The MCP server over stdio, as agents start it, and over HTTP, through the application."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from starlette.testclient import TestClient

from diptych import Diptych, SettingsError
from diptych.serve.app import create_app
from diptych.serve.mcp.tools import MAX_IMAGE
from tests.support.served_store import ADDRESS

ROOT = Path(__file__).parents[4]


async def test_stdio_with_a_real_process(served_diptych: Diptych, tmp_path: Path) -> None:
    """The process shares the store with this one. Whatever is not protocol on its stdout arrives as an exception."""
    settings, received = served_diptych.settings, list[object]()
    command = ["-m", "flows.cli.main", "mcp", "--store", settings.store, "--where", 'document = "leaflet.pdf"']
    environment = {"PYTHONPATH": str(ROOT), "DIPTYCH_ROOT": str(settings.root), "DIPTYCH_OCR": "off"}
    server = StdioServerParameters(command=sys.executable, args=command, env=environment, cwd=tmp_path)

    async def keep(message: object) -> None:
        received.append(message)

    with (tmp_path / "stderr").open("w+") as errors:
        async with Client(stdio_client(server, errlog=errors), message_handler=keep) as client:
            outline = await client.call_tool("document", {"document": "leaflet.pdf"})
            assert outline.structured_content
            (figure,) = outline.structured_content["pictures"]
            assert [block.type for block in (await client.call_tool("figure", {"id": figure["id"]})).content][
                2
            ] == "image"
            hidden = await client.call_tool("document", {"document": "products.csv#1"})
            assert hidden.is_error
        assert [message for message in received if isinstance(message, Exception)] == []
        errors.seek(0)
        assert errors.read() == ""


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_http_through_the_application(served_diptych: Diptych, mode: str) -> None:
    app = create_app(served_diptych)
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as http:
        transport = streamable_http_client(f"{ADDRESS}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            status = await client.call_tool("status", {})
            assert status.structured_content
            assert status.structured_content["documents"] == len(served_diptych.documents())
            large = await client.call_tool("search_by_image", {"image": "A" * MAX_IMAGE})
            assert "not an image of a known format" in str(large.content[0])


def test_message_and_serve_without_the_package(served_diptych: Diptych, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("diptych.serve.mcp.server", "diptych.serve.mcp.tools"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    with pytest.raises(SettingsError, match=r"^MCP needs another package: pip install 'diptych\[mcp\]'$"):
        importlib.import_module("diptych.serve.mcp.server")
    with TestClient(create_app(served_diptych), base_url=ADDRESS) as client:
        assert client.get("/api/v1/documents").status_code == 200
        assert client.post("/mcp", json={}).status_code == 404
