"""The port of the server."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from diptych.serve.options import ServeOptions
from diptych.serve.server import Connection, bind_port

RESET = b"connection reset"


async def test_answers_do_not_wait_for_acknowledgements() -> None:
    """A small answer after headers would wait 40 ms for the client's acknowledgement of them."""
    delays: asyncio.Queue[int] = asyncio.Queue()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        delays.put_nowait(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = bind_port(ServeOptions(port=0))
    async with await asyncio.start_server(connected, sock=listener):
        _, client = await asyncio.open_connection(*listener.getsockname())
        assert await delays.get()
        client.close()
        await client.wait_closed()


@pytest.fixture
async def address(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, int]]:
    """Where an application answers whose clients have a tenth of a second for their headers."""
    monkeypatch.setattr("diptych.serve.server.HEADER_SECONDS", 0.1)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.2)  # a request that takes longer than its headers may
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    config, state = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False), ServerState()
    config.load()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(config, state, {}), "127.0.0.1")
    async with server:
        yield server.sockets[0].getsockname()


async def test_headers_that_are_sent_byte_by_byte_are_refused_in_time(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    answer = asyncio.ensure_future(_read(reader))
    for byte in itertools.chain(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", itertools.repeat(ord("a"))):
        if (await asyncio.wait([answer], timeout=0.01))[0]:
            break
        writer.write(bytes([byte]))
    assert answer.result().startswith((b"HTTP/1.1 408 ", RESET))
    await _close(writer)


async def test_a_connection_without_a_request_is_closed_and_an_idle_one_stays(address: tuple[str, int]) -> None:
    silent, unused = await asyncio.open_connection(*address)
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
    assert await silent.read() == b""
    await _close(writer)
    await _close(unused)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """What the server sends; `RESET` if the client was still writing when the connection was closed."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return RESET


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):  # of bytes that the server no longer read
        await writer.wait_closed()
