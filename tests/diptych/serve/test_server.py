"""The port of the server."""

from __future__ import annotations

import asyncio
import socket

from diptych.serve.options import ServeOptions
from diptych.serve.server import bind_port


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
