"""Recall and latency of a store on a Qdrant server with each of its settings for vectors.

One collection keeps the default settings. The other one is changed in place, and every query is put to both in turn,
so that a busy moment affects both.
"""

import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from typing import NamedTuple

import numpy as np

from bench.measurement import BenchOptions, Measurement, percentile, time_alternately, time_call
from bench.processor_log import find_server
from bench.synthetic_store import SPREAD
from bench.synthetic_text import Author
from diptych.encoders.registry import load_encoder
from diptych.models.meter import Meter
from diptych.settings import Settings, load_settings
from diptych.store.server.store import ServerStore, open_server_store
from diptych.store.types import TEXT_VECTOR, Payload, Point, RankedListRequest, in_batches, text_shapes
from diptych.vectors import Vector

QUERIES, TIMED_QUERIES, HITS = 500, 300, 10
DOCUMENT_POINTS, PAGE_POINTS = 200, 5
BATCH = 1000
POLL_SECONDS, IDLE_POLLS = 1.0, 5
FULL = "float32, in memory"
STEPS: tuple[tuple[str, dict[str, object]], ...] = (
    ("scalar, rescored 2x", {"quantization": "scalar"}),
    ("scalar, not rescored", {"quantization": "scalar", "rescore": False}),
    ("turbo, rescored 2x", {"quantization": "turbo"}),
    ("turbo, not rescored", {"quantization": "turbo", "rescore": False}),
    ("binary, rescored 4x", {"quantization": "binary", "oversampling": 4}),
    ("binary, rescored 2x", {"quantization": "binary"}),
    ("binary, not rescored", {"quantization": "binary", "rescore": False}),
    ("turbo, rescored 2x, vectors on disk", {"quantization": "turbo", "vectors_on_disk": True}),
    ("vectors on disk", {"quantization": "none", "vectors_on_disk": True}),
    ("payload in memory", {"quantization": "none", "vectors_on_disk": False, "payload_on_disk": False}),
)
"""Each is applied to the store of the step before. Settings that are not named stay as they are."""


class Corpus(NamedTuple):
    points: Vector
    """Of unit length, one per row."""
    queries: Vector
    nearest: list[set[int]]
    """Query -> rows of the `HITS` nearest points, found by comparing with all of them."""


def server(options: BenchOptions) -> Iterator[Measurement]:
    """Recall@10 against exact search, and latency of a vector search with payloads against default settings."""
    if not options.store:
        print("bench server: needs a Qdrant server; name it with --store http://HOST:6333", file=sys.stderr)
        return
    corpus = _corpus(options.points)
    process = find_server(options.store)
    used = sum(process.cpu_times()[:2]) if process else 0.0
    with closing(_opened(options.store, _new_prefix(), {})) as full:
        storing = time_call(lambda: _fill(full, corpus))
        indexing = time_call(lambda: _wait_until_indexed(full))
        yield Measurement(f"{options.points:,} points, until indexed", storing + indexing, "s", "until stored", storing)
        if process:
            used = sum(process.cpu_times()[:2]) - used
            yield Measurement("the same, of a core of the server", used, "s", "until indexed", storing + indexing)
        yield _recall(FULL, full, corpus)
        with closing(_filled(options.store, _new_prefix(), corpus, {"vectors": "float16"})) as half:
            yield from _compare("float16", half, full, corpus)
            _remove(half)
        prefix = _new_prefix()
        changed = _filled(options.store, prefix, corpus, {})
        for name, settings in STEPS:
            changed.close()
            changed = _opened(options.store, prefix, settings)
            yield from _compare(name, changed, full, corpus)
        _remove(changed)
        changed.close()
        _remove(full)


