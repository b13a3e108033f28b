"""Two tenants in one store: neither can read, count or change what belongs to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient

from diptych import Diptych, Settings
from diptych.errors import QueryError, SettingsError, StoreError
from diptych.settings import load_settings
from diptych.store.embedded.store import EmbeddedStore
from diptych.store.server.options import ServerOptions
from diptych.store.server.store import ServerStore
from diptych.store.tenant import TENANT, Tenant
from diptych.store.types import INDEXED, STORE_ID, Point, RankedListRequest, Store, text_shapes
from diptych.where import parse_where
from tests.support.stores import NEEDS_SERVER, URL, connect, new_prefix

ID, OTHER_ID = (f"00000000-0000-0000-0000-{number:012d}" for number in (1, 2))
Open = Callable[[str], Store]


@pytest.fixture(params=["embedded", "memory", pytest.param("server", marks=NEEDS_SERVER)])
def open_tenant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one store for a tenant."""
    opened: list[Store] = []
    client = QdrantClient(":memory:") if request.param == "memory" else connect(URL) if URL else None
    prefix = new_prefix() if request.param == "server" else "test"

    def open_(name: str) -> Store:
        if request.param == "embedded":
            opened.append(EmbeddedStore(tmp_path / "store", text_shapes(3), 60, Tenant(name)))
        else:
            assert client
            opened.append(ServerStore(client, ServerOptions(prefix, 60, tenant=Tenant(name)), text_shapes(3)))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


def point(identity: str, words: str, **fields: object) -> Point:
    payload = {INDEXED: words, "document_id": identity, "page": 1, "modality": "text", "kind": "text"}
    return Point(identity, payload | {"fields": fields}, {"dense": np.asarray([1, 0, 0], np.float32)})


def texts(store: Store, where: str = "") -> list[str]:
    return sorted(p.payload[INDEXED] for p in store.text.scroll(parse_where(where) if where else None))


def test_equal_ids_of_two_tenants_are_different_points(open_tenant: Open) -> None:
    ours, theirs = open_tenant("ours"), open_tenant("theirs")
    ours.text.upsert([point(ID, "pump", name="Pump", tenant="theirs")])
    theirs.text.upsert([point(ID, "valve", name="Valve"), point(OTHER_ID, "secret", name="Secret")])
    assert (texts(ours), texts(theirs)) == (["pump"], ["secret", "valve"])
    assert (ours.text.count(), theirs.text.count()) == (1, 2)
    (back,) = ours.text.retrieve([ID, OTHER_ID])
    assert (back.id, back.payload) == (ID, point(ID, "pump", name="Pump", tenant="theirs").payload)
    nearest = RankedListRequest(9, "dense", vector=np.asarray([1, 0, 0], np.float32))
    found, words = ours.text.search([nearest, RankedListRequest(9, INDEXED, words="secret valve pump")])
    assert [hit.id for hit in found] == [hit.id for hit in words] == [ID]


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ('tenant = "theirs"', ["pump"]),
        ('tenant != "ours" or page = 1', ["pump"]),
        ('not (tenant = "ours")', ["pump"]),
        ('`tenant` contains "their"', ["pump"]),
        ('name contains "e"', []),
        ('name in ("Secret", "Valve") or name = "Secret"', []),
        ("page >= 0", ["pump"]),
    ],
)
def test_no_filter_lifts_the_tenant(open_tenant: Open, where: str, wanted: list[str]) -> None:
    ours, theirs = open_tenant("ours"), open_tenant("theirs")
    theirs.text.upsert([point(ID, "valve", name="Valve"), point(OTHER_ID, "secret", name="Secret")])
    ours.text.upsert([point(ID, "pump", name="Pump", tenant="theirs")])
    assert texts(ours, where) == wanted
    assert ours.text.count(parse_where(where)) == len(wanted)


def test_an_id_of_another_tenant_reaches_nothing(open_tenant: Open) -> None:
    ours, theirs = open_tenant("ours"), open_tenant("theirs")
    theirs.text.upsert([point(ID, "secret")])
    # The id that would be stored as theirs.
    crafted = Tenant("ours").stored_id(Tenant("theirs").stored_id(ID))
    assert ours.text.retrieve([crafted]) == []
    ours.text.delete([crafted])
    with suppress(StoreError):  # a server is asked for what was written first, and does not have it
        ours.text.upsert([point(crafted, "overwritten")])
    assert texts(theirs) == ["secret"]
    assert texts(ours) == []


def test_editions_and_their_removal_are_those_of_one_tenant(open_tenant: Open) -> None:
    ours, theirs = open_tenant("ours"), open_tenant("theirs")
    for store in (ours, theirs):
        store.text.upsert([point(ID, "first")])
        store.documents.upsert([Point(STORE_ID, {"edition": 1})])
    text, _ = ours.open_edition(2, text_shapes(3))
    text.upsert([point(ID, "second")])
    ours.documents.upsert([Point(STORE_ID, {"edition": 2})])
    ours.edition = 2
    assert ours.drop_edition(1)
    assert texts(theirs) == ["first"]
    again = open_tenant("ours") if not isinstance(ours, EmbeddedStore) else ours
    assert (again.edition, theirs.edition) == (2, 1)
    assert theirs.documents.retrieve([STORE_ID])[0].payload == {"edition": 1}


