"""Removed documents, sweep and reindex, on both engines."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych.errors import StoreMismatch
from diptych.picture_store import PictureStore
from diptych.pipeline.discovery.removed_documents import find_removed_documents
from diptych.pipeline.reindex import reindex_store
from diptych.pipeline.sweep import sweep_store
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.points import EncodingConfig
from diptych.store.register import STORE_FORMAT, bind_encoders, list_records, write_fact
from diptych.store.spaces import Spaces
from diptych.store.types import PAGE_WORDS, STORE_ID, Point, Store, text_shapes
from extractors.pictures.store import image_path, save_image_bytes
from extractors.types import Source
from tests.support.fakes import WordEncoder, document, source
from tests.support.scripted_pipeline import NEW, OLD, STORED, WHOLE_NEW, WHOLE_OLD, ScriptedPipeline
from tests.support.stores import ENGINES


@pytest.fixture(params=ENGINES)
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ScriptedPipeline]:
    made = ScriptedPipeline(tmp_path / "store", request.param)
    bind_encoders(made.index, EncodingConfig(made.encoder.fingerprint))
    yield made
    made.index.close()


def test_a_document_in_which_nothing_was_found_says_so(bench: ScriptedPipeline) -> None:
    empty = bench.ingest(source("blank.pdf"), document())
    assert (empty.status, empty.notes) == ("complete", ("contains neither text nor pictures",))
    assert list_records(bench.index)[0].notes == empty.notes
    assert bench.ingest(source("a.pdf"), OLD).notes == ()


class LongerEncoder(WordEncoder):
    """A `WordEncoder` with one more dimension."""

    name, fingerprint = "longer", "longer-1"
    size = WordEncoder.size + 1
    fails_after = 1_000_000

    def encode_texts(self, texts, *, query=False):  # type: ignore[no-untyped-def]
        import numpy as np

        if not query and len(self.encoded) >= self.fails_after:
            raise RuntimeError("the power went out")
        short = super().encode_texts(texts, query=query)
        return np.hstack([short, np.zeros((len(texts), 1), np.float32)])


def visible_texts(index: Store, encoder: WordEncoder, folder: Path) -> set[str]:
    hits = search([Query("pump valve chart")], SearchContext(index, Spaces(encoder), folder), 50)[0]
    return {hit.caption or hit.text for hit in hits}


def write_source(folder: Path, name: str) -> Source:
    path = folder / name
    path.write_text(name)
    return Source(path, path.as_uri(), name, "1", "application/pdf")


def test_only_missing_files_below_the_paths_are_removed(bench: ScriptedPipeline, tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "in-between"
    inside.mkdir()
    outside.mkdir()
    kept, lost, other = write_source(inside, "a.pdf"), write_source(inside, "b.pdf"), write_source(outside, "c.pdf")
    for one in (kept, lost, other):
        bench.ingest(one, OLD)
    lost.path.unlink()
    other.path.unlink()
    found = find_removed_documents(list_records(bench.index), [inside], [kept])
    assert [record.name for record in found.documents] == ["b.pdf"]
    assert found.covered == 2
    assert (
        find_removed_documents(list_records(bench.index), [inside], []).documents == found.documents
    )  # a.pdf was not met, but is there


def ingest_two_rows(bench: ScriptedPipeline, catalogue: Path) -> list[Source]:
    name, uri = catalogue.name, catalogue.as_uri()
    rows = [Source(catalogue, f"{uri}#{number}", f"{name}#{number}", "1", "text/csv") for number in (1, 2)]
    for row in rows:
        bench.ingest(row, OLD)
    return rows


def test_row_missing_from_its_catalogue_is_removed(bench: ScriptedPipeline, tmp_path: Path) -> None:
    catalogue = tmp_path / "products.csv"
    catalogue.write_text("id,image\n1,a.png\n")
    rows = ingest_two_rows(bench, catalogue)
    assert [
        record.name for record in find_removed_documents(list_records(bench.index), [catalogue], rows[:1]).documents
    ] == ["products.csv#2"]
    assert find_removed_documents(list_records(bench.index), [tmp_path / "elsewhere"], rows[:1]).documents == ()


def test_row_that_cannot_be_read_is_not_removed(bench: ScriptedPipeline, tmp_path: Path) -> None:
    catalogue = tmp_path / "products.jsonl"
    catalogue.write_text('{"id": 1, "image": "a.png"}\n{"id": 2, "image": \n')
    rows = ingest_two_rows(bench, catalogue)
    assert find_removed_documents(list_records(bench.index), [catalogue], rows[:1]).documents == ()
    catalogue.write_text('{"id": 1, "image": "a.png"}\n')
    assert [
        record.name for record in find_removed_documents(list_records(bench.index), [catalogue], rows[:1]).documents
    ] == ["products.jsonl#2"]


def test_sweep_only_removes_unused_points_and_pictures(bench: ScriptedPipeline) -> None:
    pictures = bench.folder / "pictures"
    needed = save_image_bytes(b"needed", ".png", (1, 1), pictures)
    lost, fresh = (save_image_bytes(data, ".png", (1, 1), pictures) for data in (b"lost", b"fresh"))
    parts = OLD.__class__(OLD.source, OLD.passages, (OLD.pictures[0].__class__("photo", 1, needed),), OLD.report)
    bench.ingest(source("a.pdf"), parts)
    (one, *_) = bench.index.text.scroll(vectors=True)
    stray = Point("00000000-0000-0000-0000-000000000001", {**one.payload, "generation": 9}, one.vectors)
    orphan = Point("00000000-0000-0000-0000-000000000002", {**one.payload, "document_id": stray.id}, one.vectors)
    bench.index.text.upsert([stray, orphan])
    for image in (needed, lost):
        os.utime(image_path(image, pictures), (time.time() - 10_000,) * 2)
    before = bench.seen()
    swept = sweep_store(bench.index, PictureStore(pictures))
    assert (swept.points, swept.pictures) == (2, 1)
    assert bench.seen() == before
    assert len(bench.stored()) == STORED
    assert [image_path(image, pictures).exists() for image in (needed, lost, fresh)] == [True, False, True]


def test_sweep_finds_documents_that_lost_points_and_the_next_ingest_stores_them(bench: ScriptedPipeline) -> None:
    for name in ("a.pdf", "b.pdf"):
        bench.ingest(source(name), OLD)
    for collection, part in ((bench.index.text, "the red pump"), (bench.index.images, "")):
        found = [one for one in collection.scroll() if one.payload["document"] == "a.pdf"]
        collection.delete([point.id for point in found if point.payload.get("text", "") == part])
    pictures = PictureStore(bench.folder)
    assert [sweep_store(bench.index, pictures).incomplete for _ in range(2)] == [("a.pdf",)] * 2
    record, other = list_records(bench.index)
    assert (record.status, record.transient, other.status) == ("partial", True, "complete")
    assert [one["reason"] for one in record.problems] == [
        "the store has lost 1 of 2 passages and 1 of 1 pictures; ingest it again"
    ]
    assert bench.ingest(source("a.pdf"), OLD).status == "complete"
    assert bench.seen() == WHOLE_OLD
    assert sweep_store(bench.index, pictures).incomplete == ()


def test_sweep_finds_documents_that_lost_the_words_of_a_page(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    words = {point.id for point in bench.index.text.scroll() if PAGE_WORDS in point.payload}
    bench.index.text.delete([min(words)])
    pictures = PictureStore(bench.folder)
    assert sweep_store(bench.index, pictures).incomplete == ("a.pdf",)
    (record,) = list_records(bench.index)
    assert [one["reason"] for one in record.problems] == [
        "the store has lost the words of 1 of 2 pages; ingest it again"
    ]
    bench.ingest(source("a.pdf"), OLD)
    assert {point.id for point in bench.index.text.scroll() if PAGE_WORDS in point.payload} == words
    assert sweep_store(bench.index, pictures).incomplete == ()


def test_reindex_switches_when_the_next_edition_is_complete(bench: ScriptedPipeline) -> None:
    for name, parts in (("a.pdf", OLD), ("b.pdf", NEW)):
        bench.ingest(source(name), parts)
    new, watched = LongerEncoder(), []

    def watch(name: str) -> None:
        watched.append(name)
        if len(watched) == 1:  # half-way, the old edition still answers
            assert bench.seen() == WHOLE_OLD | WHOLE_NEW

    assert reindex_store(bench.index, Spaces(new), "english", PictureStore(bench.folder), watch) == 6
    assert sorted(watched) == ["a.pdf", "b.pdf"]
    assert bench.sandbox.calls == ["a.pdf", "b.pdf"]
    text, pictures = bench.index.open_edition(bench.index.edition, text_shapes(new.size))
    assert {len(vector) for point in text.scroll(vectors=True) for vector in point.vectors.values()} == {new.size}
    bench.index.text, bench.index.images = text, pictures  # type: ignore[misc]
    assert visible_texts(bench.index, new, bench.folder) == WHOLE_OLD | WHOLE_NEW
    bind_encoders(bench.index, EncodingConfig("longer-1"))
    with pytest.raises(StoreMismatch):
        bind_encoders(bench.index, EncodingConfig("words-1"))
    assert [sweep_store(bench.index, PictureStore(bench.folder / "pictures")).editions for _ in range(2)] == [1, 0]


def test_interrupted_reindex_continues_where_it_stopped(bench: ScriptedPipeline) -> None:
    for name, parts in (("a.pdf", OLD), ("b.pdf", NEW)):
        bench.ingest(source(name), parts)
    dying = LongerEncoder()
    dying.fails_after = 4
    with pytest.raises(RuntimeError, match="power"):
        reindex_store(bench.index, Spaces(dying), "english", PictureStore(bench.folder))
    assert bench.seen() == WHOLE_OLD | WHOLE_NEW  # nothing has switched
    again = LongerEncoder()
    reindex_store(bench.index, Spaces(again), "english", PictureStore(bench.folder))
    assert len(dying.encoded) + len(again.encoded) == 6


def test_reindex_upgrades_a_store_of_an_earlier_version(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    config = EncodingConfig("words-1")
    bind_encoders(bench.index, config)
    (binding,) = bench.index.documents.retrieve([STORE_ID])
    write_fact(bench.index, STORE_ID, {k: v for k, v in binding.payload.items() if k != "format"})
    with pytest.raises(StoreMismatch, match="diptych reindex"):
        bind_encoders(bench.index, config)
    assert reindex_store(bench.index, Spaces(bench.encoder), "english", PictureStore(bench.folder)) == 0, (
        "all vectors are copied"
    )
    bind_encoders(bench.index, config)
    write_fact(bench.index, STORE_ID, {**binding.payload, "format": STORE_FORMAT + 1})
    with pytest.raises(StoreMismatch, match="update it"):
        bind_encoders(bench.index, config)


def test_documents_ingested_during_a_reindex_are_in_the_next_edition(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    late = iter(["b.pdf"])

    def ingest_more(_: str) -> None:
        for name in late:
            bench.ingest(source(name), NEW)
            bench.ingest(source("a.pdf", "2"), NEW)

    new = LongerEncoder()
    reindex_store(bench.index, Spaces(new), "english", PictureStore(bench.folder), ingest_more)
    text, _ = bench.index.open_edition(bench.index.edition, text_shapes(new.size))
    assert sorted((p.payload["document"], p.payload["text"]) for p in text.scroll() if "text" in p.payload) == [
        ("a.pdf", "the blue valve"),
        ("a.pdf", "the red pump"),
        ("b.pdf", "the blue valve"),
        ("b.pdf", "the red pump"),
    ]
    assert [record.name for record in list_records(bench.index)] == ["a.pdf", "b.pdf"]
