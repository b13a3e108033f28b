"""What is found for a question, as of one moment: the ranked lists, fused by reciprocal rank, the best of them read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from diptych.errors import StoreBusy
from diptych.search.fusion import Ranks, fuse, ranked
from diptych.store.register import RegisterCache, is_visible, register_version
from diptych.store.types import Payload, RankedListRequest, ScoredPoint, Store

PATIENCE = 5.0
"""Seconds to find a moment between two commits."""
PAGES = "pages"
"""The list of pages: no hits, but what the ranking reads."""

Lookups = Mapping[str, Mapping[str, RankedListRequest]]
"""Collection (`text`, `images`) -> list name -> what is wanted of it."""


class Gathered(NamedTuple):
    """Of the two collections, as of one moment, only what counts."""

    ranks: Mapping[str, Ranks]
    """List -> ranks of the parts that were read."""
    parts: Mapping[str, Payload]
    """Id -> payload of the passages and pictures that the lists together place best."""
    pages: list[Payload]
    """The pages whose words are the best."""
    moment: str
    """The register's clock."""
    whole: bool
    """Whether there are no other parts."""
    crowded: bool
    """Whether most of what was read does not count: it is of a version that is not yet, or no longer, live."""


class _Seen(NamedTuple):
    lists: Mapping[str, list[str]]
    """Name -> ids, best first."""
    read: Mapping[str, Payload]
    whole: bool


def gather(
    index: Store, register: RegisterCache, lookups: Lookups, weights: Mapping[str, float], most: int
) -> Gathered:
    """Look up, and read the `most` best parts and all pages found; anew when a commit fell in between.

    Raises `StoreBusy` when documents change all the time.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with index.hold():
            moment = register_version(index)
            seen = _look(index, lookups, weights, most)
            live = register.records_at(moment, index, {payload["document_id"] for payload in seen.read.values()})
            if register_version(index) == moment:
                hidden = {point for point, payload in seen.read.items() if not is_visible(payload, point, live)}
                return _counted(seen, hidden, moment)
    raise StoreBusy("documents changed faster than a question could be answered; ask again")


def _look(index: Store, lookups: Lookups, weights: Mapping[str, float], most: int) -> _Seen:
    """Finding is quick and reading is not, so what is found several times is read once, and what is far down never."""
    collections = {"text": index.text, "images": index.images}
    asked = {panel: named for panel, named in lookups.items() if named}
    found = {
        panel: dict(zip(named, map(in_order, collections[panel].search(list(named.values()))), strict=True))
        for panel, named in asked.items()
    }
    lists = {name: points for held in found.values() for name, points in held.items()}
    fused = fuse({name: ranked(points) for name, points in lists.items() if name != PAGES}, weights)
    wanted = {*(one.id for one in fused[:most]), *lists.get(PAGES, ())}
    read = {}
    for panel, held in found.items():
        ids = sorted({point for points in held.values() for point in points} & wanted)
        read.update({point.id: point.payload for point in collections[panel].retrieve(ids)} if ids else {})
    limits = {name: lookup.limit for named in asked.values() for name, lookup in named.items()}
    whole = len(fused) <= most and all(len(lists[name]) < limits[name] for name in lists if name != PAGES)
    return _Seen(lists, read, whole)


def in_order(hits: Iterable[ScoredPoint]) -> list[str]:
    """Ids, best first; what scores alike goes by id, so that two runs, and two engines, give the same ranks."""
    return [hit.id for hit in sorted(hits, key=lambda hit: (-float(f"{hit.score:.5g}"), hit.id))]


def _counted(seen: _Seen, hidden: set[str], moment: str) -> Gathered:
    """Ranks as they are without what does not count."""
    parts = {point: payload for point, payload in seen.read.items() if point not in hidden}
    pages = [parts.pop(point) for point in seen.lists.get(PAGES, ()) if point in parts]
    ranks = {
        name: {point: rank for point, rank in ranked(p for p in points if p not in hidden).items() if point in parts}
        for name, points in seen.lists.items()
        if name != PAGES
    }
    return Gathered(ranks, parts, pages, moment, seen.whole, crowded=2 * len(hidden) > len(seen.read))
