"""What every test may rely on: Prefect in a home of its own, and small real documents.

Fixtures that only a few files share stand in modules of `tests.support`: `from tests.support.anthropic_fixtures import
vendor as vendor` makes one a fixture of the file that imports it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.papers import write_library

PREFECT_HOME = Path(tempfile.mkdtemp(prefix="diptych-prefect-"))
atexit.register(shutil.rmtree, PREFECT_HOME, ignore_errors=True)
# Prefect reads these when it is imported, so before any test does that.
for name in [name for name in os.environ if name.startswith(("PREFECT_", "DIPTYCH_"))]:
    if not name.startswith("DIPTYCH_TEST_"):  # these are meant for the tests
        del os.environ[name]
os.environ.update(
    PREFECT_HOME=str(PREFECT_HOME),
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_LEVEL="CRITICAL",
    PREFECT_LOGGING_INTERNAL_LEVEL="CRITICAL",
    DO_NOT_TRACK="1",
)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small documents: a leaflet (PDF), a photo, a catalogue of two products."""
    return write_library(tmp_path_factory.mktemp("library"))


SERVER = pytest.StashKey["PrefectServer"]()


LONGEST = ("test_kills.py", "test_flows.py", "test_deployments.py", "test_demo.py", "test_budget.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several processes end together when the files that take longest are dealt out first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish(session: pytest.Session) -> None:
    """A Prefect server takes 10 s to start: it does so beside the first tests, when any test is going to use it."""
    if not hasattr(session.config, "workerinput") and any(map(_uses_prefect, session.items)):
        session.config.stash[SERVER] = PrefectServer()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """When several processes share the tests, the one that deals them out starts the server for all."""
    if SERVER not in node.config.stash:
        node.config.stash[SERVER] = PrefectServer()
    node.workerinput["prefect_server"] = node.config.stash[SERVER].url


def _uses_prefect(item: pytest.Item) -> bool:
    return "prefect_server" in getattr(item, "fixturenames", ())


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVER in config.stash:
        config.stash[SERVER].stop()


@pytest.fixture(scope="session")
def prefect_server(pytestconfig: pytest.Config) -> str:
    """The API of a real Prefect server on a free port, one a session."""
    shared = getattr(pytestconfig, "workerinput", {}).get("prefect_server")
    if shared:
        _wait_until_healthy(shared)
        return str(shared)
    return pytestconfig.stash[SERVER].healthy()


class PrefectServer:
    def __init__(self) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        # The port goes by the environment, not by --port: else the UI asks the default one.
        environment = os.environ | {"PREFECT_SERVER_API_PORT": str(port), "PREFECT_UI_API_URL": self.url}
        with (PREFECT_HOME / "server.log").open("wb") as log:
            command = [sys.executable, "-m", "prefect", "server", "start"]
            self._started = started(command, environment, log.fileno())

    def healthy(self) -> str:
        """Its address, once it answers."""
        _wait_until_healthy(self.url, self._started.process)
        return self.url

    def stop(self) -> None:
        self._started.__exit__()


class started:
    """A program in a process group of its own, of which nothing is left when the block ends."""

    def __init__(self, command: list[str], environment: dict[str, str], output: int) -> None:
        self.process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self.process

    def __exit__(self, *error: object) -> None:
        for kill, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, kill)
                self.process.wait(seconds)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and (server is None or server.poll() is None):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError("the Prefect server did not start: " + (PREFECT_HOME / "server.log").read_text()[-2000:])
