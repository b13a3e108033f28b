"""Reads the candidates for a query from the store; all parts of a document are of one version of it."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple, TypeVar

from diptych.errors import StoreBusy
from diptych.search.fusion import Ranks, fused_scores, rank_ids
from diptych.store.copies import CopyGroups
from diptych.store.register import (
    DocumentRecord,
    RegisterCache,
    current_payload,
    document_states,
    is_visible,
    load_records,
    seen_version,
)
from diptych.store.types import Payload, RankedListRequest, ScoredPoint, Store

T = TypeVar("T")
_FREE_HELPERS = threading.Semaphore((os.cpu_count() or 1) // 2)
"""Further searches at the same time keep the processors busy without help."""
RETRY_SECONDS = 5.0
"""How long to wait for a moment in which none of the documents that are found changes."""
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
    """Version of the register; of a snapshot between commits to other documents, the one before it."""
    complete: bool
    """Whether there are no further candidates."""
    mostly_hidden: bool
    """Whether most points that were read belong to a version that is not live yet, or no longer."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """Id of a document that has copies -> its group."""
    states: Mapping[str, object] = field(default_factory=dict)
    """Id of each document that was found -> what changes when it is committed, renamed or deleted."""


class _Found(NamedTuple):
    """What was read, visible or not."""

    lists: dict[str, dict[str, float]]
    """List name -> ids with scores, best first."""
    known: dict[str, Payload]
    """Id -> payload of the best points that were kept in memory, all of which are visible."""
    read: dict[str, Payload]
    """The same for other points."""
    whole: bool
    """Whether all of them still existed."""
    complete: bool
    """Whether there are no further candidates."""

    @property
    def documents(self) -> set[str]:
        return {payload["document_id"] for payload in chain(self.known.values(), self.read.values())}


def read_candidates(
    store: Store, register: RegisterCache, requests: Requests, weights: Mapping[str, float], limit: int
) -> Snapshot:
    """Read the `limit` best parts and all pages found; start again if their documents changed in between.

    Raises `StoreBusy` if they change again and again.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    before: dict[str, object] = {}
    while time.monotonic() < deadline:
        with store.hold():
            version = seen_version(store)
            found = _read_parts(store, requests, weights, limit, register.points_at(version))
            documents = found.documents
            records = register.records_at(version, store, documents)
            if records is not None:
                visible = _visible(found.read, records)
                register.keep_points(version, visible)
                states = document_states(documents, records)
                return _snapshot(found, visible, version, states, register.copies_among(documents))
            # There were commits. They do not matter if these documents are as they were before this attempt.
            records = load_records(store, documents)
            states = document_states(documents, records)
            if found.whole and states.items() <= before.items():
                copies = CopyGroups()
                copies.add(records.values())
                return _snapshot(found, _visible(found.read, records), version, states, copies.among(documents))
            before = states
    raise StoreBusy(STORE_BUSY)


def _visible(payloads: Mapping[str, Payload], records: Mapping[str, DocumentRecord]) -> dict[str, Payload]:
    """The payloads that count, up to date; they belong to this search alone until they are kept."""
    visible = {
        id_: current_payload(payload, records) for id_, payload in payloads.items() if is_visible(payload, id_, records)
    }
    for payload in visible.values():
        payload["last"] = _is_last(payload, records)
    return visible


def _snapshot(
    found: _Found,
    visible: Mapping[str, Payload],
    version: str,
    states: Mapping[str, object],
    copies: Mapping[str, str],
) -> Snapshot:
    lists, parts, hidden = dict(found.lists), {**found.known, **visible}, found.read.keys() - visible.keys()
    mostly_hidden = len(hidden) > len(parts)
    pages = [parts.pop(id_) for name in _page_lists(lists) for id_ in lists.pop(name) if id_ in parts]
    ranks, scores = {}, {}
    for name, points in lists.items():  # ranks are counted as if hidden points did not exist
        shown = rank_ids(id_ for id_ in points if id_ not in hidden)
        ranks[name] = {id_: rank for id_, rank in shown.items() if id_ in parts}
        scores[name] = {id_: points[id_] for id_ in ranks[name]}
    return Snapshot(ranks, scores, parts, pages, version, found.complete, mostly_hidden, copies, states)


