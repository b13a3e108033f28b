"""A served store in the system's Chromium."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from diptych import Diptych
from diptych.serve.app import create_app
from diptych.serve.options import ServeOptions

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is missing: apt-get install chromium, or another of " + ", ".join(NAMES)
)


@pytest.fixture(scope="module")  # not longer: its event loop would be found by what runs later
def browser() -> Iterator[Browser]:
    """One browser for all tests; each opens contexts of its own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def served_page(library: Diptych, options: ServeOptions | None = None) -> Iterator[str]:
    """The address of a server for an open store, in a thread of this process; without the prefix of its options."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = create_app(library, options)
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
