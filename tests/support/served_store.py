"""An open store of small documents, and clients of an application that serves it, all without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from diptych import Diptych, Settings
from diptych.serve.app import create_app

ADDRESS = "http://127.0.0.1:8321"
"""Where clients in the tests find the application."""


@pytest.fixture(scope="session")
def served_diptych(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    """A store of the documents in `library`: a leaflet, a photo and a catalogue. Tests must not change it."""
    settings = Settings(store=str(tmp_path_factory.mktemp("served") / "store"), root=library, ocr="off", workers=1)
    with Diptych.open(settings) as diptych:
        diptych.ingest([library])
        yield diptych


@pytest.fixture(scope="session")
def client(served_diptych: Diptych) -> Iterator[TestClient]:
    """A client of the application with default options."""
    with TestClient(create_app(served_diptych), base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client