def test_stores_with_and_without_tenants_are_not_mixed(tmp_path: Path) -> None:
    shapes = text_shapes(3)
    EmbeddedStore(tmp_path / "shared", shapes, 60, Tenant("ours")).close()
    with pytest.raises(StoreError, match="several tenants; set DIPTYCH_TENANT"):
        EmbeddedStore(tmp_path / "shared", shapes, 60)
    EmbeddedStore(tmp_path / "single", shapes, 60).close()
    with pytest.raises(StoreError, match="without a tenant; unset DIPTYCH_TENANT"):
        EmbeddedStore(tmp_path / "single", shapes, 60, Tenant("ours"))
    client = QdrantClient(":memory:")
    ServerStore(client, ServerOptions("test", 60), shapes).text.upsert([point(ID, "pump")])
    with pytest.raises(StoreError, match="test-text: holds documents without a tenant"):
        ServerStore(client, ServerOptions("test", 60, tenant=Tenant("ours")), shapes)
    client.close()


@NEEDS_SERVER
def test_a_server_keeps_tenants_together_and_refuses_to_be_opened_without_one() -> None:
    client, options = connect(URL), ServerOptions(new_prefix(), 60, tenant=Tenant("ours"))
    store = ServerStore(client, options, text_shapes(3))
    index = client.get_collection(store.text.name).payload_schema[TENANT]
    assert getattr(index.params, "is_tenant", False)
    with pytest.raises(StoreError, match="holds the documents of several tenants; set DIPTYCH_TENANT"):
        ServerStore(client, replace(options, tenant=Tenant()), text_shapes(3))
    store.close()


@pytest.mark.parametrize("name", ["../theirs", "a/b", "Ours", "-x", "x" * 65])
def test_names_that_could_be_mistaken_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DIPTYCH_TENANT", name)
    with pytest.raises(SettingsError, match="tenant"):
        load_settings()


def test_a_library_of_one_tenant_shows_nothing_of_another(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    (tmp_path / "a.csv").write_text("id,text,owner\n1,the red pump runs,ours\n")
    (tmp_path / "b.csv").write_text("id,text,owner\n1,the secret valve leaks,theirs\n")
    with Diptych.open(Settings(store=store, tenant="theirs")) as theirs:
        theirs.ingest([tmp_path / "b.csv"])
        secret = theirs.search("secret valve")[0]
    with Diptych.open(Settings(store=store, tenant="ours")) as ours:
        assert [outcome.status for outcome in ours.ingest([tmp_path / "a.csv"])] == ["complete"]
        assert [document.name for document in ours.documents()] == ["a.csv#1"]
        for query in ("secret valve", 'owner "theirs" valve', "b.csv"):
            assert {hit.document for hit in ours.search(query)} <= {"a.csv#1"}
        where = parse_where('document contains "b" or owner = "theirs" or tenant = "theirs" or page > 0')
        assert [
            record.name
            for found in ours.maintenance.select(where=parse_where('owner != ""'))
            for record in found.documents
        ] == ["a.csv#1"]
        assert {hit.document for group in ours.search_groups("valve") for hit in group.hits} <= {"a.csv#1"}
        with pytest.raises(QueryError):
            ours.like(secret.id, where=where)
        with pytest.raises(QueryError, match="no such document"):
            ours.maintenance.select(["b.csv"])
        assert ours.maintenance.sweep().points == 0
        ours.maintenance.reindex()
        assert ours.maintenance.sweep().editions == 1
        assert ours.maintenance.export_to(tmp_path / "export").documents == 1
        assert "secret" not in (tmp_path / "export" / "text.jsonl").read_text()
        assert f'"{TENANT}"' not in (tmp_path / "export" / "text.jsonl").read_text()
        ours.maintenance.remove(list(ours.documents()))
    with Diptych.open(Settings(store=store, tenant="theirs")) as theirs:
        assert [document.name for document in theirs.documents()] == ["b.csv#1"]
        assert theirs.search("secret valve")[0].id == secret.id
        assert theirs.pictures == Path(store) / "pictures" / "tenants" / "theirs"


def test_writes_that_replace_or_release_only_touch_one_tenant(open_tenant: Open) -> None:
    ours, theirs = open_tenant("ours"), open_tenant("theirs")
    for store in (ours, theirs):
        store.text.upsert([point(ID, "pump")])
        store.documents.upsert([Point(ID, {"uri": "a", "generation": 1})])
    ours.text.replace_hidden(ID, [], [])
    assert (texts(ours), texts(theirs)) == ([], ["pump"])
    with ours.lock_document(ID):
        ours.write_and_unlock([Point(ID, {"uri": "a", "generation": 2})], ID, 1)
    generations = [store.documents.retrieve([ID])[0].payload["generation"] for store in (ours, theirs)]
    assert generations == [2, 1]
