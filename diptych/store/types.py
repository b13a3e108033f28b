"""Two collections, `text` and `images`, and the documents register, behind one narrow seam.

An engine (embedded, server) implements `Collection`: upsert, delete, retrieve, search, scroll, count. Everything above
speaks of plain points and ranked lookups.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

from diptych.vectors import Vector
from diptych.where import Expression

T = TypeVar("T")
Payload = dict[str, Any]
"""JSON types only."""

TEXT_VECTOR = "dense"
DESCRIPTION_VECTOR = "description"
VISUAL_VECTOR = "visual"
VECTORS = {"text": (TEXT_VECTOR,), "images": (DESCRIPTION_VECTOR, VISUAL_VECTOR), "documents": ()}
"""Collection -> its vectors; the register has none, and `visual` is there only with an encoder of pixels."""
HASH_FIELDS = {TEXT_VECTOR: "content_hash", DESCRIPTION_VECTOR: "content_hash", VISUAL_VECTOR: "pixels_hash"}
"""Vector -> payload field that tells what was encoded, and by what: equal ones have equal vectors."""
KEYWORD_FIELDS = ("document_id", "document", "kind", "content_hash", "pixels_hash")
"""Payload fields with a keyword index."""
NAMESPACE = uuid.UUID("6f9d0f3e-4c39-5d0e-9a55-2f6a54d1c7b1")
STORE_ID = str(uuid.uuid5(NAMESPACE, "store"))
"""A register point that is not a document: the edition in force and how its texts are read."""
INDEXED = "indexed"
PAGE_WORDS = "whole"
"""Payload fields that BM25 reads: of a passage or picture its own words; of a page all words that stand on it."""
BM25_FIELDS: dict[str, tuple[str, ...]] = {"text": (INDEXED, PAGE_WORDS), "images": (INDEXED,), "documents": ()}
"""Collection -> its payload fields with a BM25 index."""


@dataclass(frozen=True, slots=True)
class VectorShape:
    """Of one vector."""

    size: int
    half: bool = False
    """Stored as float16."""


VectorShapes = Mapping[str, VectorShape]
"""Vector name -> its shape; a vector that is not named is not stored."""


@dataclass(frozen=True, slots=True)
class Point:
    """Immutable once written: another content is another id."""

    id: str
    payload: Payload
    vectors: Mapping[str, Vector] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RankedListRequest:
    """A ranked list that is wanted: nearest to `vector` in vector `using`, or BM25 of `words` in field `using`."""

    limit: int
    using: str
    vector: Vector | None = None
    words: str = ""
    where: Expression | None = None


class ScoredPoint(NamedTuple):
    """A point's place in a ranked list; what it says is to be retrieved."""

    id: str
    score: float


class Collection(Protocol):
    """Thread-safe; every error is a `StoreError`."""

    def upsert(self, points: Sequence[Point]) -> None: ...

    def delete(self, ids: Sequence[str]) -> None: ...

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        """The points that exist, without vectors, in no particular order."""
        ...

    def search(self, lookups: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        """One list a lookup, best first, ties in no particular order."""
        ...

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]: ...

    def count(self, where: Expression | None = None) -> int: ...


class Store(Protocol):
    """What `open_index` gives; whoever opened it closes it."""

    edition: int
    """Which edition of the two collections is open: `reindex` builds the next one beside it."""

    @property
    def text(self) -> Collection: ...

    @property
    def images(self) -> Collection: ...

    @property
    def documents(self) -> Collection: ...

    def open_edition(self, edition: int, shapes: VectorShapes) -> tuple[Collection, Collection]:
        """The collections `text` and `images` of an edition, made for vectors of `shapes` if they are not there."""
        ...

    def drop_edition(self, edition: int) -> bool:
        """Remove the collections of an edition; whether they were there."""
        ...

    def hold(self) -> AbstractContextManager[object]:
        """Several reads as one: an embedded store is not handed over to another process before the block ends."""
        ...

    def lock_document(self, document: str) -> AbstractContextManager[object]:
        """Keeps every other ingest of this document out, in the threads and processes that share the store."""
        ...

    def check_disk_space(self) -> None:
        """Raises `StoreError` when the disk has no room for more; every write of points looks by itself, too."""
        ...

    def optimize(self) -> None:
        """Build search structures after large writes; may take seconds, so never in a reader's way."""
        ...

    def close(self) -> None: ...


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of `size`, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def collection_name(collection: str, edition: int) -> str:
    """What a collection is called in an edition: `text`, `text-2` …"""
    return collection if edition == 1 else f"{collection}-{edition}"


def current_edition(documents: Sequence[Point]) -> int:
    """The edition in force, from the register's point `STORE_ID` if it is among `documents`."""
    return next((int(point.payload["edition"]) for point in documents if point.id == STORE_ID), 1)


def text_shapes(size: int, *, half: bool = False) -> dict[str, VectorShape]:
    """The shapes of a store whose texts are encoded and whose pixels are not."""
    return {TEXT_VECTOR: VectorShape(size, half), DESCRIPTION_VECTOR: VectorShape(size, half)}
