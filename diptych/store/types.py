"""The interface of a store: two collections, `text` and `images`, and the documents register.

`embedded` and `server` implement it. Everything else works with plain points and ranked lists.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

from diptych.store.languages import known_languages
from diptych.vectors import Vector
from diptych.where import Expression

T = TypeVar("T")
Payload = dict[str, Any]
"""JSON types only."""

TEXT_VECTOR = "dense"
DESCRIPTION_VECTOR = "description"
VISUAL_VECTOR = "visual"
PAGE_VECTOR, POOLED_VECTOR = "patches", "pooled"
"""Of images of whole pages: a vector for every patch, and means of them for the first stage of a search."""
VECTORS = {"text": (TEXT_VECTOR,), "images": (DESCRIPTION_VECTOR, VISUAL_VECTOR, PAGE_VECTOR), "documents": ()}
"""Collection -> its vectors. The register has none; `visual` and `patches` are only stored if their encoder is set."""
STORED_VECTORS = VECTORS | {
    "images": (DESCRIPTION_VECTOR, VISUAL_VECTOR),
    "pages": (PAGE_VECTOR, POOLED_VECTOR),
}
"""As they are kept: the vectors of pages have a collection of their own, see `page_vectors`."""
FIRST_STAGE = 200
"""Pages that are found by their pooled vectors and rescored by all, unless twice as many are requested."""
HASH_FIELDS = {
    TEXT_VECTOR: "content_hash",
    DESCRIPTION_VECTOR: "content_hash",
    VISUAL_VECTOR: "pixels_hash",
    PAGE_VECTOR: "page_hash",
}
"""Vector -> payload field with the hash of its input and encoder; equal hashes have equal vectors."""
KEYWORD_FIELDS: dict[str, tuple[str, ...]] = {
    "text": ("document_id", "document", "kind", "label", "content_hash"),
    "images": ("document_id", "document", "kind", "label", "content_hash", "pixels_hash"),
    "pages": ("document_id", "document", "kind", "page_hash"),
    "documents": (),
}
"""Collection -> its payload fields with a keyword index. The register is read by id or as a whole."""
NAMESPACE = uuid.UUID("6f9d0f3e-4c39-5d0e-9a55-2f6a54d1c7b1")
STORE_ID = str(uuid.uuid5(NAMESPACE, "store"))
"""The register point with the current edition and the encoders of the store. It is not a document."""
VERSION_ID = str(uuid.uuid5(NAMESPACE, "clock"))
"""The register point whose value changes with every write to the register. It is not a document."""
SKIPPED_ID = str(uuid.uuid5(NAMESPACE, "skipped"))
"""The register point that lists skipped files. It is not a document."""
PICTURES_ID = str(uuid.uuid5(NAMESPACE, "pictures"))
"""The register point that says which picture store is used; see `picture_binding`. It is not a document."""
INDEXED = "indexed"
"""Payload field that BM25 reads: the words of a passage or picture."""
PAGE_WORDS = "whole"
"""Payload field that BM25 reads: all words on a page."""
BM25_FIELDS: dict[str, tuple[str, ...]] = {
    "text": (INDEXED, PAGE_WORDS),
    "images": (INDEXED,),
    "pages": (),
    "documents": (),
}
"""Collection -> its payload fields that BM25 searches. Each has a sparse vector of the same name."""


@dataclass(frozen=True, slots=True)
class VectorShape:
    size: int
    half: bool = False
    """Stored as float16."""
    many: bool = False
    """Of a point that has many of them, which are compared by MAX_SIM."""


VectorShapes = Mapping[str, VectorShape]
"""Vector name -> its shape; other vectors are not stored."""


@dataclass(frozen=True, slots=True)
class Point:
    """Immutable once written: other content has another id."""

    id: str
    payload: Payload
    vectors: Mapping[str, Vector] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RankedListRequest:
    """The points nearest to `vector` in the vector `using`, or the best by BM25 of `words` in the field `using`."""

    limit: int
    using: str
    vector: Vector | None = None
    words: str = ""
    where: Expression | None = None

    @property
    def first_stage(self) -> int:
        """How many points to find by pooled vectors before they are rescored; 0: there are none."""
        return max(FIRST_STAGE, 2 * self.limit) if self.using == PAGE_VECTOR else 0


class ScoredPoint(NamedTuple):
    """One entry of a ranked list."""

    id: str
    score: float
    payload: Payload | None = None
    """None: it must be retrieved. A server sends payloads with the list, which saves a request."""


class Collection(Protocol):
    """Thread-safe. Every error is a `StoreError`."""

    def upsert(self, points: Sequence[Point]) -> None: ...

    def delete(self, ids: Sequence[str]) -> None: ...

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        """The points that exist, without vectors, in no particular order.

        Of the register, up to 1000 points are read as of one moment: between two writes, not during one.
        """
        ...

    def replace_hidden(self, document: str, keep: Sequence[str], points: Sequence[Point]) -> None:
        """Write points of a document of which nothing counts yet, and delete its other points except `keep`."""
        ...

    def search(self, requests: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        """One list per request, best first, ties in no particular order."""
        ...

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]: ...

    def count(self, where: Expression | None = None) -> int: ...


class Store(Protocol):
    """An open store; the caller of `open_store` closes it."""

    is_remote: bool
    """Whether it answers over a network, so that two requests at once take the time of one."""
    edition: int
    """The open edition of the two collections; `reindex` builds the next one beside it."""
    facts: dict[str, Payload]
    """Payloads of register points that are not documents, by id, as they were last read or written here. Their readers
    must check before they return that the version is still the same; see `register`."""

    @property
    def text(self) -> Collection: ...

    @property
    def images(self) -> Collection: ...

    @property
    def documents(self) -> Collection: ...

    @property
    def shapes(self) -> VectorShapes:
        """Of the vectors in the open edition."""
        ...

    def publish(self, edition: int) -> None:
        """Show an edition to other programs: does nothing on an engine without aliases."""
        ...

    def open_edition(self, edition: int, shapes: VectorShapes) -> tuple[Collection, Collection]:
        """The collections `text` and `images` of an edition, created for vectors of `shapes` if they do not exist."""
        ...

    def drop_edition(self, edition: int) -> bool:
        """Remove the collections of an edition. Returns whether they existed."""
        ...

    def hold(self) -> AbstractContextManager[object]:
        """Do not hand an embedded store over to another process before the block ends: several reads see one state."""
        ...

    def in_background(self, steps: Iterator[None]) -> None:
        """Take steps while an embedded store is open, nobody has just searched it and no other process waits for it."""
        ...

    def lock_document(self, document: str, read: Sequence[str] = ()) -> AbstractContextManager[list[Point]]:
        """Keep other ingests of a document out, in all threads and processes that share the store.

        Returns those of the register points `read` that exist, as of when the lock was taken.
        """
        ...

    def write_and_unlock(self, points: Sequence[Point], document: str, replaced: int) -> None:
        """Write register points and end the lock of a document, before its block ends.

        The points of documents are only written over those of the generation `replaced`, so that the repetition of a
        request that got lost changes nothing after the lock has passed on.
        """
        ...

    def wait_for_locks(self) -> None:
        """Wait until all document locks that are held now have ended."""
        ...

    def check_disk_space(self) -> None:
        """Raises `StoreError` if the disk is too full to write. Every write of points checks as well."""
        ...

    def optimize(self) -> None:
        """Build search structures after large writes. May take seconds."""
        ...

    def close(self) -> None: ...


@cache
def small_facts() -> tuple[str, ...]:
    """The register points that are read with every look at the register: its version and the documents' languages."""
    return (VERSION_ID, *map(language_id, known_languages()))


def language_id(language: str) -> str:
    """The register point that shows that the store has documents in a language. It is not a document."""
    return str(uuid.uuid5(NAMESPACE, f"language {language}"))


def facts_at_opening() -> list[str]:
    """The register points that are read when a store is opened."""
    return [STORE_ID, SKIPPED_ID, PICTURES_ID, *small_facts()]


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def collection_name(collection: str, edition: int) -> str:
    """The name of a collection in an edition: `text`, `text-2`, ..."""
    return collection if edition == 1 else f"{collection}-{edition}"


def current_edition(facts: Mapping[str, Payload]) -> int:
    """The current edition, from the register point `STORE_ID` if it is among these."""
    return int(facts[STORE_ID]["edition"]) if STORE_ID in facts else 1


def text_shapes(size: int, *, half: bool = False) -> dict[str, VectorShape]:
    """The shapes of a store without an image encoder."""
    return {TEXT_VECTOR: VectorShape(size, half), DESCRIPTION_VECTOR: VectorShape(size, half)}
