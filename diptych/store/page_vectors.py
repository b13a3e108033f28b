"""The collection `images` with the vectors of whole pages, which are kept in a collection of their own, `pages`.

A page has about a thousand vectors, and only images of pages have them. Points have the same id in both collections,
so all that counts, commits, retires and hides a point of `images` holds for its vectors as well. A search compares
`POOLED` means of each page first and rescores the best pages with all their vectors.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from diptych.store.types import (
    PAGE_VECTOR,
    POOLED_VECTOR,
    Collection,
    Point,
    RankedListRequest,
    ScoredPoint,
)
from diptych.vectors import Vectors, unit_rows
from diptych.where import Expression

POOLED = 32
"""Vectors of the first stage per page: ColPali's paper on token pooling loses little at a factor of 32."""


class ImagesWithPages:
    """A `Collection`."""

    def __init__(self, images: Collection, pages: Collection) -> None:
        self.images, self.pages = images, pages

    def upsert(self, points: Sequence[Point]) -> None:
        """Vectors come second and are deleted first, so that none is without its point."""
        self.images.upsert([_without_page_vectors(point) for point in points])
        self.pages.upsert(_page_points(points))

    def delete(self, ids: Sequence[str]) -> None:
        self.pages.delete(ids)
        self.images.delete(ids)

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        return self.images.retrieve(ids)

    def replace_hidden(self, document: str, keep: Sequence[str], points: Sequence[Point]) -> None:
        self.pages.replace_hidden(document, keep, [])
        self.images.replace_hidden(document, keep, [_without_page_vectors(point) for point in points])
        self.pages.upsert(_page_points(points))

    def search(self, requests: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        found: dict[int, list[ScoredPoint]] = {}
        for collection, of_pages in ((self.images, False), (self.pages, True)):
            chosen = [row for row, request in enumerate(requests) if (request.using == PAGE_VECTOR) == of_pages]
            if chosen:
                found |= zip(chosen, collection.search([requests[row] for row in chosen]), strict=True)
        return [found[row] for row in range(len(requests))]

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]:
        """Points of `pages` alone, found by the hash of their image, have no other vectors."""
        if not vectors:
            yield from self.images.scroll(where)
            return
        # Both are read in the order of ids. Without a filter, they need not be in memory for that.
        pages, waiting = self.pages.scroll(where, vectors=True), dict[str, Point]()
        if where:
            waiting = {page.id: page for page in pages}
        for point in self.images.scroll(where, vectors=True):
            if not waiting:
                waiting = {page.id: page for page in islice(pages, 1)}
            page = waiting.pop(point.id, None)
            yield replace(point, vectors={**point.vectors, PAGE_VECTOR: page.vectors[PAGE_VECTOR]}) if page else point
        yield from (replace(page, vectors={PAGE_VECTOR: page.vectors[PAGE_VECTOR]}) for page in waiting.values())

    def count(self, where: Expression | None = None) -> int:
        return self.images.count(where)


def pool(vectors: Vectors) -> Vectors:
    """Means of at most `POOLED` runs of neighbouring patches, of unit length: rows of the page, in most models."""
    import numpy as np

    runs = np.array_split(vectors, min(POOLED, len(vectors)))
    means = np.stack([run.mean(axis=0, dtype=np.float32) for run in runs])
    return unit_rows(means)


def _without_page_vectors(point: Point) -> Point:
    return replace(point, vectors={name: one for name, one in point.vectors.items() if name != PAGE_VECTOR})


def _page_points(points: Sequence[Point]) -> list[Point]:
    return [
        replace(
            point, vectors={PAGE_VECTOR: point.vectors[PAGE_VECTOR], POOLED_VECTOR: pool(point.vectors[PAGE_VECTOR])}
        )
        for point in points
        if PAGE_VECTOR in point.vectors
    ]
