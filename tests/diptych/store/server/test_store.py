"""The real client against a misbehaving Qdrant server, played by a local HTTP server."""

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
from diptych.settings import API_KEY_VARIABLE, Settings
from diptych.store.server import store as server
from diptych.store.server.indexes import FIXED_INDEXES
from diptych.store.server.store import open_server_store, server_version
from diptych.store.types import VECTORS, Point, Store, text_shapes

POINT = Point("00000000-0000-0000-0000-000000000001", {"page": 1})
Answer = tuple[int, dict[str, str], Any]


class Qdrant(ThreadingHTTPServer):
    """Responds like a healthy server, except to writes as long as `script` has responses for them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Answer] = []
        self.writes = 0
        self.keys: set[str | None] = set()
        self.exists, self.version = True, "1.17.0"
        self.created: set[str] = set()
        """Collections that were created, although none exists."""
        self.vectors: dict[str, tuple[str, ...]] = {}
        """Collection -> its vectors, where they are not ours."""
        self.indexed = [field for fields in FIXED_INDEXES.values() for field in fields]
        """Payload indexes of every collection."""
        self.aliases = [{"alias_name": kind, "collection_name": f"diptych-{kind}"} for kind in ("text", "images")]
        self.requests: list[tuple[str, str, Any]] = []
        """Method, path and body of every request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Qdrant

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, json.loads(body) if body else None))
        self.server.keys.add(self.headers.get("api-key"))
        status, headers, result = self.outcome()
        answer = result if self.path == "/" else {"result": result, "status": "ok", "time": 0.0}
        reply = result if isinstance(result, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(reply)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply)

    def outcome(self) -> Answer:
        place = self.path.partition("?")[0]
        if re.fullmatch(r"/collections/[^/]+/points/batch", place):
            self.server.writes += 1
            assert "wait=true" in self.path
            if self.server.script:
                return self.server.script.pop(0)
            _, _, body = self.server.requests[-1]
            return 200, {}, [{"operation_id": 1, "status": "completed"}] * len(body["operations"])
        if self.path.endswith("/aliases"):
            return 200, {}, {"aliases": self.server.aliases} if self.command == "GET" else True
        if self.path.endswith("/exists"):
            return 200, {}, {"exists": False}
        if place.endswith("/points/scroll"):
            exists = self.server.exists or place.split("/")[2] in self.server.created
            return (200, {}, {"points": []}) if exists else (404, {}, None)
        if self.path == "/":
            return 200, {}, {"title": "qdrant", "version": self.server.version}
        if self.command == "GET" and (name := re.fullmatch(r"/collections/([^/]+)", self.path)):
            return (200, {}, self.collection(name[1])) if self.server.exists else (404, {}, None)
        if self.command == "PUT":
            self.server.created.add(place.split("/")[2])
            applied = {"operation_id": 1, "status": "completed"}
            return 200, {}, applied if self.path.partition("?")[0].endswith("/index") else True
        return 200, {}, []

    def collection(self, name: str) -> dict[str, Any]:
        shape = {"size": 3, "distance": "Cosine"}
        vectors = dict.fromkeys(self.server.vectors.get(name, VECTORS[name.partition("-")[2]]), shape)
        hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10}
        optimizer = {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 10,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        }
        config = {"params": {"vectors": vectors}, "hnsw_config": hnsw, "optimizer_config": optimizer}
        schema = {field: {"data_type": "keyword", "points": 0} for field in self.server.indexed}
        status = {"status": "green", "optimizer_status": "ok", "segments_count": 1}
        return {**status, "config": config, "payload_schema": schema}

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
def store(qdrant: Qdrant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv(API_KEY_VARIABLE, "s3cret")
    opened = open_server_store(Settings(store=qdrant.url, server_seconds=60), text_shapes(3))
    yield opened
    opened.close()


def test_temporary_failures_are_retried(qdrant: Qdrant, store: Store) -> None:
    qdrant.script = [(503, {}, None), (500, {}, None)]
    store.documents.upsert([POINT])
    assert qdrant.writes == 3


def test_retry_after_is_respected(qdrant: Qdrant, store: Store) -> None:
    qdrant.script = [(429, {"Retry-After": "1"}, None)]
    start = time.monotonic()
    store.documents.upsert([POINT])
    assert (qdrant.writes, time.monotonic() - start >= 1) == (2, True)


def test_retries_end_at_the_deadline(qdrant: Qdrant) -> None:
    store = open_server_store(Settings(store=qdrant.url, server_seconds=2), text_shapes(3))
    qdrant.script = [(500, {}, None)] * 99
    with pytest.raises(StoreError, match="diptych-documents"):
        store.documents.upsert([POINT])
    assert qdrant.writes < 10
    store.close()


def test_retry_after_beyond_the_deadline_is_not_waited_for(qdrant: Qdrant, store: Store) -> None:
    qdrant.script = [(429, {"Retry-After": "600"}, None)]
    with pytest.raises(StoreError):
        store.documents.upsert([POINT])
    assert qdrant.writes == 1


def test_acknowledged_but_unapplied_write_is_a_failure(qdrant: Qdrant, store: Store) -> None:
    qdrant.script = [(200, {}, [{"operation_id": 1, "status": "acknowledged"}])]
    with pytest.raises(StoreError, match="did not confirm"):
        store.documents.upsert([POINT])


def test_writes_that_are_confirmed_and_dropped_are_failures(
    qdrant: Qdrant, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for write in (store.text.upsert, store.text.upsert, lambda points: store.images.replace_hidden("a", [], points)):
        with pytest.raises(StoreError, match="cannot be read back"):
            write([POINT])
    monkeypatch.setattr(server, "POLL_SECONDS", 0)
    with pytest.raises(StoreError, match="documents: the server confirmed a write"), store.lock_document("a"):
        pass


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"status": "error", "result": null}', "answer cannot be read"),
        (b'{"result": [], "status": "ok"}', "did not confirm"),
        (b"[" * 5000, "answer cannot be read"),
    ],
)
def test_success_without_a_result_is_a_failure(qdrant: Qdrant, store: Store, body: bytes, says: str) -> None:
    qdrant.script = [(200, {}, body)]
    with pytest.raises(StoreError, match=f"^diptych-documents: the server.*{says}"):
        store.documents.upsert([POINT])


