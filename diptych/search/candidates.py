"""Reads the candidates for a query from the store, as of one moment between two commits."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from diptych.errors import StoreBusy
from diptych.search.fusion import Ranks, fuse, rank_ids
from diptych.store.register import DocumentRecord, RegisterCache, current_payload, is_visible, seen_version
from diptych.store.types import Payload, RankedListRequest, ScoredPoint, Store

RETRY_SECONDS = 5.0
"""How long to wait for a moment without a commit."""
STORE_BUSY = "documents changed too often during the search; try again"
PAGES = "pages"
"""How the names of lists of pages begin. Pages are never hits; ranking reads them."""

Requests = Mapping[str, Mapping[str, RankedListRequest]]
"""Collection (`text`, `images`) -> list name -> request."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Visible candidates of one moment."""

    lists: Mapping[str, Ranks]
    """List -> ranks of the parts that were read."""
    scores: Mapping[str, Mapping[str, float]]
    """List -> scores of the parts that were read: cosine similarities, or BM25."""
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
    copies: Mapping[str, str] = field(default_factory=dict)
    """Id of a document that has copies -> its group."""


def read_candidates(
    store: Store, register: RegisterCache, requests: Requests, weights: Mapping[str, float], limit: int
) -> Snapshot:
    """Read the `limit` best parts and all pages found; start again if a commit happened in between.

    Raises `StoreBusy` if commits follow each other too fast.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    while time.monotonic() < deadline:
        with store.hold():
            version = seen_version(store)
            lists, payloads, complete = _read_parts(store, requests, weights, limit)
            documents = {payload["document_id"] for payload in payloads.values()}
            records = register.records_at(version, store, documents)
            if records is not None:
                break
    else:
        raise StoreBusy(STORE_BUSY)
    parts = {
        id_: current_payload(payload, records) | {"last": _is_last(payload, records)}
        for id_, payload in payloads.items()
        if is_visible(payload, id_, records)
    }
    hidden = payloads.keys() - parts.keys()
    pages = [parts.pop(id_) for name in _page_lists(lists) for id_ in lists.pop(name) if id_ in parts]
    ranks, scores = {}, {}
    for name, points in lists.items():  # ranks are counted as if hidden points did not exist
        visible = rank_ids(id_ for id_ in points if id_ not in hidden)
        ranks[name] = {id_: rank for id_, rank in visible.items() if id_ in parts}
        scores[name] = {id_: points[id_] for id_ in ranks[name]}
    copies = register.copies_among(documents)
    mostly_hidden = 2 * len(hidden) > len(payloads)
    return Snapshot(ranks, scores, parts, pages, version, complete, mostly_hidden, copies)


def _read_parts(
    store: Store, requests: Requests, weights: Mapping[str, float], limit: int
) -> tuple[dict[str, dict[str, float]], dict[str, Payload], bool]:
    """(list name -> ids with scores, best first; payloads by id, visible or not; whether the candidates are all).

    Searching is fast and reading payloads is slow, so the lists are fused to read only the best points, each once,
    unless the store sends payloads with the lists.
    Ranking fuses them again, without hidden points and with whatever weights are tried.
    """
    collections = {"text": store.text, "images": store.images}
    found: dict[str, dict[str, dict[str, float]]] = {}
    received: dict[str, Payload] = {}
    for name, wanted in requests.items():
        if wanted:
            points = collections[name].search(list(wanted.values()))
            found[name] = dict(zip(wanted, map(sort_points, points), strict=True))
            received.update((one.id, one.payload) for one in chain.from_iterable(points) if one.payload)
    lists = {name: points for of_collection in found.values() for name, points in of_collection.items()}
    page_lists = _page_lists(lists)
    fused = fuse({name: rank_ids(points) for name, points in lists.items() if name not in page_lists}, weights)
    best = {*(point.id for point in fused[:limit]), *chain.from_iterable(lists[name] for name in page_lists)}
    payloads = {id_: received[id_] for id_ in best & received.keys()}
    for name, of_collection in found.items():
        if ids := sorted(best.intersection(chain.from_iterable(of_collection.values())) - received.keys()):
            payloads.update({point.id: point.payload for point in collections[name].retrieve(ids)})
    limits = {name: request.limit for wanted in requests.values() for name, request in wanted.items()}
    complete = len(fused) <= limit and all(
        len(points) < limits[name] for name, points in lists.items() if name not in page_lists
    )
    return lists, payloads, complete


def _is_last(payload: Payload, records: Mapping[str, DocumentRecord]) -> bool:
    """Whether it is on the last page of its document, or the last with anything on it."""
    return bool(payload.get("last")) or payload["page"] == records[payload["document_id"]].pages


def _page_lists(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(PAGES)]


def sort_points(points: Iterable[ScoredPoint]) -> dict[str, float]:
    """Ids with scores, best first. Scores are rounded to five digits; ties are sorted by id, so all engines agree."""
    rounded = ((point.id, float(f"{point.score:.5g}")) for point in points)
    return dict(sorted(rounded, key=lambda item: (-item[1], item[0])))
