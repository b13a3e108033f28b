"""The switch: whatever dies in between, a reader sees the old document or the new one, whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import StoreMismatch
from diptych.pipeline.ingest import ingest_document
from diptych.search.query import Query
from diptych.store.points import EncodingConfig
from diptych.store.register import RegisterCache, bind_encoders, list_records, register_version
from diptych.store.switch import delete_document
from diptych.store.types import Point
from extractors.errors import ExtractionError
from extractors.types import Options, Passage, Problem
from tests.support.fakes import document, source
from tests.support.scripted_pipeline import NEW, OLD, STORED, WHOLE_NEW, WHOLE_OLD, ScriptedPipeline
from tests.support.stores import ENGINES


@pytest.fixture(params=ENGINES)
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ScriptedPipeline]:
    made = ScriptedPipeline(tmp_path / "store", request.param)
    yield made
    made.index.close()


def test_a_document_appears_whole(bench: ScriptedPipeline) -> None:
    outcome = bench.ingest(source("a.pdf"), OLD)
    assert (outcome.status, outcome.passages, outcome.pictures, outcome.encoded) == ("complete", 2, 1, 3)
    assert bench.seen() == WHOLE_OLD


def test_unchanged_means_nothing_to_do(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    outcome = bench.ingest(source("a.pdf"), OLD)
    assert (outcome.status, outcome.passages, outcome.encoded) == ("unchanged", 2, 0)
    assert bench.sandbox.calls == ["a.pdf"]


def test_only_what_changed_is_encoded(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    bench.encoder.encoded.clear()
    outcome = bench.ingest(source("a.pdf", "2"), NEW)
    assert bench.encoder.encoded == ["the blue valve", "Figure 1: a blue chart"]
    assert outcome.encoded == 2
    assert bench.seen() == WHOLE_NEW
    assert len(bench.stored()) == STORED


def test_another_way_to_extract_encodes_nothing_that_stayed(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    bench.encoder.encoded.clear()
    coarser = replace(bench.pipeline, options=Options(dpi=200))
    outcome = ingest_document(source("a.pdf"), coarser)
    assert (outcome.status, outcome.encoded, bench.encoder.encoded) == ("complete", 0, [])
    assert bench.sandbox.calls == ["a.pdf", "a.pdf"]
    assert ingest_document(source("a.pdf"), coarser).status == "unchanged"


def test_a_page_put_in_front_costs_that_page_only(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    bench.encoder.encoded.clear()
    moved = document(Passage("a cat", 1), Passage("the red pump", 2), Passage("the green valve", 3))
    bench.ingest(source("a.pdf", "2"), moved)
    assert bench.encoder.encoded == ["a cat"]
    assert {(hit.text, hit.page) for hit in bench.hits()} == {("a cat", 1), ("the red pump", 2), ("the green valve", 3)}


def test_a_failure_keeps_the_old_version_and_is_registered(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    broken = ExtractionError("a.pdf: is encrypted; give a copy without a password")
    outcome = bench.ingest(source("a.pdf", "2"), broken)
    assert (outcome.status, outcome.error) == ("failed", "a.pdf: is encrypted; give a copy without a password")
    assert bench.seen() == WHOLE_OLD
    (record,) = list_records(bench.index)
    assert (record.status, record.error, record.generation) == ("failed", str(broken), 1)


@pytest.mark.parametrize(("transient", "calls"), [(False, 1), (True, 2)])
def test_only_a_passing_failure_is_tried_again(bench: ScriptedPipeline, transient: bool, calls: int) -> None:
    error = ExtractionError("a.pdf: took too long", transient=transient)
    assert bench.ingest(source("a.pdf"), error).status == "failed"
    assert bench.ingest(source("a.pdf"), error).status == "failed"
    assert len(bench.sandbox.calls) == calls
    assert bench.seen() == set()


def test_a_mended_document_recovers(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), ExtractionError("a.pdf: broken"))
    outcome = bench.ingest(source("a.pdf", "2"), OLD)
    assert (outcome.status, outcome.error) == ("complete", "")
    assert bench.seen() == WHOLE_OLD


def test_a_missing_place_makes_the_document_partial(bench: ScriptedPipeline) -> None:
    parts = document(Passage("the red pump", 1), problems=(Problem("a.pdf, page 2: cannot be read", 2),))
    assert bench.ingest(source("a.pdf"), parts).status == "partial"
    again = bench.ingest(source("a.pdf"), parts)
    assert (again.status, again.problems) == ("unchanged", (Problem("a.pdf, page 2: cannot be read", 2),))


def test_the_same_bytes_under_two_names_are_two_documents(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    bench.ingest(source("b.pdf"), OLD)
    assert sorted(hit.document for hit in bench.hits("red pump") if hit.text == "the red pump") == ["a.pdf", "b.pdf"]


def test_a_deleted_document_is_gone_from_both_collections(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    bench.ingest(source("b.pdf"), NEW)
    delete_document(bench.index, list_records(bench.index)[0])
    assert {hit.document for hit in bench.hits()} == {"b.pdf"}
    assert len(bench.stored()) == STORED
    assert [record.name for record in list_records(bench.index)] == ["b.pdf"]


@pytest.mark.parametrize("step", [("text", 0), ("images", 0), ("documents", 0)], ids=lambda step: step[0])
def test_death_while_deleting_shows_nothing_and_converges(
    bench: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch, step: tuple[str, int]
) -> None:
    bench.ingest(source("a.pdf"), OLD)
    (record,) = list_records(bench.index)
    collection = getattr(bench.index, step[0])
    with monkeypatch.context() as patch:
        patch.setattr(collection, "delete", dying(collection.delete, step[1]))
        with pytest.raises(Killed):
            delete_document(bench.index, record)
    assert bench.seen() == set()
    assert list_records(bench.index) == []
    bench.ingest(source("a.pdf"), NEW)
    assert bench.seen() == WHOLE_NEW
    assert len(bench.stored()) == STORED


def test_two_ingests_of_one_document_at_once_work_once(bench: ScriptedPipeline) -> None:
    bench.sandbox.scripts["a.pdf"] = OLD
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: ingest_document(source("a.pdf"), bench.pipeline), range(4)))
    assert sorted(outcome.status for outcome in outcomes) == ["complete", "unchanged", "unchanged", "unchanged"]
    assert (bench.seen(), len(bench.stored()), bench.sandbox.calls) == (WHOLE_OLD, STORED, ["a.pdf"])


class Killed(BaseException):
    """Stands for a process that ends at a named step."""


def dying(function: Callable[..., Any], after: int) -> Callable[..., Any]:
    """`function` that works `after` times and then never again."""
    left = [after]

    def call(*arguments: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return function(*arguments)

    return call


STEPS: list[tuple[str, str, int]] = [
    *[(collection, "upsert", after) for collection in ("text", "images") for after in (0,)],
    *[("documents", "upsert", after) for after in (0, 1)],
    *[(collection, "delete", after) for collection in ("text", "images") for after in (0, 1)],
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: "-".join(map(str, step)))
def test_death_at_any_step_shows_one_version_whole_and_converges(
    bench: ScriptedPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[str, str, int]
) -> None:
    calm = ScriptedPipeline(tmp_path / "calm", bench.engine)
    for name, parts in (("1", OLD), ("2", NEW)):
        calm.ingest(source("a.pdf", name), parts)
    bench.ingest(source("a.pdf"), OLD)
    name, method, after = step
    collection = getattr(bench.index, name)
    with monkeypatch.context() as patch:
        patch.setattr(collection, method, dying(getattr(collection, method), after))
        with pytest.raises(Killed):
            bench.ingest(source("a.pdf", "2"), NEW)
    assert bench.seen() in (WHOLE_OLD, WHOLE_NEW)
    bench.ingest(source("a.pdf", "2"), NEW)
    assert bench.seen() == WHOLE_NEW
    assert bench.stored() == calm.stored()
    calm.index.close()


def test_points_of_another_version_never_starve_a_search(bench: ScriptedPipeline) -> None:
    """400 uncommitted points that match better do not push the one that counts out of the answer."""
    bench.ingest(source("a.pdf"), document(Passage("a green and red and blue pump", 1)))
    good = next(point for point in bench.index.text.scroll(vectors=True) if point.vectors)
    crowd = [
        Point(f"00000000-0000-0000-0000-{n:012d}", {**good.payload, "indexed": "pump", "generation": 9}, good.vectors)
        for n in range(400)
    ]
    bench.index.text.upsert(crowd)
    assert [hit.text for hit in bench.hits("pump")] == ["a green and red and blue pump"]


def test_a_store_is_bound_to_how_it_is_read(bench: ScriptedPipeline) -> None:
    bind_encoders(bench.index, EncodingConfig("words-1"))
    bind_encoders(bench.index, EncodingConfig("words-1"))
    with pytest.raises(StoreMismatch, match=r"words-1 \(english\), the settings name words-2.*diptych reindex"):
        bind_encoders(bench.index, EncodingConfig("words-2"))
    assert list_records(bench.index) == []


def test_the_same_content_in_two_documents_is_encoded_once(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    bench.ingest(source("b.pdf"), OLD)
    assert len(bench.encoder.encoded) == 3


def test_user_fields_filter_and_come_back(bench: ScriptedPipeline) -> None:
    from diptych.where import parse_where

    bench.ingest(source("a.pdf", price=150, sale=True), document(Passage("red pump", 1)))
    bench.ingest(source("b.pdf", price=250, sale=False), document(Passage("red pump", 1)))
    (hit,) = bench.search(Query("pump", where=parse_where("price < 200 and sale = true")))
    assert (hit.document, hit.fields) == ("a.pdf", {"price": 150, "sale": True})


def test_the_register_is_asked_once_between_two_commits(bench: ScriptedPipeline) -> None:
    bench.ingest(source("a.pdf"), OLD)
    (record,) = list_records(bench.index)
    register, moment = RegisterCache(), register_version(bench.index)
    assert register.records_at(moment, bench.index, {record.id})[record.id] == record
    bench.index.documents.delete([record.id])
    assert register.records_at(moment, bench.index, {record.id})[record.id] == record, (
        "the caller sees that the clock has moved"
    )
    assert register.records_at("another moment", bench.index, {record.id}) == {}