def test_collections_are_created_with_shards_replicas_and_float16(qdrant: Qdrant) -> None:
    qdrant.exists = False
    chosen = Settings(store=qdrant.url, server_seconds=3, shards=3, replicas=2, collections="lib", aliases="lib_")
    store = open_server_store(chosen, text_shapes(3, half=True))
    puts = [(path.split("/"), body) for method, path, body in qdrant.requests if method == "PUT"]
    created = {parts[2]: body for parts, body in puts if len(parts) == 3}
    assert set(created) == {"lib-documents", "lib-text", "lib-images"}
    for name, body in created.items():
        shards = 1 if name == "lib-documents" else 3
        assert (body["shard_number"], body["replication_factor"], body["write_consistency_factor"]) == (shards, 2, 2)
    assert created["lib-text"]["vectors"]["dense"]["datatype"] == "float16"
    assert created["lib-text"]["sparse_vectors"] == {name: {"modifier": "idf"} for name in ("indexed", "whole")}
    qdrant.requests.clear()
    store.documents.upsert([POINT])
    store.documents.retrieve([POINT.id])
    write, read = (path for _, path, _ in qdrant.requests)
    assert "ordering=strong" in write
    assert "consistency=majority" in read
    store.close()


def test_rejected_key_is_reported_and_not_shown(qdrant: Qdrant, store: Store) -> None:
    qdrant.script = [(401, {}, None)]
    with pytest.raises(StoreError, match=API_KEY_VARIABLE) as caught:
        store.documents.upsert([POINT])
    assert (qdrant.writes, qdrant.keys) == (1, {"s3cret"})
    assert "s3cret" not in str(caught.value)


def test_unreachable_server_is_reported() -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        open_server_store(Settings(store="http://127.0.0.1:9", server_seconds=1), text_shapes(3))


def test_indexes_that_an_interrupted_creation_left_out_are_created(qdrant: Qdrant) -> None:
    qdrant.indexed = ["document"]
    open_server_store(Settings(store=qdrant.url), text_shapes(3)).close()
    indexes = [(path.split("/")[2], body["field_name"]) for method, path, body in qdrant.requests if method == "PUT"]
    kinds = ("documents", "text", "images")
    missing = [(f"diptych-{kind}", field) for kind in kinds for field in FIXED_INDEXES[kind] if field != "document"]
    assert indexes == missing


@pytest.mark.parametrize(
    ("kind", "reason"), [("images", "no vector 'description'"), ("documents", "vectors, so it does not belong")]
)
def test_collection_of_another_program_is_refused_by_name(qdrant: Qdrant, kind: str, reason: str) -> None:
    qdrant.vectors = {f"diptych-{kind}": ("colours",)}
    with pytest.raises(StoreError, match=rf"diptych-{kind}: .*{reason}.*DIPTYCH_COLLECTIONS"):
        open_server_store(Settings(store=qdrant.url), text_shapes(3))
    assert not any(
        method == "PUT" and path.startswith(f"/collections/diptych-{kind}") for method, path, _ in qdrant.requests
    )


@pytest.mark.parametrize("version", ["1.16.3", "0.9"])
def test_old_servers_are_refused_before_anything_is_written(qdrant: Qdrant, version: str) -> None:
    qdrant.version = version
    with pytest.raises(StoreError, match=rf"runs Qdrant {version}, but 1\.17 or newer"):
        open_server_store(Settings(store=qdrant.url), text_shapes(3))
    assert [path for _, path, _ in qdrant.requests] == ["/"]


@pytest.mark.parametrize("version", ["1.17.1", "1.20.0-dev", "2.0"])
def test_newer_servers_are_accepted(qdrant: Qdrant, version: str) -> None:
    qdrant.version = version
    assert server_version(Settings(store=qdrant.url)) == version
