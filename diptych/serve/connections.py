"""Connections that must send the headers of a request in time, which uvicorn does not limit."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 15.0
"""For the headers of a request, from the connection or from the first byte of the next request on."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


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
