"""One suite for both engines: the embedded one in a temporary folder, and qdrant-client in memory.

If DIPTYCH_TEST_QDRANT_URL is set, it also runs against a real server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from diptych.store.types import INDEXED, Point, RankedListRequest, Store
from diptych.where import parse_where
from tests.support.stores import ENGINES, open_store

IDS = [f"00000000-0000-0000-0000-{number:012d}" for number in range(1, 9)]


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(request.param, tmp_path, shapes=3)
    yield opened
    opened.close()


def point(number: int, words: str, vector: tuple[float, float, float], **payload: object) -> Point:
    return Point(IDS[number], {"indexed": words, **payload}, {"dense": np.asarray(vector, np.float32)})


def test_points_are_returned_as_they_were_written(store: Store) -> None:
    store.text.upsert([point(0, "a red pump", (1, 0, 0), page=1, fields={"price": 9.5}, bbox=[0.0, 1.5, 2.0, 3.0])])
    (back,) = store.text.scroll(vectors=True)
    assert back.id == IDS[0]
    assert back.payload == {
        "indexed": "a red pump",
        "page": 1,
        "fields": {"price": 9.5},
        "bbox": [0.0, 1.5, 2.0, 3.0],
    }
    assert back.vectors["dense"].tolist() == [1, 0, 0]
    assert [p.id for p in store.text.retrieve([IDS[0], IDS[1]])] == [IDS[0]]
    assert store.images.count() == 0


def test_scroll_returns_every_point_once(store: Store) -> None:
    many = [Point(f"00000000-0000-0000-0001-{n:012d}", {"page": n}) for n in range(600)]
    store.documents.upsert(many)
    assert sorted(p.payload["page"] for p in store.documents.scroll()) == list(range(600))
    store.documents.delete([p.id for p in many[:599]])
    assert [p.payload["page"] for p in store.documents.scroll()] == [599]


def test_vectors_and_words_return_ranked_lists(store: Store) -> None:
    store.text.upsert(
        [
            point(0, "pump run", (1, 0, 0)),
            point(1, "part ab77 ab 77 valve", (0, 1, 0)),
            point(2, "muller valve valve size 东京 京塔", (0.6, 0.8, 0)),
        ]
    )
    near, pump, part, both, script, nothing = store.text.search(
        [
            RankedListRequest(2, "dense", vector=np.asarray([1, 0.1, 0], np.float32)),
            RankedListRequest(5, INDEXED, words="pump"),
            RankedListRequest(5, INDEXED, words="ab77"),
            RankedListRequest(5, INDEXED, words="valve"),
            RankedListRequest(5, INDEXED, words="京塔"),
            RankedListRequest(5, INDEXED, words="zebra"),
        ]
    )
    assert [hit.id for hit in near] == [IDS[0], IDS[2]]
    assert [hit.id for hit in pump] == [IDS[0]]
    assert [hit.id for hit in part] == [IDS[1]]
    assert [hit.id for hit in both] == [IDS[2], IDS[1]]
    assert [hit.id for hit in script] == [IDS[2]]
    assert nothing == []


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("page = 2", {1}),
        ("page > 1", {1, 2}),
        ('document = "a.pdf"', {0, 1}),
        ('document != "a.pdf"', {2}),
        ('document in ("a.pdf", "b.pdf") and page < 3', {0, 1}),
        ("price <= 10 or page = 3", {0, 2}),
        ("price = 10", {0}),
        ("price not in (10, 20)", {2}),
        ("sold = true", {0}),
        ("sold = false", {1}),
        ("`net weight` > 1.5", {1}),
        ('made >= "2026-02-01"', {1}),
        ("not (page = 1 or page = 3)", {1}),
        ("unknown = 3", set()),
        ('tags contains "red"', {0}),
        ('tags not contains "red"', {1, 2}),
        ('tags = "dark red"', {1}),
        ('tags in ("wax", "dark red")', {0, 1}),
        ('tags != "wax"', {1, 2}),
        ("sizes contains 40", {0}),
        ("sizes > 40", {0, 1}),
        ('name contains "acket"', {1}),
        ('document contains "a."', {0, 1}),
        ("price contains 10", {0}),
        ('made = "2026-01-31"', {0}),
        ('made != "2026-01-31"', {1, 2}),
        ('made in ("2026-01-31", "2026-02-01")', {0, 1}),
        ("made < 2026-02-01", {0}),
        ('made contains "2026-01"', {0}),
        ('made contains "2026"', {0, 1}),
        ('name contains "%"', set()),
        ('name not contains "acket"', {0, 2}),
        ('kind contains "table"', {1}),
        ('modality = "text"', {0, 1, 2}),
        ("unknown != 3", {0, 1, 2}),
        ("unknown = false", set()),
        ('unknown contains "x"', set()),
        ("not (unknown = true)", {0, 1, 2}),
    ],
)
def test_filters(store: Store, where: str, wanted: set[int]) -> None:
    rows: list[tuple[str, int, dict[str, object]]] = [
        (
            "a.pdf",
            1,
            {"price": 10.0, "sold": True, "made": "2026-01-31", "tags": ["red", "wax"], "sizes": [38, 40, 42]},
        ),
        (
            "a.pdf",
            2,
            {
                "price": 20,
                "sold": False,
                "net weight": 2,
                "made": "2026-02-01",
                "tags": ["dark red"],
                "sizes": [41.5],
                "name": "Jacket",
            },
        ),
        ("b.pdf", 3, {}),
    ]
    store.text.upsert(
        [
            Point(
                IDS[n],
                {
                    "document": document,
                    "page": page,
                    "kind": "table" if page == 2 else "text",
                    "modality": "text",
                    "fields": fields,
                    "flags": [name for name, value in fields.items() if value is True],
                    "lists": [name for name, value in fields.items() if isinstance(value, list)],
                },
            )
            for n, (document, page, fields) in enumerate(rows)
        ]
    )
    assert {IDS.index(p.id) for p in store.text.scroll(parse_where(where))} == wanted
