"""Vectors of whole pages: a collection of their own behind that of images, on every engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from diptych.store.page_vectors import POOLED, ImagesWithPages, pool
from diptych.store.types import (
    DESCRIPTION_VECTOR,
    INDEXED,
    PAGE_VECTOR,
    POOLED_VECTOR,
    Point,
    RankedListRequest,
    Store,
    VectorShape,
    text_shapes,
)
from diptych.vectors import unit_rows
from diptych.where import Compare, In
from tests.support.stores import ENGINES, NEEDS_SERVER, open_store

SIZE = 4
SHAPES = text_shapes(3) | dict.fromkeys((PAGE_VECTOR, POOLED_VECTOR), VectorShape(SIZE, half=True, many=True))
RED, GREEN, BLUE = np.eye(3, SIZE, dtype=np.float32)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(request.param, tmp_path, SHAPES)
    yield opened
    opened.close()


def point(name: str, *patches: np.ndarray, document: str = "a", **payload: object) -> Point:
    vectors = {DESCRIPTION_VECTOR: np.array([1, 0, 0], np.float32)}
    if patches:
        vectors[PAGE_VECTOR] = np.stack(patches)
    fields = {"document_id": document, "modality": "image", "kind": "page", "generation": 1, INDEXED: "pump"}
    return Point(str(uuid.uuid5(uuid.NAMESPACE_URL, name)), {**fields, "name": name, **payload}, vectors)


def names(store: Store, *query: np.ndarray, document: str = "", limit: int = 10) -> list[tuple[str, float]]:
    where = Compare("document_id", "=", document) if document else None
    request = RankedListRequest(limit, PAGE_VECTOR, vector=np.stack(query), where=where)
    (found,) = store.images.search([request])
    payloads = {one.id: one.payload["name"] for one in store.images.retrieve([one.id for one in found])}
    return [(payloads[one.id], round(one.score, 2)) for one in found]


def test_pages_are_ranked_by_the_best_patch_for_every_word(store: Store) -> None:
    store.images.upsert([point("figure"), point("red", RED, RED, GREEN), point("both", RED, BLUE, document="b")])
    assert names(store, RED, BLUE) == [("both", 2.0), ("red", 1.0)]
    assert names(store, RED, BLUE, document="a") == [("red", 1.0)]
    assert names(store, RED, BLUE, limit=1) == [("both", 2.0)]
    others = [RankedListRequest(9, INDEXED, words="pump"), RankedListRequest(9, PAGE_VECTOR, vector=np.stack([RED]))]
    assert [len(found) for found in store.images.search(others)] == [3, 2]
    assert store.images.count() == 3
    assert store.shapes[PAGE_VECTOR] == SHAPES[PAGE_VECTOR]


def test_vectors_are_read_with_their_points(store: Store) -> None:
    points = [point(f"{number}", RED, BLUE * (number + 1)) if number % 2 else point(f"{number}") for number in range(7)]
    store.images.upsert(points)
    read = {one.payload["name"]: one.vectors for one in store.images.scroll(vectors=True)}
    assert {name: vectors.keys() for name, vectors in read.items()} == {
        one.payload["name"]: one.vectors.keys() for one in points
    }
    assert read["3"][PAGE_VECTOR].shape == (2, SIZE)
    assert read["3"][PAGE_VECTOR] == pytest.approx(np.stack([RED, BLUE]), abs=1e-3)
    assert all(not one.vectors for one in store.images.scroll())


def test_vectors_are_found_by_the_hash_of_their_image(store: Store) -> None:
    store.images.upsert([point("a", RED, page_hash="h1"), point("b", BLUE, page_hash="h2")])
    found = list(store.images.scroll(In("page_hash", ("h2",)), vectors=True))
    assert [one.vectors[PAGE_VECTOR].tolist() for one in found if PAGE_VECTOR in one.vectors] == [[BLUE.tolist()]]


def test_deleted_and_replaced_points_leave_no_vectors(store: Store) -> None:
    assert isinstance(store.images, ImagesWithPages)
    old, kept, other = point("old", RED), point("kept", GREEN), point("other", RED, document="b")
    store.images.upsert([old, kept, other])
    store.images.replace_hidden("a", [kept.id], [kept, point("new", BLUE)])
    assert names(store, BLUE)[0][0] == "new"
    assert {one.payload["name"] for one in store.images.pages.scroll()} == {"kept", "new", "other"}
    store.images.delete([kept.id, other.id])
    assert {one.payload["name"] for one in store.images.pages.scroll()} == {"new"}


def test_next_edition_has_its_own_vectors_and_is_dropped_with_them(store: Store) -> None:
    store.images.upsert([point("old", RED)])
    _, images = store.open_edition(2, SHAPES)
    images.upsert([point("new", BLUE)])
    assert names(store, RED) == [("old", 1.0)]
    assert store.drop_edition(2)
    assert not store.drop_edition(2)
    assert names(store, RED) == [("old", 1.0)]


@NEEDS_SERVER
def test_more_pages_are_written_and_read_than_fit_into_a_request(tmp_path: Path) -> None:
    """12 pages as large as those of ColPali are 34 MB of JSON; servers refuse more than 32."""
    shape = VectorShape(128, half=True, many=True)
    store = open_store("server", tmp_path, text_shapes(3) | dict.fromkeys((PAGE_VECTOR, POOLED_VECTOR), shape))
    patches = np.random.default_rng(1).normal(size=(1030, 128)).astype(np.float32)
    pages = [point(str(number), *unit_rows(patches)) for number in range(12)]
    store.images.replace_hidden("a", [], pages)
    read = [one.vectors[PAGE_VECTOR].shape for one in store.images.scroll(vectors=True)]
    assert read == [(1030, 128)] * 12
    store.close()


def test_pooled_vectors_are_means_of_neighbours() -> None:
    pooled = pool(np.repeat(np.eye(3, SIZE, dtype=np.float32), 2 * POOLED, axis=0))
    assert pooled.shape == (POOLED, SIZE)
    assert np.linalg.norm(pooled, axis=1) == pytest.approx(1)
    assert pooled[0] == pytest.approx(RED)
    assert pool(np.stack([RED, BLUE])).shape == (2, SIZE)
