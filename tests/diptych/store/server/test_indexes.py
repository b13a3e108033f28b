"""Payload indexes of the user's columns, and filters that a server in strict mode accepts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from qdrant_client import models

from diptych.errors import QueryError, StoreError
from diptych.store.filters import filter_json
from diptych.store.server.indexes import FIXED_INDEXES, MAX_COLUMNS, PayloadIndexes
from diptych.store.server.store import ServerStore
from diptych.store.types import KEYWORD_FIELDS, Payload, Point
from diptych.where import parse_where
from tests.support.stores import SERVER, URL, connect, open_store

KEYWORD, FLOAT = models.PayloadSchemaType.KEYWORD, models.PayloadSchemaType.FLOAT
DATETIME, BOOL = models.PayloadSchemaType.DATETIME, models.PayloadSchemaType.BOOL


def row(number: int, **fields: object) -> Point:
    lists = [name for name, value in fields.items() if isinstance(value, list)]
    flags = [name for name, value in fields.items() if value is True]
    payload: Payload = {"fields": fields, "flags": flags, "page": number, "kind": "text", "modality": "text"}
    return Point(f"00000000-0000-0000-0000-{number:012d}", payload | {"lists": lists, "document_id": str(number)})


class Indexes(PayloadIndexes):
    """The indexes of a collection `text` whose columns have the given `values`."""

    def __init__(self, values: list[str] | None = None) -> None:
        self.created: dict[str, models.PayloadSchemaType] = {}
        super().__init__("text", dict, self.created.__setitem__, lambda key: values or [])

    def filter(self, where: str) -> object:
        return self.rewrite(filter_json(parse_where(where)))["must"][0]


def test_only_fields_of_filters_are_indexed() -> None:
    for kind in ("text", "images", "pages"):
        assert FIXED_INDEXES[kind].keys() == {*KEYWORD_FIELDS[kind], "page", "folio", "modality"}


def test_columns_are_indexed_by_their_type_when_they_first_appear() -> None:
    indexes = Indexes()
    indexes.add_columns([row(1, price=9.5, name="Coat", sold=True, made="2026-01-31", sizes=[38, 40], none=[])])
    indexes.add_columns([row(2, price=10, name="Hat", at="2026-01-31T10:00:00", part="2026-01-31-b")])
    assert indexes.created == {
        "flags": KEYWORD,
        "lists": KEYWORD,
        'fields."price"': FLOAT,
        'fields."name"': KEYWORD,
        'fields."sold"': BOOL,
        'fields."made"': DATETIME,
        'fields."sizes"': FLOAT,
        'fields."at"': DATETIME,
        'fields."part"': KEYWORD,
    }
    indexes.created.clear()
    indexes.add_columns([row(3, price=1, name="2026-01-31", made="2026-02-01")])
    assert indexes.created == {}


def test_dates_among_which_another_text_appears_become_texts() -> None:
    indexes = Indexes(["2026-01-31", "2026-02-01", "soon"])
    indexes.add_columns([row(1, made="2026-01-31")])
    indexes.add_columns([row(2, made="soon")])
    assert indexes.created['fields."made"'] == KEYWORD
    key = 'fields."made"'
    assert indexes.filter('made >= "2026-02-01"') == {"key": key, "match": {"any": ["2026-02-01"]}}


def test_further_columns_are_not_indexed_and_may_still_be_filtered_by() -> None:
    indexes = Indexes()
    indexes.prepare({}, ())
    indexes.add_columns([row(1, **{f"column {number}": number for number in range(2 * MAX_COLUMNS)})])
    assert len(indexes.created) <= len(FIXED_INDEXES["text"]) + 2 + MAX_COLUMNS
    assert indexes.filter("`column 159` = 3") == {"key": 'fields."column 159"', "range": {"gte": 3.0, "lte": 3.0}}


def test_dates_contain_years_months_and_days() -> None:
    indexes = Indexes()
    indexes.add_columns([row(1, made="2026-01-31")])
    assert indexes.filter('made contains "2024-02"')["should"][1]["must"] == [  # type: ignore[index]
        {"key": 'fields."made"', "range": {"gte": "2024-02-01", "lte": "2024-02-29T23:59:59.999999"}}
    ]
    with pytest.raises(QueryError, match=r"'made'.*year, month or day"):
        indexes.filter('made contains "-31"')


@pytest.fixture(scope="module", params=[SERVER])
def strict(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerStore]:
    """A store on a real server that refuses conditions without an index, and whatever exceeds the documented limits."""
    store = open_store(request.param, tmp_path_factory.mktemp("store"), 3)
    assert isinstance(store, ServerStore)
    client = connect(URL)
    mode = models.StrictModeConfig(
        enabled=True,
        unindexed_filtering_retrieve=False,
        unindexed_filtering_update=False,
        search_allow_exact=False,
        max_query_limit=1000,
        upsert_max_batchsize=128,
        search_max_batchsize=20,
        max_payload_index_count=100,
        condition_max_size=1000,
        filter_max_conditions=50,
    )
    prefix = store.text.name.removesuffix("-text")
    for kind in ("text", "images", "documents"):
        client.update_collection(f"{prefix}-{kind}", strict_mode_config=mode)
    tags = ["red", "wax"]
    odd = {"a.b": 1, "x y[0]": "z", "größe": 5}
    store.text.upsert([row(1, price=9.5, name="Coat", sold=True, made="2026-01-31", tags=tags, **odd)])
    store.text.upsert([row(2, price=10, name="Jacket", sold=False, made="2026-02-01", tags=["dark red"])])
    yield store
    client.close()
    store.close()


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("price < 10", {1}),
        ("price = 10", {2}),
        ("price in (9.5, 10)", {1, 2}),
        ("price contains 10", {2}),
        ('name = "Coat"', {1}),
        ('name != "Coat"', {2}),
        ('name in ("Coat", "Hat")', {1}),
        ('name contains "oa"', {1}),
        ('name not contains "oa"', {2}),
        ("sold = true", {1}),
        ("sold = false", {2}),
        ("sold != true", {2}),
        ("made >= 2026-02-01", {2}),
        ('made = "2026-01-31"', {1}),
        ('made not in ("2026-01-31")', {2}),
        ('made contains "2026-01"', {1}),
        ('tags contains "red"', {1}),
        ('tags = "dark red"', {2}),
        ("page > 1", {2}),
        ('page = 1 or modality = "image"', {1}),
        ('modality = "text" and kind = "text"', {1, 2}),
        ("`a.b` = 1", {1}),
        ('`x y[0]` contains "z"', {1}),
        ("größe > 4", {1}),
        ("unknown = 3", set()),
        ("unknown != 3", {1, 2}),
        ('unknown contains "x" or unknown = false', set()),
    ],
)
def test_strict_mode_accepts_every_filter(strict: ServerStore, where: str, wanted: set[int]) -> None:
    found = strict.text.scroll(parse_where(where))
    assert {point.payload["page"] for point in found} == wanted


def test_strict_mode_accepts_leases_and_deletes(strict: ServerStore) -> None:
    with strict.lock_document("d1"):
        assert len(list(strict.documents.scroll())) == 1
    assert list(strict.documents.scroll()) == []
    strict.text.delete([row(9).id])


def test_strict_mode_accepts_the_largest_requests(strict: ServerStore) -> None:
    points = [row(number) for number in range(100, 240)]
    strict.text.upsert(points)
    ids = [row(number).id for number in range(100, 1300)]
    assert len(strict.text.retrieve(ids)) == len(points)
    strict.text.delete(ids)
    assert strict.text.retrieve(ids) == []
    columns = [row(300 + number, **{f"c{number}": number}) for number in range(2 * MAX_COLUMNS)]
    strict.text.upsert(columns)
    strict.text.delete([point.id for point in columns])


def test_strict_mode_explains_a_value_of_another_type(strict: ServerStore) -> None:
    with pytest.raises(StoreError, match="strict mode refuses this filter: price has no index for values of that type"):
        list(strict.text.scroll(parse_where('price = "cheap"')))


def test_columns_of_a_store_without_indexes_are_indexed_when_it_is_opened(strict: ServerStore) -> None:
    client, name = strict._client, strict.text.name
    for field in ("fields.price", "flags", "modality"):
        client.delete_payload_index(name, field)
    reopened = ServerStore(client, strict._options, {})
    schema = client.get_collection(name).payload_schema
    assert {"fields.price", "flags", "modality"} <= schema.keys()
    assert len(list(reopened.text.scroll(parse_where("price < 10 and sold = true")))) == 1
