"""Names of documents: one for every address, and what the end of one stands for."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from diptych.errors import QueryError
from diptych.store.names import (
    NameCache,
    bind_names,
    document_name,
    find_matching,
    in_natural_order,
    resolve_names,
    select_documents,
)
from diptych.store.points import EncodingConfig
from diptych.store.register import DocumentRecord, bind_encoders, list_records, register_version, write_record
from diptych.store.types import STORE_ID
from diptych.where import And, Compare, In, Not, Or, parse_where
from tests.support.stores import open_store

PLACES = (
    "/p/report.pdf", "/p/a/report.pdf", "/p/a/b/manual.pdf", "/p/a/gear.csv#J-01", "/p/a/gear.csv#J-02",
    "/p/b/gear.csv#J-01", "/p/b/odd.csv#x/1", "/else/where/scan.pdf",
)  # fmt: skip


def uri(place: str) -> str:
    path, mark, row = place.partition("#")
    return Path(path).as_uri() + mark + row.replace("/", "%2F")


def record(place: str, root: str = "/p") -> DocumentRecord:
    return DocumentRecord(id=place, uri=uri(place), name=document_name(uri(place), root))


RECORDS = [record(place) for place in PLACES]


def test_numbers_in_names_are_ordered_as_numbers() -> None:
    names = ["b.csv#10", "b.csv#9", "a.pdf", "b.csv#x", "10.pdf", "9.pdf", ""]
    ordered = in_natural_order(DocumentRecord(name, name, name) for name in names)
    assert [one.name for one in ordered] == ["", "9.pdf", "10.pdf", "a.pdf", "b.csv#9", "b.csv#10", "b.csv#x"]


def test_name_is_the_path_below_the_root_or_the_absolute_path() -> None:
    assert [one.name for one in RECORDS] == [place.removeprefix("/p/") for place in PLACES]
    assert document_name("file:///p/a.pdf", "") == "/p/a.pdf"
    assert document_name("file:///p/a.pdf", "/") == "p/a.pdf"
    assert document_name("file:///pp/a.pdf", "/p") == "/pp/a.pdf"


@pytest.mark.parametrize(
    ("name", "kind", "places"),
    [
        ("report.pdf", "document", ["/p/report.pdf"]),  # a whole name, although another name ends in it
        ("a/report.pdf", "document", ["/p/a/report.pdf"]),
        ("manual.pdf", "document", ["/p/a/b/manual.pdf"]),
        ("where/scan.pdf", "document", ["/else/where/scan.pdf"]),
        ("/p/a/report.pdf", "document", ["/p/a/report.pdf"]),
        ("file:///p/a/gear.csv#J-02", "document", ["/p/a/gear.csv#J-02"]),
        ("gear.csv#J-02", "document", ["/p/a/gear.csv#J-02"]),
        ("odd.csv#x/1", "document", ["/p/b/odd.csv#x/1"]),
        ("a/gear.csv", "catalogue", ["/p/a/gear.csv#J-01", "/p/a/gear.csv#J-02"]),
        ("odd.csv", "catalogue", ["/p/b/odd.csv#x/1"]),
        ("b/", "folder", ["/p/b/gear.csv#J-01", "/p/b/odd.csv#x/1"]),
        ("where", "folder", ["/else/where/scan.pdf"]),
        ("/else", "folder", ["/else/where/scan.pdf"]),
        ("a/b/", "folder", ["/p/a/b/manual.pdf"]),
    ],
)
def test_name_or_its_end_stands_for_documents(name: str, kind: str, places: list[str]) -> None:
    found = select_documents(name, RECORDS)
    assert found
    assert (found.kind, [one.id for one in found.documents]) == (kind, places)


@pytest.mark.parametrize("name", ["", "1", "x/1", "eport.pdf", "report.pdf/", "gear.csv#J-03", "b/report.pdf"])
def test_unknown_name_stands_for_nothing(name: str) -> None:
    assert select_documents(name, RECORDS) is None


@pytest.mark.parametrize(
    ("name", "candidates"),
    [("gear.csv#J-01", "a/gear.csv#J-01, b/gear.csv#J-01"), ("gear.csv", "a/gear.csv, b/gear.csv")],
)
def test_ambiguous_name_is_refused_with_its_candidates(name: str, candidates: str) -> None:
    with pytest.raises(QueryError) as error:
        select_documents(name, RECORDS)
    assert str(error.value) == f"{name} is ambiguous; use one of {candidates}"


def test_ambiguous_folders_are_listed_as_folders() -> None:
    with pytest.raises(QueryError, match=r"^x/ is ambiguous; use one of /q/x/, b/x/$"):
        select_documents("x/", [record("/p/b/x/1.pdf"), record("/p/b/x/2.pdf"), record("/q/x/3.pdf")])


def test_filters_on_names_become_filters_on_ids(tmp_path: Path) -> None:
    with closing(open_store("embedded", tmp_path, 4)) as store:
        for number, place in enumerate(("/p/a.pdf", "/p/shop.csv#1", "/p/shop.csv#2"), start=1):
            write_record(store, replace(record(place), id=str(UUID(int=number))))
        one, two, three = (str(UUID(int=number)) for number in (1, 2, 3))
        where = parse_where(
            'document in ("a.pdf", "shop.csv") and not (document = "gone" or document != "a.pdf") '
            'and (document contains "SHOP" or price < 3)'
        )
        assert resolve_names(where, NameCache().finder(store)) == And(
            (
                In("document_id", (one, two, three)),
                Not(Or((In("document_id", ("",)), Not(In("document_id", (one,)))))),
                Or((In("document_id", (two, three)), Compare("price", "<", 3))),
            )
        )


def test_another_root_renames_documents_once(tmp_path: Path) -> None:
    with closing(open_store("embedded", tmp_path, 4)) as store:
        bind_encoders(store, EncodingConfig("letters"))
        write_record(store, DocumentRecord(id=STORE_ID[:-1] + "0", uri=uri("/p/b/report.pdf"), name="report.pdf"))
        bind_names(store, "/p")
        assert [one.name for one in list_records(store)] == ["b/report.pdf"]
        before = register_version(store)
        bind_names(store, "/p")
        assert register_version(store) == before
        bind_names(store, "")
        assert [one.name for one in list_records(store)] == ["/p/b/report.pdf"]


def test_filter_on_parts_does_not_select_documents(tmp_path: Path) -> None:
    with (
        closing(open_store("embedded", tmp_path, 4)) as store,
        pytest.raises(QueryError, match="page selects parts of documents"),
    ):
        find_matching(parse_where('document = "a.pdf" and page = 3'), store)


def test_whole_names_are_found_without_comparing_all_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store("embedded", tmp_path, 4)) as store:
        for place in ("/p/report.pdf", "/p/a/report.pdf"):
            write_record(store, replace(record(place), id=str(UUID(int=len(place)))))
        names = NameCache()
        assert names.ids("/p/a/report.pdf", store) == (str(UUID(int=15)),), "an address is looked for"
        monkeypatch.setattr("diptych.store.names.select_documents", lambda *_: pytest.fail("compares all records"))
        assert names.ids("report.pdf", store) == (str(UUID(int=13)),)
        assert names.ids("a/report.pdf", store) == (str(UUID(int=15)),)


def test_names_that_differ_in_a_byte_that_is_no_text_stand_for_different_documents() -> None:
    records = [record(os.fsdecode(b"/p/caf%c.txt" % byte)) for byte in (0xE8, 0xE9)]
    assert [one.name for one in records] == ["caf\\xe8.txt", "caf\\xe9.txt"]
    for name in ("file:///p/caf%E8.txt", "caf\\xe8.txt", os.fsdecode(b"caf\xe8.txt"), os.fsdecode(b"/p/caf\xe8.txt")):
        selected = select_documents(name, records)
        assert selected, name
        assert selected.documents == (records[0],), name


def test_a_name_that_two_documents_share_is_ambiguous_but_their_addresses_are_not() -> None:
    records = [record(os.fsdecode(b"/p/caf\xe8.txt")), record("/p/caf\\xe8.txt")]
    with pytest.raises(QueryError, match=r"ambiguous; use one of file:///p/caf%E8.txt, file:///p/caf%5Cxe8.txt"):
        select_documents("caf\\xe8.txt", records)
    selected = select_documents("file:///p/caf%5Cxe8.txt", records)
    assert selected
    assert selected.documents == (records[1],)
