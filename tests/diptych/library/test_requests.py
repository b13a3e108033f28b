"""How many requests a store on a Qdrant server costs: calls of the client in memory, HTTP requests to a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.api_client import ApiClient

from diptych import Diptych, Settings
from diptych.library.runtime import Runtime
from diptych.store.server import store as server
from diptych.store.server.indexes import FIXED_INDEXES
from diptych.store.spaces import Spaces
from extractors.types import Extraction, Passage
from tests.support.fakes import ScriptedSandbox, WordEncoder, document, figure
from tests.support.stores import SERVER, URL, delete_collections, new_prefix

DOCUMENTS = 50


class AnyFile(ScriptedSandbox):
    """Every file has three parts, which name it."""

    def extract(self, source: Any, options: Any, pictures: Path, *, seconds: float = 0) -> Extraction:
        text = source.path.read_text()
        passages = Passage(f"the red pump {text}", 1), Passage(f"the green valve {text}", 2)
        self.scripts[source.name] = document(*passages, pictures=(figure(f"Figure 1: a blue chart {text}"),))
        return super().extract(source, options, pictures)


class CountedClient:
    """A client in memory whose calls are counted, and which stays open. Unlike itself, it may be used by threads."""

    def __init__(self, count: Callable[[str], None]) -> None:
        self._client, self._count, self._lock = QdrantClient(":memory:"), count, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            self._count(name)
            with self._lock:
                return getattr(self._client, name)(*arguments, **options)

        return call

    def get_collection(self, name: str) -> models.CollectionInfo:
        """With payload indexes, which there are none of in memory."""
        self._count("get_collection")
        fields = FIXED_INDEXES[name.partition("-")[2]].items()
        indexes = {field: models.PayloadIndexInfo(data_type=type_, points=0) for field, type_ in fields}
        return self._client.get_collection(name).model_copy(update={"payload_schema": indexes})

    def close(self) -> None:
        pass


class Requests:
    """The requests of a block, and the library that sends them."""

    def __init__(self, folder: Path, prefix: str, sent: list[str]) -> None:
        self.files, self.sent = folder / "files", sent
        self.settings = Settings(
            store=URL or "http://memory", collections=prefix, aliases=f"{prefix}_", pictures=folder / "pictures"
        )
        self.files.mkdir()

    def write(self, name: str, text: str) -> Path:
        path = self.files / name
        path.write_text(text)
        return path

    @contextmanager
    def at_most(self, count: int) -> Iterator[None]:
        self.sent.clear()
        yield
        assert len(self.sent) <= count, self.sent


@pytest.fixture(params=["memory", SERVER])
def requests(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Requests]:
    sent: list[str] = []
    monkeypatch.setattr(Runtime, "spaces", Spaces(WordEncoder()))
    monkeypatch.setattr(Runtime, "workers", lambda self: AnyFile())
    if request.param == "memory":
        client = CountedClient(sent.append)
        monkeypatch.setattr(server, "_client", lambda settings: client)
        monkeypatch.setattr(server, "_read_version", lambda *_: sent.append("info"))
        yield Requests(tmp_path, "test", sent)
        return
    send = ApiClient.send_inner

    def counted(self: ApiClient, http_request: Any) -> Any:
        sent.append(f"{http_request.method} {http_request.url.path}")
        return send(self, http_request)

    monkeypatch.setattr(ApiClient, "send_inner", counted)
    prefix = new_prefix()
    yield Requests(tmp_path, prefix, sent)
    delete_collections(prefix)


def test_unchanged_documents_cost_five_requests(requests: Requests) -> None:
    for number in range(DOCUMENTS):
        requests.write(f"{number}.pdf", str(number))
    with Diptych.open(requests.settings) as library:
        assert {outcome.status for outcome in library.ingest([requests.files])} == {"complete"}
    with requests.at_most(5), Diptych.open(requests.settings) as library:
        found = library.maintenance.find_sources([requests.files])
        library.maintenance.store_skipped([requests.files], found)
        assert library.maintenance.find_removed([requests.files], found.sources).covered == DOCUMENTS
        outcomes = library.maintenance.ingest_sources(found.sources)
        assert [outcome.status for outcome in outcomes] == ["unchanged"] * DOCUMENTS


def test_documents_and_questions_cost_few_requests(requests: Requests) -> None:
    old = requests.write("old.pdf", "one")
    with Diptych.open(requests.settings) as library:
        library.ingest([old])
        new = requests.write("new.pdf", "two")
        with requests.at_most(6):
            (outcome,) = library.ingest([new])
        assert (outcome.status, outcome.passages, outcome.pictures) == ("complete", 2, 1)
        with requests.at_most(3):
            assert library.ingest([new])[0].status == "unchanged"
        for question in ("how is the red pump cleaned", "green valve", "is the chart blue"):
            with requests.at_most(3):
                assert len(library.search(question)) == 6
        new.write_text("three")
        with requests.at_most(11):
            assert library.ingest([new])[0].status == "complete"
        with requests.at_most(3):
            assert {hit.text or hit.caption for hit in library.search("pump") if hit.document.endswith("new.pdf")} == {
                "the red pump three",
                "the green valve three",
                "Figure 1: a blue chart three",
            }
    with requests.at_most(7), Diptych.open(requests.settings) as library:
        assert len(library.search("how is the red pump cleaned")) == 6


def test_a_question_notices_the_commits_of_others(requests: Requests) -> None:
    """It begins with what it knows of the register, and searches again if that has changed."""
    with Diptych.open(requests.settings) as reader, Diptych.open(requests.settings) as writer:
        path = requests.write("a.pdf", "one")
        writer.ingest([path])
        assert len(reader.search("the red pump")) == 3
        path.write_text("two")
        writer.ingest([path])
        assert {hit.text for hit in reader.search("the red pump") if hit.text} == {
            "the red pump two",
            "the green valve two",
        }
        writer.delete([str(path)])
        assert reader.search("the red pump") == []
