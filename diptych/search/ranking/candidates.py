"""Reads the candidates for a query from the store; all parts of a document are of one version of it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple, TypeVar

from diptych.errors import StoreBusy
from diptych.search.ranking.fusion import Ranks, fuse, rank_ids
from diptych.search.ranking.part_cache import Kept, PartCache, Records, visible_parts
from diptych.search.ranking.ranking_inputs import Part
from diptych.store.copies import CopyGroups
from diptych.store.register import document_states, load_records, seen_version
from diptych.store.types import Payload, RankedListRequest, ScoredPoint, Store

T = TypeVar("T")
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
    parts: Mapping[str, Part]
    """Id -> the best passages and pictures."""
    pages: list[Part]
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
    payloads: Mapping[str, Payload] = field(default_factory=dict)
    """Id -> payload, as far as the search read them."""


class _Found(NamedTuple):
    """What was read, visible or not."""

    lists: dict[str, dict[str, float]]
    """List name -> ids with scores, best first."""
    known: dict[str, Kept]
    """Of the best points, those that are kept in memory."""
    payloads: dict[str, Payload]
    """Id -> payload of the best points, as far as they were read."""
    whole: bool
    """Whether all of them still existed."""
    complete: bool
    """Whether there are no further candidates."""

    @property
    def new(self) -> dict[str, Payload]:
        """The payloads of points that are not known."""
        return {id_: payload for id_, payload in self.payloads.items() if id_ not in self.known}

    @property
    def documents(self) -> set[str]:
        of_known = (record.id for record, _ in self.known.values())
        return {*of_known, *(payload["document_id"] for payload in self.payloads.values())}


def read_candidates(
    store: Store, cache: PartCache, requests: Requests, weights: Mapping[str, float], limit: int, language: str
) -> Snapshot:
    """Read the `limit` best parts and all pages found; start again if their documents changed in between.

    `language`: of documents without one of their own.
    Raises `StoreBusy` if they change again and again.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    before: dict[str, object] = {}
    while time.monotonic() < deadline:
        with store.hold():
            version = seen_version(store)
            found = _read_parts(store, requests, weights, limit, cache)
            documents = found.documents
            records = cache.register.records_at(version, store, documents)
            if records is not None and cache.are_current(found.known, records):
                parts = visible_parts(found.new, records, language)
                cache.keep(parts, records)
                cache.read_ahead(store, language)
                return _snapshot(found, parts, documents, version, records, cache.register.copies)
            # There were commits. They do not matter if these documents are as they were before this attempt.
            records = load_records(store, documents)
            states = document_states(documents, records)
            if found.whole and cache.are_current(found.known, records) and states.items() <= before.items():
                copies = CopyGroups()
                copies.add(records.values())
                return _snapshot(
                    found, visible_parts(found.new, records, language), documents, version, records, copies
                )
            before = states
    raise StoreBusy(STORE_BUSY)


def _snapshot(
    found: _Found, new: Mapping[str, Part], documents: Set[str], version: str, records: Records, copies: CopyGroups
) -> Snapshot:
    """`new`: the parts that count among those that were read; `documents`: of all points that were found."""
    lists, hidden = dict(found.lists), found.new.keys() - new.keys()
    parts = {**{id_: part for id_, (_, part) in found.known.items()}, **new}
    mostly_hidden = len(hidden) > len(parts)
    pages = [parts.pop(id_) for name in _page_lists(lists) for id_ in lists.pop(name) if id_ in parts]
    ranks, scores = {}, {}
    for name, points in lists.items():  # ranks are counted as if hidden points did not exist
        shown = rank_ids(id_ for id_ in points if id_ not in hidden)
        ranks[name] = {id_: rank for id_, rank in shown.items() if id_ in parts}
        scores[name] = {id_: points[id_] for id_ in ranks[name]}
    return Snapshot(
        lists=ranks,
        scores=scores,
        parts=parts,
        pages=pages,
        version=version,
        complete=found.complete,
        mostly_hidden=mostly_hidden,
        copies=copies.among(documents),
        states=document_states(documents, records),
        payloads=found.payloads,
    )


def _read_parts(store: Store, requests: Requests, weights: Mapping[str, float], limit: int, cache: PartCache) -> _Found:
    """Searching is fast and reading payloads is slow, so the lists are fused to read only the best points, each once,
    unless they are in the cache, or the store sends payloads with the lists.

    Ranking fuses the lists again, without hidden points and with whatever weights are tried.
    """
    collections = {"text": store.text, "images": store.images}
    wanted = {name: list(of_collection.values()) for name, of_collection in requests.items() if of_collection}
    answers = _for_each(list(wanted), lambda name: collections[name].search(wanted[name]), store)
    found = {name: dict(zip(requests[name], answer, strict=True)) for name, answer in answers.items()}
    lists = {name: sort_points(points) for of_collection in found.values() for name, points in of_collection.items()}
    received = {one.id: one.payload for one in chain.from_iterable(chain(*answers.values())) if one.payload}
    page_lists = _page_lists(lists)
    fused = fuse({name: rank_ids(points) for name, points in lists.items() if name not in page_lists}, weights)
    best = {*islice(fused, limit), *chain.from_iterable(lists[name] for name in page_lists)}
    known = cache.find(best)
    payloads = {id_: received[id_] for id_ in best & received.keys()}
    missing = best - known.keys() - payloads.keys()
    rest = {
        name: sorted(missing.intersection(chain.from_iterable(lists[one] for one in of_collection)))
        for name, of_collection in found.items()
    }
    retrieved = _for_each(list(filter(rest.get, rest)), lambda name: collections[name].retrieve(rest[name]), store)
    payloads |= {point.id: point.payload for point in chain.from_iterable(retrieved.values())}
    limits = {name: request.limit for of_collection in requests.values() for name, request in of_collection.items()}
    complete = len(fused) <= limit and all(
        len(points) < limits[name] for name, points in lists.items() if name not in page_lists
    )
    return _Found(lists, known, payloads, payloads.keys() | known.keys() == best, complete)


def _for_each(collections: Sequence[str], work: Callable[[str], T], store: Store) -> dict[str, T]:
    """What `work` returns for each collection."""
    if len(collections) < 2 or not store.is_remote:  # the embedded engine lets no other thread of Python run
        return {name: work(name) for name in collections}
    # Threads for every search: those of a pool would be missing in processes that are forked later.
    with ThreadPoolExecutor(len(collections), thread_name_prefix="diptych-search") as threads:
        return dict(zip(collections, threads.map(work, collections), strict=True))


def load_payloads(parts: Mapping[str, Part], snapshots: Sequence[Snapshot], store: Store) -> dict[str, Payload]:
    """The payloads of parts that still exist, by id, with the current names of their documents."""
    payloads = {id_: one.payloads[id_] for one in snapshots for id_ in parts.keys() & one.payloads.keys()}
    for collection, modality in ((store.text, "text"), (store.images, "image")):
        missing = [id_ for id_, part in parts.items() if id_ not in payloads and part.modality == modality]
        payloads |= {point.id: point.payload for point in (collection.retrieve(missing) if missing else ())}
    return {id_: {**payload, "document": parts[id_].document} for id_, payload in payloads.items()}


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


def _page_lists(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(PAGES)]


def sort_points(points: Iterable[ScoredPoint]) -> dict[str, float]:
    """Ids with scores, best first. Scores are rounded to five digits; ties are sorted by id, so all engines agree."""
    ordered = sorted((-float(f"{point.score:.5g}"), point.id) for point in points)
    return {id_: -score for score, id_ in ordered}
