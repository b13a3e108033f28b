"""A real Prefect server for the tests, and other programs that must not outlive them."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

START_SECONDS = 300.0
"""Limit for the start of a server, which takes about 10 s on an idle machine."""
GRACE_SECONDS = 5.0
"""Time for a program to end by itself before it is killed. Prefect's workers sometimes ignore SIGTERM."""

# Garbage collection on the server's event loop may free a cursor of SQLite whose connection waits for a lock in another
# thread. The server then stands still until that wait ends, which takes a minute, since it holds the lock itself.
WITHOUT_GARBAGE_COLLECTION = "import gc, runpy; gc.disable(); runpy.run_module('prefect', run_name='__main__')"


class PrefectServer:
    """A server on a free port. It is not started by creating this object."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._log = home / "server.log"
        self._running = ExitStack()
        self._started = False

    def start(self) -> None:
        """Start the server unless it runs; does not wait until it answers."""
        if not self._started:
            self._started = True
            # The UI takes the port from the environment; with --port it would call the default one.
            address = {"PREFECT_SERVER_API_PORT": str(self._port), "PREFECT_UI_API_URL": self.url}
            patience = {"PREFECT_SERVER_DATABASE_TIMEOUT": str(START_SECONDS)}  # on a busy machine 10 s do not suffice
            environment = os.environ | address | patience
            command = [sys.executable, "-c", WITHOUT_GARBAGE_COLLECTION, "server", "start"]
            self._running.enter_context(running_program(command, environment, self._log))

    def stop(self) -> None:
        self._running.close()


def copy_database(home: Path, other: Path) -> None:
    """Give another home of Prefect the tables of a running server: creating them takes 6 s of a processor."""
    other.mkdir(parents=True)
    with closing(sqlite3.connect(home / "prefect.db")) as one, closing(sqlite3.connect(other / "prefect.db")) as two:
        one.backup(two)


@contextmanager
def running_program(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run a program with its children in a process group of its own, all of which end with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(GRACE_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what is left of the group
        process.wait()


def wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"the Prefect server at {url} did not start")
