"""A local HTTP server that speaks the APIs of providers: each answers from a script, every request is kept.

with served(openai_routes()) as vendor:
    vendor.faults += [Answer(429, headers={"retry-after": "0"})]     # before the routes are asked, in order
    ... the real SDK against vendor.url ...
    assert [r.path for r in vendor.requests] == ["/v1/responses", "/v1/responses"]
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: Any = None
    """Bytes and texts go out as they are, anything else as JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    """How long it takes."""
    cut: int | None = None
    """Only so many bytes of the body are sent before the connection is closed."""

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Route = Callable[[Request], Answer | None]
"""Gives None for a request that is not its own."""


class Vendor:
    """What the server was asked, and what it answers before its routes are asked."""

    def __init__(self, url: str, *routes: Route) -> None:
        self.url = url
        """Without a path: `http://127.0.0.1:49152`."""
        self.requests: list[Request] = []
        self.faults: list[Answer | Route] = []
        self._routes = routes
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Answer):
            return fault
        for route in (fault, *self._routes):
            if route and (answer := route(request)):
                return answer
        return Answer(404, {"error": {"message": f"no route for {request.method} {request.path}"}})


@contextmanager
def served(*routes: Route) -> Iterator[Vendor]:
    """A running server until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = vendor.answer(Request(self.command, self.path, headers, body))
            time.sleep(answer.seconds)
            content = answer.content
            self.send_response(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content if answer.cut is None else content[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        do_GET = do_HEAD = do_POST = do_DELETE = _serve

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        vendor = Vendor(f"http://127.0.0.1:{server.server_address[1]}", *routes)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield vendor
        finally:
            server.shutdown()
