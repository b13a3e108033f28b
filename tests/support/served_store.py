"""An open store of small documents, and clients of an application that serves it, all without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from diptych import Diptych, Settings
from diptych.endpoints import OpenAI
from diptych.serve.app import create_app
from tests.support.http_server import Vendor, served
from tests.support.openai_server import OpenAIRoutes

ADDRESS = "http://127.0.0.1:8321"
"""Where clients in the tests find the application."""


@pytest.fixture(scope="session")
def answers() -> OpenAIRoutes:
    """The answering model of `served_diptych`; set its `answer`."""
    return OpenAIRoutes()


@pytest.fixture(scope="session")
def answering_server(answers: OpenAIRoutes) -> Iterator[Vendor]:
    with served(answers) as vendor:
        yield vendor


@pytest.fixture(scope="session")
def served_diptych(
    library: Path, answering_server: Vendor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Diptych]:
    """A store of the documents in `library`: a leaflet, a photo and a catalogue. Tests must not change it."""
    settings = Settings(
        store=str(tmp_path_factory.mktemp("served") / "store"), root=library, ocr="off", workers=1,
        answerer="openai:gpt-6-luna", openai=OpenAI(base_url=f"{answering_server.url}/v1", key="SERVED_KEY"),
    ).with_keys({"SERVED_KEY": "sk-of-the-tests"})  # fmt: skip
    with Diptych.open(settings) as diptych:
        diptych.ingest([library])
        yield diptych


@pytest.fixture(scope="session")
def client(served_diptych: Diptych) -> Iterator[TestClient]:
    """A client of the application with default options."""
    with TestClient(create_app(served_diptych), base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client
