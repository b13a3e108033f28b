"""Hits by the document, or the page, that they stand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from diptych.errors import QueryError
from diptych.search.hits import Hit, make_hit
from diptych.search.query import Query
from diptych.search.search import Ordered, SearchContext, encoded, taken

By = Literal["document", "page"]
DEEPEST = 240
"""Hits that are looked through at most: one long document may have them all."""


@dataclass(frozen=True, slots=True)
class Group:
    """A document or a page, and its best hits."""

    rank: int
    document: str
    source: str
    page: int | None
    """None for a document."""
    hits: tuple[Hit, ...]
    """With their ranks among all hits."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def search_groups(query: Query, context: SearchContext, by: By, limit: int, each: int) -> list[Group]:
    """At most `limit` documents or pages by their best hit, the best first, with at most `each` hits.

    Raises as `search` does.
    """
    if limit < 1 or each < 1:
        raise QueryError(f"{limit} groups of {each} hits cannot be shown")

    def gathered(order: Iterator[Ordered]) -> list[tuple[int, Ordered]]:
        pulled: list[tuple[int, Ordered]] = []
        keys: set[object] = set()
        for one in enumerate(islice(order, DEEPEST), start=1):
            pulled.append(one)
            keys.add(_key(one[1], by))
            if len(keys) >= limit and len(pulled) >= limit * each:
                break
        return pulled

    (asked,) = encoded([query], context)
    groups: dict[object, list[Hit]] = {}
    for rank, one in taken(asked, context, gathered):
        held = groups.setdefault(_key(one, by), [])
        if len(held) < each:
            held.append(make_hit(rank, one.fused, one.payload, context.pictures))
    return [
        Group(rank, hits[0].document, hits[0].source, hits[0].page if by == "page" else None, tuple(hits))
        for rank, hits in enumerate(islice(groups.values(), limit), start=1)
    ]


def _key(one: Ordered, by: By) -> object:
    document = one.payload["document_id"]
    return (document, one.payload["page"]) if by == "page" else document