def _read_parts(
    store: Store, requests: Requests, weights: Mapping[str, float], limit: int, kept: Mapping[str, Payload]
) -> _Found:
    """Searching is fast and reading payloads is slow, so the lists are fused to read only the best points, each once,
    unless they are among those `kept` in memory, or the store sends payloads with the lists.

    Ranking fuses the lists again, without hidden points and with whatever weights are tried.
    """
    collections = {"text": store.text, "images": store.images}
    wanted = {name: list(of_collection.values()) for name, of_collection in requests.items() if of_collection}
    answers = _at_once(lambda name: collections[name].search(wanted[name]), list(wanted))
    found = {name: dict(zip(requests[name], answer, strict=True)) for name, answer in answers.items()}
    lists = {name: sort_points(points) for of_collection in found.values() for name, points in of_collection.items()}
    received = {one.id: one.payload for one in chain.from_iterable(chain(*answers.values())) if one.payload}
    page_lists = _page_lists(lists)
    fused = fused_scores({name: rank_ids(points) for name, points in lists.items() if name not in page_lists}, weights)
    best = {*islice(fused, limit), *chain.from_iterable(lists[name] for name in page_lists)}
    known = {id_: payload for id_ in best if (payload := kept.get(id_))}
    best -= known.keys()
    read = {id_: received[id_] for id_ in best & received.keys()}
    rest = {
        name: sorted((best - read.keys()).intersection(chain.from_iterable(lists[one] for one in of_collection)))
        for name, of_collection in found.items()
    }
    retrieved = _at_once(lambda name: collections[name].retrieve(rest[name]), [name for name in rest if rest[name]])
    read |= {point.id: point.payload for point in chain.from_iterable(retrieved.values())}
    limits = {name: request.limit for of_collection in requests.values() for name, request in of_collection.items()}
    complete = len(fused) <= limit and all(
        len(points) < limits[name] for name, points in lists.items() if name not in page_lists
    )
    return _Found(lists, known, read, len(read) == len(best), complete)


def _at_once(work: Callable[[str], T], collections: Sequence[str]) -> dict[str, T]:
    """What `work` returns for each collection; if a helper is free, it reads the second one meanwhile."""
    if len(collections) < 2 or not _FREE_HELPERS.acquire(blocking=False):
        return {name: work(name) for name in collections}
    first, second = collections
    try:
        # A thread for every search: those of a pool would be missing in processes that are forked later.
        with ThreadPoolExecutor(1, thread_name_prefix="diptych-search") as helper:
            helped = helper.submit(work, second)
            return {first: work(first), second: helped.result()}
    finally:
        _FREE_HELPERS.release()


def agree(snapshots: Sequence[Snapshot], store: Store) -> bool:
    """Whether every document is in the same state in all of them, and now, unless the last one found it."""
    if len({one.version for one in snapshots}) < 2:
        return True
    states: dict[str, object] = {}
    if any(states.setdefault(id_, state) != state for one in snapshots for id_, state in one.states.items()):
        return False
    # What was deleted in the meantime is not found again; its first parts must not be shown without the others.
    missing = {id_: state for id_, state in states.items() if id_ not in snapshots[-1].states}
    return document_states(missing, load_records(store, missing)) == missing


def _is_last(payload: Payload, records: Mapping[str, DocumentRecord]) -> bool:
    """Whether it is on the last page of its document, or the last with anything on it."""
    return bool(payload.get("last")) or payload["page"] == records[payload["document_id"]].pages


def _page_lists(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(PAGES)]


def sort_points(points: Iterable[ScoredPoint]) -> dict[str, float]:
    """Ids with scores, best first. Scores are rounded to five digits; ties are sorted by id, so all engines agree."""
    rounded = ((point.id, float(f"{point.score:.5g}")) for point in points)
    return dict(sorted(rounded, key=lambda item: (-item[1], item[0])))
