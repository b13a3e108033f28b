"""A local HTTP server for tests: routes answer like a provider's API, and every request is recorded.

with served(openai_routes()) as vendor:
    vendor.faults += [Answer(429, headers={"retry-after": "0"})]     # answered in order, before the routes
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
    """By lower-case name."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: Any = None
    """Bytes and text are sent as they are, anything else as JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    """Delay before the answer."""
    cut: int | None = None
    """Close the connection after so many bytes of the body."""

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Route = Callable[[Request], Answer | None]
"""Returns None for requests that it does not handle."""


class Vendor:
    """The server's requests so far, and faults that are answered before its routes."""

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
    """Run a server until the block ends."""

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
            """Ignore clients that closed the connection."""

    with Server(("127.0.0.1", 0), Handler) as server:
        vendor = Vendor(f"http://127.0.0.1:{server.server_address[1]}", *routes)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield vendor
        finally:
            server.shutdown()
