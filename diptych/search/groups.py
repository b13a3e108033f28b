"""Hits grouped by document or by page."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from diptych.search.hits import Hit, Results, make_hit
from diptych.search.paging import check_number
from diptych.search.query.query import Query
from diptych.search.ranking.result_order import RankedPart
from diptych.search.search import SearchContext, encode_queries, find_hits

By = Literal["document", "page"]
MAX_HITS = 240
"""Hits that are grouped at most, because one long document may have them all."""


@dataclass(frozen=True, slots=True)
class Group:
    """A document or page with its best hits."""

    rank: int
    document: str
    source: str
    page: int | None
    """None for a document."""
    hits: tuple[Hit, ...]
    """With their ranks among all hits."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def search_groups(query: Query, context: SearchContext, by: By, limit: int, each: int) -> Results[Group]:
    """At most `limit` documents or pages, ordered by their best hit, with at most `each` hits.

    Raises the same errors as `search`.
    """
    check_number("limit", limit, 1)
    check_number("each", each, 1)

    def key(document: str, page: int) -> object:
        return (document, page) if by == "page" else document

    def enough(order: Iterator[RankedPart]) -> list[RankedPart]:
        points: list[RankedPart] = []
        keys: set[object] = set()
        for point in islice(order, MAX_HITS):
            points.append(point)
            keys.add(key(point.part.place[0], point.part.page))
            if len(keys) >= limit and len(points) >= limit * each:
                break
        return points

    (encoded,) = encode_queries([query], context)
    groups: dict[object, list[Hit]] = {}
    points = find_hits(encoded, context, enough)
    for rank, point in enumerate(points, start=1):
        hits = groups.setdefault(key(point.payload["document_id"], point.payload["page"]), [])
        if len(hits) < each:
            hits.append(make_hit(rank, point, context.pictures, encoded.intent.page_numbers))
    found = (
        Group(rank, hits[0].document, hits[0].source, hits[0].page if by == "page" else None, tuple(hits))
        for rank, hits in enumerate(islice(groups.values(), limit), start=1)
    )
    return Results(found, resembles=points.resembles, problem=points.problem)