def _corpus(count: int) -> Corpus:
    """Random points near the centre of their page, which is near the encoded topic of their document."""
    chance = np.random.default_rng(count)
    topics = [" ".join(Author(np.random.default_rng(n)).topic[:20]) for n in range(-(-count // DOCUMENT_POINTS))]
    centres = load_encoder("minilm", load_settings(), Meter()).encode_texts(topics)
    pages = np.repeat(centres, DOCUMENT_POINTS // PAGE_POINTS, axis=0)
    pages = pages + SPREAD["page"] * _directions(chance, len(pages), pages.shape[1])
    points = _near(pages[np.arange(count) // PAGE_POINTS], chance)
    queries = _near(pages[chance.integers(0, -(-count // PAGE_POINTS), QUERIES)], chance)
    scores = queries @ points.T
    nearest = [set(map(int, np.argpartition(-row, HITS)[:HITS])) for row in scores]
    return Corpus(points, queries, nearest)


def _directions(chance: np.random.Generator, count: int, size: int) -> Vector:
    drawn = chance.standard_normal((count, size), np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def _near(centres: Vector, chance: np.random.Generator) -> Vector:
    vectors = centres + SPREAD["part"] * _directions(chance, *centres.shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _opened(url: str, prefix: str, settings: dict[str, object]) -> ServerStore:
    chosen = Settings(store=url, collections=prefix, aliases=f"{prefix}_", **settings)  # type: ignore[arg-type]
    store = open_server_store(chosen, text_shapes(384, half=chosen.vectors == "float16"))
    _wait_until_indexed(store)
    return store


def _filled(url: str, prefix: str, corpus: Corpus, settings: dict[str, object]) -> ServerStore:
    store = _opened(url, prefix, settings)
    _fill(store, corpus)
    _wait_until_indexed(store)
    return store


def _new_prefix() -> str:
    return f"bench-{uuid.uuid4().hex[:8]}"


def _fill(store: ServerStore, corpus: Corpus) -> None:
    print(f"storing {len(corpus.points):,} points …", file=sys.stderr)
    for rows in in_batches(range(len(corpus.points)), BATCH):
        store.text.upsert([Point(_id(row), _payload(row), {TEXT_VECTOR: corpus.points[row]}) for row in rows])


def _id(row: int) -> str:
    return str(uuid.UUID(int=row))


def _payload(row: int) -> Payload:
    """As large as that of a passage."""
    return {"page": row // PAGE_POINTS, "modality": "text", "kind": "text", "text": f"{row} lorem ipsum dolor " * 30}


def _wait_until_indexed(store: ServerStore) -> None:
    """A server starts to build some time after a change, so it must have nothing to do several times in a row."""
    idle = 0
    while idle < IDLE_POLLS:
        idle = idle + 1 if store.text.is_optimized() else 0
        time.sleep(POLL_SECONDS)


def _remove(store: ServerStore) -> None:
    store.drop_edition(1)
    store.documents.drop()


def _search(store: ServerStore, query: Vector) -> list[int]:
    hits = store.text.search([RankedListRequest(HITS, TEXT_VECTOR, vector=query)])[0]
    store.text.retrieve([hit.id for hit in hits])
    return [uuid.UUID(hit.id).int for hit in hits]


def _recall(name: str, store: ServerStore, corpus: Corpus) -> Measurement:
    pairs = zip(corpus.queries, corpus.nearest, strict=True)
    found = [len(nearest.intersection(_search(store, query))) / HITS for query, nearest in pairs]
    return Measurement(f"recall@{HITS}, {name}", float(np.mean(found)), "share", "exact search", 1.0)


def _compare(name: str, store: ServerStore, full: ServerStore, corpus: Corpus) -> Iterator[Measurement]:
    yield _recall(name, store, corpus)
    ours, theirs = cycle(corpus.queries), cycle(corpus.queries)
    taken = time_alternately(
        lambda: _search(store, next(ours)), lambda: _search(full, next(theirs)), rounds=TIMED_QUERIES
    )
    for percent in (50, 95):
        values = [1000 * percentile(seconds, percent) for seconds in taken]
        yield Measurement(f"search p{percent}, {name}", values[0], "ms", FULL, values[1])
