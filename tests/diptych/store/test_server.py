"""A Qdrant server that misbehaves, played by a local HTTP server; the client is the real one."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from diptych.errors import StoreError
from diptych.settings import Settings
from diptych.store.server import open_server_store
from diptych.store.server_collection import API_KEY_VARIABLE
from diptych.store.types import Point, Store, text_shapes

POINT = Point("00000000-0000-0000-0000-000000000001", {"page": 1})
Answer = tuple[int, dict[str, str], Any]


class Qdrant(ThreadingHTTPServer):
    """Answers as a healthy server does, except for writes while `script` lasts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Answer] = []
        self.writes = 0
        self.keys: set[str | None] = set()
        self.exists = True
        self.asked: list[tuple[str, str, Any]] = []
        """Method, path and body of every request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Qdrant

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
        self.server.keys.add(self.headers.get("api-key"))
        status, headers, result = self.outcome()
        reply = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(reply)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply)

    def outcome(self) -> Answer:
        if re.fullmatch(r"/collections/[^/]+/points", self.path.partition("?")[0]) and self.command == "PUT":
            self.server.writes += 1
            assert "wait=true" in self.path
            if self.server.script:
                return self.server.script.pop(0)
            return 200, {}, {"operation_id": 1, "status": "completed"}
        if self.path.endswith("/exists"):
            return 200, {}, {"exists": self.server.exists}
        if self.command == "PUT":
            applied = {"operation_id": 1, "status": "completed"}
            return 200, {}, applied if self.path.partition("?")[0].endswith("/index") else True
        return 200, {}, []

    do_GET = do_PUT = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def qdrant() -> Iterator[Qdrant]:
    with Qdrant() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def index(qdrant: Qdrant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv(API_KEY_VARIABLE, "s3cret")
    with pytest.warns(UserWarning, match="Api key is used with an insecure connection"):
        opened = open_server_store(Settings(store=qdrant.url, server_seconds=3), text_shapes(3))
    yield opened
    opened.close()


def test_a_failure_that_passes_is_tried_again(qdrant: Qdrant, index: Store) -> None:
    qdrant.script = [(503, {}, None), (500, {}, None)]
    index.documents.upsert([POINT])
    assert qdrant.writes == 3


def test_too_many_requests_wait_as_long_as_they_are_told(qdrant: Qdrant, index: Store) -> None:
    qdrant.script = [(429, {"Retry-After": "1"}, None)]
    start = time.monotonic()
    index.documents.upsert([POINT])
    assert (qdrant.writes, time.monotonic() - start >= 1) == (2, True)


def test_the_deadline_ends_the_tries(qdrant: Qdrant, index: Store) -> None:
    qdrant.script = [(500, {}, None)] * 99
    start = time.monotonic()
    with pytest.raises(StoreError, match="diptych-documents"):
        index.documents.upsert([POINT])
    assert time.monotonic() - start < 4
    assert 2 <= qdrant.writes < 10


def test_a_wait_beyond_the_deadline_is_not_begun(qdrant: Qdrant, index: Store) -> None:
    qdrant.script = [(429, {"Retry-After": "600"}, None)]
    with pytest.raises(StoreError):
        index.documents.upsert([POINT])
    assert qdrant.writes == 1


def test_a_write_that_was_only_taken_note_of_is_a_failure(qdrant: Qdrant, index: Store) -> None:
    qdrant.script = [(200, {}, {"operation_id": 1, "status": "acknowledged"})]
    with pytest.raises(StoreError, match="did not confirm"):
        index.documents.upsert([POINT])


def test_shards_replicas_and_small_vectors_are_asked_for(qdrant: Qdrant) -> None:
    qdrant.exists = False
    chosen = Settings(store=qdrant.url, server_seconds=3, shards=3, replicas=2, collections="lib")
    index = open_server_store(chosen, text_shapes(3, half=True))
    made = {path.split("/")[2]: body for method, path, body in qdrant.asked if method == "PUT" and path.count("/") == 2}
    assert set(made) == {"lib-documents", "lib-text", "lib-images"}
    for body in made.values():
        assert (body["shard_number"], body["replication_factor"], body["write_consistency_factor"]) == (3, 2, 2)
    assert made["lib-text"]["vectors"]["dense"]["datatype"] == "float16"
    qdrant.asked.clear()
    index.documents.upsert([POINT])
    index.documents.retrieve([POINT.id])
    write, read = (path for _, path, _ in qdrant.asked)
    assert "ordering=strong" in write
    assert "consistency=majority" in read
    index.close()


def test_a_wrong_key_is_told_and_not_repeated(qdrant: Qdrant, index: Store) -> None:
    qdrant.script = [(401, {}, None)]
    with pytest.raises(StoreError, match=API_KEY_VARIABLE) as caught:
        index.documents.upsert([POINT])
    assert (qdrant.writes, qdrant.keys) == (1, {"s3cret"})
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        open_server_store(Settings(store="http://127.0.0.1:9", server_seconds=1), text_shapes(3))
