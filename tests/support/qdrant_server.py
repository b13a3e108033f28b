"""A real Qdrant server of the tests' own, which they may kill, stop and starve; and a proxy that misbehaves.

The program is named by DIPTYCH_TEST_QDRANT_BINARY; without it, these tests are skipped.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BINARY = os.environ.get("DIPTYCH_TEST_QDRANT_BINARY", "")
NEEDS_BINARY = pytest.mark.skipif(not BINARY, reason="DIPTYCH_TEST_QDRANT_BINARY is not set: no Qdrant server to break")
START_SECONDS = 120
STOP_SECONDS = 20  # as orchestrators allow; the server once did not end within ten minutes


class QdrantServer:
    """A Qdrant server on the loopback interface that keeps its data in `folder`."""

    def __init__(self, folder: Path, options: Mapping[str, str] | None = None) -> None:
        """`options`: environment variables without `QDRANT__`."""
        self._folder, self._port, self._grpc_port = folder, _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._options = options or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        own = {
            "SERVICE__HOST": "127.0.0.1",
            "SERVICE__HTTP_PORT": str(self._port),
            "SERVICE__GRPC_PORT": str(self._grpc_port),
            "SERVICE__ENABLE_STATIC_CONTENT": "false",
            "STORAGE__STORAGE_PATH": str(self._folder / "storage"),
            "STORAGE__SNAPSHOTS_PATH": str(self._folder / "snapshots"),
        }
        environment = {f"QDRANT__{name}": value for name, value in {**own, **self._options}.items()}
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [BINARY, "--disable-telemetry"],
                cwd=self._folder,
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self._process.poll() is None, (self._folder / "log.txt").read_text()[-2000:]
            assert time.monotonic() < deadline, "the server does not become ready"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process: SIGKILL as in a crash, SIGTERM as in a restart, which kills a server that does not end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_server(folder: Path, options: Mapping[str, str] | None = None) -> Iterator[QdrantServer]:
    server = QdrantServer(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server, late, or with another version in the answer."""

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _PassOn)
        self.target = url.removeprefix("http://")
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.seconds = 0.0
        self.version = ""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients that do not wait any longer are part of the tests."""


class _PassOn(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(self.server.seconds)
        connection = http.client.HTTPConnection(self.server.target)
        headers = {**self.headers, "Accept-Encoding": "identity"}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if self.path == "/" and self.server.version:
            answer = json.dumps({**json.loads(answer), "version": self.server.version}).encode()
        self.send_response(response.status)
        self.send_header("Content-Type", response.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = pass_on

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running_proxy(url: str) -> Iterator[Proxy]:
    with Proxy(url) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
