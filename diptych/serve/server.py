"""Runs the application on a port until Ctrl-C."""

import asyncio
import os
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from diptych.errors import SettingsError
from diptych.library.diptych import Diptych
from diptych.serve.app import create_app
from diptych.serve.jobs import Ingest
from diptych.serve.options import ServeOptions

HEADER_SECONDS = 15.0
"""For the headers of a request, from the connection or from the first byte of the next request on."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
KEEPALIVE_SECONDS = 75
"""How long an idle connection stays open: opening another costs more than a search of a small store."""
MAX_CONNECTIONS = 500
"""Connections at the same time."""
STOP_SECONDS = 3
"""Time for running requests to end."""


class Connection(H11Protocol):
    """An HTTP connection that is closed if it is open without a request for too long."""

    _deadline: asyncio.TimerHandle | None = None
    _has_begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit_headers()

    def data_received(self, data: bytes) -> None:
        self._has_begun = True
        super().data_received(data)
        self._limit_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _limit_headers(self) -> None:
        """Start the time while headers are missing, and stop it once they are complete."""
        if self.cycle and not self.cycle.response_complete:
            self._stop()
        elif not self._deadline:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._refuse)

    def _stop(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            if self._has_begun:
                self.transport.write(TOO_SLOW)
            self.transport.close()


def serve(
    library: Diptych, options: ServeOptions, on_start: Callable[[str], None], ingest: Ingest | None = None
) -> None:
    """Serve until Ctrl-C; `on_start` gets the address, `ingest` is that of `create_app`.

    Raises `SettingsError` if the port cannot be used.
    """
    with bind_port(options) as listener:
        port = listener.getsockname()[1]
        shown = f"[{options.host}]" if ":" in options.host else options.host
        config = uvicorn.Config(
            create_app(library, options, ingest),
            http=Connection,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(options.allowed_hosts),  # of a reverse proxy on this machine; else clients could lie
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEPALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        on_start(f"http://{shown}:{port}{options.prefix}")
        uvicorn.Server(config).run(sockets=[listener])


def bind_port(options: ServeOptions) -> socket.socket:
    """A socket that listens on the port of the options. Raises `SettingsError` if the port cannot be used."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # With the protocol, for asyncio: only then answers are sent without waiting 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        listener.listen()  # from now on, clients wait for the application instead of being refused
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise SettingsError(
            f"port {options.port} of {options.host} cannot be used ({reason}); stop the program that has it, or choose "
            f"another port with --port"
        ) from error
    return listener
