"""Reads the candidates for a query from the store, as of one moment between two commits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diptych.errors import StoreBusy
from diptych.search.fusion import Ranks, fuse, rank_ids
from diptych.store.register import RegisterCache, is_visible, register_version
from diptych.store.types import Payload, RankedListRequest, ScoredPoint, Store

RETRY_SECONDS = 5.0
"""How long to wait for a moment without a commit."""
STORE_BUSY = "documents changed too often during the search; try again"
PAGES = "pages"
"""Name of the list of pages. Pages are never hits; ranking reads them."""

Requests = Mapping[str, Mapping[str, RankedListRequest]]
"""Collection (`text`, `images`) -> list name -> request."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Visible candidates of one moment."""

    lists: Mapping[str, Ranks]
    """List -> ranks of the parts that were read."""
    parts: Mapping[str, Payload]
    """Id -> payload of the best passages and pictures."""
    pages: list[Payload]
    """The pages with the best words."""
    version: str
    """Version of the register."""
    complete: bool
    """Whether there are no further candidates."""
    mostly_hidden: bool
    """Whether most points that were read belong to a version that is not live yet, or no longer."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """Everything that was read, visible or not."""

    lists: Mapping[str, list[str]]
    """List name -> ids, best first."""
    payloads: Mapping[str, Payload]
    complete: bool


def read_candidates(
    store: Store, register: RegisterCache, requests: Requests, weights: Mapping[str, float], limit: int
) -> Snapshot:
    """Read the `limit` best parts and all pages found; start again if a commit happened in between.

    Raises `StoreBusy` if commits follow each other too fast.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    while time.monotonic() < deadline:
        with store.hold():
            version = register_version(store)
            reading = _read(store, requests, weights, limit)
            documents = {payload["document_id"] for payload in reading.payloads.values()}
            records = register.records_at(version, store, documents)
            if register_version(store) == version:
                hidden = {id_ for id_, payload in reading.payloads.items() if not is_visible(payload, id_, records)}
                return _without_hidden(reading, hidden, version)
    raise StoreBusy(STORE_BUSY)


def _read(store: Store, requests: Requests, weights: Mapping[str, float], limit: int) -> _Reading:
    """Searching is fast and reading payloads is slow, so the lists are fused to read only the best points, each once.

    Ranking fuses them again, without hidden points and with whatever weights are tried.
    """
    collections = {"text": store.text, "images": store.images}
    wanted = {name: lists for name, lists in requests.items() if lists}
    found = {
        name: dict(zip(lists, map(sort_ids, collections[name].search(list(lists.values()))), strict=True))
        for name, lists in wanted.items()
    }
    lists = {name: ids for of_collection in found.values() for name, ids in of_collection.items()}
    fused = fuse({name: rank_ids(ids) for name, ids in lists.items() if name != PAGES}, weights)
    best = {*(point.id for point in fused[:limit]), *lists.get(PAGES, ())}
    payloads = {}
    for name, of_collection in found.items():
        ids = sorted({id_ for ids in of_collection.values() for id_ in ids} & best)
        payloads.update({point.id: point.payload for point in collections[name].retrieve(ids)} if ids else {})
    limits = {name: request.limit for of_collection in wanted.values() for name, request in of_collection.items()}
    complete = len(fused) <= limit and all(len(lists[name]) < limits[name] for name in lists if name != PAGES)
    return _Reading(lists, payloads, complete)


def sort_ids(points: Iterable[ScoredPoint]) -> list[str]:
    """Ids, best first. Scores that agree to five digits are ties and sorted by id, so that all engines agree."""
    return [point.id for point in sorted(points, key=lambda point: (-float(f"{point.score:.5g}"), point.id))]


def _without_hidden(reading: _Reading, hidden: set[str], version: str) -> Snapshot:
    """Ranks are counted as if hidden points did not exist."""
    parts = {id_: payload for id_, payload in reading.payloads.items() if id_ not in hidden}
    pages = [parts.pop(id_) for id_ in reading.lists.get(PAGES, ()) if id_ in parts]
    lists = {
        name: {id_: rank for id_, rank in rank_ids(i for i in ids if i not in hidden).items() if id_ in parts}
        for name, ids in reading.lists.items()
        if name != PAGES
    }
    mostly_hidden = 2 * len(hidden) > len(reading.payloads)
    return Snapshot(lists, parts, pages, version, reading.complete, mostly_hidden)
