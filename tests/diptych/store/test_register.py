"""The switch: after a failure at any step, readers see either the complete old version or the complete new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import StoreMismatch
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.retry import documents_to_retry
from diptych.search.query.query import Query
from diptych.store.points import EncodingConfig
from diptych.store.register import bind_encoders, list_records, register_version, write_record
from diptych.store.register_cache import RegisterCache
from diptych.store.switch import delete_document
from diptych.store.types import Point
from diptych.where import parse_where
from extractors.errors import ExtractionError, WorkerStopped
from extractors.types import Options, Passage, Problem, Report
from tests.support.fakes import document, source
from tests.support.scripted_pipeline import NEW, OLD, STORED, WHOLE_NEW, WHOLE_OLD, ScriptedPipeline
from tests.support.stores import ENGINES


@pytest.fixture(params=ENGINES)
def scripted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ScriptedPipeline]:
    made = ScriptedPipeline(tmp_path / "store", request.param)
    yield made
    made.index.close()


def test_new_document_appears_in_both_collections(scripted: ScriptedPipeline) -> None:
    outcome = scripted.ingest(source("a.pdf"), OLD)
    assert (outcome.status, outcome.passages, outcome.pictures, outcome.encoded) == ("complete", 2, 1, 3)
    assert scripted.seen() == WHOLE_OLD


def test_unchanged_document_is_not_extracted_again(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    outcome = scripted.ingest(source("a.pdf"), OLD)
    assert (outcome.status, outcome.passages, outcome.encoded) == ("unchanged", 2, 0)
    assert scripted.sandbox.calls == ["a.pdf"]


def test_only_changed_parts_are_encoded(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    scripted.encoder.encoded.clear()
    outcome = scripted.ingest(source("a.pdf", "2"), NEW)
    assert scripted.encoder.encoded == ["the blue valve", "Figure 1: a blue chart"]
    assert outcome.encoded == 2
    assert scripted.seen() == WHOLE_NEW
    assert len(scripted.stored()) == STORED


def test_other_extraction_options_keep_the_vectors_of_unchanged_parts(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    scripted.encoder.encoded.clear()
    other = replace(scripted.pipeline, options=Options(dpi=200))
    outcome = ingest_document(source("a.pdf"), other)
    assert (outcome.status, outcome.encoded, scripted.encoder.encoded) == ("complete", 0, [])
    assert scripted.sandbox.calls == ["a.pdf", "a.pdf"]
    assert ingest_document(source("a.pdf"), other).status == "unchanged"


def test_inserted_page_is_the_only_one_encoded(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    scripted.encoder.encoded.clear()
    moved = document(Passage("a cat", 1), Passage("the red pump", 2), Passage("the green valve", 3))
    scripted.ingest(source("a.pdf", "2"), moved)
    assert scripted.encoder.encoded == ["a cat"]
    assert {(hit.text, hit.page) for hit in scripted.hits()} == {
        ("a cat", 1),
        ("the red pump", 2),
        ("the green valve", 3),
    }


def test_failed_document_keeps_its_old_version_and_is_registered(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    broken = ExtractionError("a.pdf: is encrypted; give a copy without a password")
    outcome = scripted.ingest(source("a.pdf", "2"), broken)
    assert (outcome.status, outcome.error) == ("failed", "a.pdf: is encrypted; give a copy without a password")
    assert scripted.seen() == WHOLE_OLD
    (record,) = list_records(scripted.index)
    assert (record.status, record.error, record.generation) == ("failed", str(broken), 1)


def test_missing_parts_stay_acknowledged_until_the_file_changes(scripted: ScriptedPipeline) -> None:
    partial = replace(OLD, report=Report(2, problems=(Problem("cannot be read", 2),)))
    scripted.ingest(source("a.pdf"), partial)
    (record,) = list_records(scripted.index)
    write_record(scripted.index, replace(record, acknowledged=True))
    assert scripted.ingest(source("a.pdf"), partial).acknowledged
    assert ingest_document(source("a.pdf"), scripted.pipeline, retry=True).acknowledged
    assert not scripted.ingest(source("a.pdf", "2"), partial).acknowledged


@pytest.mark.parametrize("stopped", [WorkerStopped("a.pdf", "too slow"), "partial"])
def test_document_that_exceeded_a_limit_waits_for_another_limit_or_a_retry(
    scripted: ScriptedPipeline, stopped: Exception | str
) -> None:
    report = Report(3, problems=(Problem("too slow", 2),), worker_stopped=True)
    result = stopped if isinstance(stopped, Exception) else replace(OLD, report=report)
    for _ in range(2):
        outcome = scripted.ingest(source("a.pdf"), result)
    assert scripted.sandbox.calls == ["a.pdf"]
    assert outcome.status in ("failed", "unchanged")
    (record,) = list_records(scripted.index)
    assert documents_to_retry([record]) == [record]
    scripted.sandbox.limits = replace(scripted.sandbox.limits, page_seconds=300)
    for _ in range(2):
        scripted.ingest(source("a.pdf"), OLD)
    assert scripted.sandbox.calls == ["a.pdf"] * 2
    assert list_records(scripted.index)[0].limits == ""


@pytest.mark.parametrize(("transient", "calls"), [(False, 1), (True, 2)])
def test_only_transient_failures_are_retried(scripted: ScriptedPipeline, transient: bool, calls: int) -> None:
    error = ExtractionError("a.pdf: took too long", transient=transient)
    assert scripted.ingest(source("a.pdf"), error).status == "failed"
    assert scripted.ingest(source("a.pdf"), error).status == "failed"
    assert len(scripted.sandbox.calls) == calls
    assert scripted.seen() == set()


def test_fixed_document_recovers(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), ExtractionError("a.pdf: broken"))
    outcome = scripted.ingest(source("a.pdf", "2"), OLD)
    assert (outcome.status, outcome.error) == ("complete", "")
    assert scripted.seen() == WHOLE_OLD


def test_problem_makes_the_document_partial(scripted: ScriptedPipeline) -> None:
    parts = document(Passage("the red pump", 1), problems=(Problem("a.pdf, page 2: cannot be read", 2),))
    assert scripted.ingest(source("a.pdf"), parts).status == "partial"
    again = scripted.ingest(source("a.pdf"), parts)
    assert (again.status, again.problems) == ("unchanged", (Problem("a.pdf, page 2: cannot be read", 2),))


def test_same_bytes_under_two_names_are_two_documents(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    scripted.ingest(replace(source("b.pdf"), sha256=source("a.pdf").sha256), OLD)
    hits = scripted.search(Query("red pump", copies=True))
    assert sorted(hit.document for hit in hits if hit.text == "the red pump") == ["a.pdf", "b.pdf"]
    assert [hit.document for hit in scripted.hits("red pump") if hit.text == "the red pump"] == ["a.pdf"]


def test_deleted_document_disappears_from_both_collections(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    scripted.ingest(source("b.pdf"), NEW)
    delete_document(scripted.index, list_records(scripted.index)[0])
    assert {hit.document for hit in scripted.hits()} == {"b.pdf"}
    assert len(scripted.stored()) == STORED
    assert [record.name for record in list_records(scripted.index)] == ["b.pdf"]


@pytest.mark.parametrize("step", [("text", 0), ("images", 0), ("documents", 0)], ids=lambda step: step[0])
def test_interrupted_delete_shows_nothing_and_converges(
    scripted: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch, step: tuple[str, int]
) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    (record,) = list_records(scripted.index)
    collection = getattr(scripted.index, step[0])
    with monkeypatch.context() as patch:
        patch.setattr(collection, "delete", killed_after(step[1], collection.delete))
        with pytest.raises(Killed):
            delete_document(scripted.index, record)
    assert scripted.seen() == set()
    assert list_records(scripted.index) == []
    scripted.ingest(source("a.pdf"), NEW)
    assert scripted.seen() == WHOLE_NEW
    assert len(scripted.stored()) == STORED


def test_concurrent_ingests_of_one_document_extract_it_once(scripted: ScriptedPipeline) -> None:
    scripted.sandbox.scripts["a.pdf"] = OLD
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: ingest_document(source("a.pdf"), scripted.pipeline), range(4)))
    assert sorted(outcome.status for outcome in outcomes) == ["complete", "unchanged", "unchanged", "unchanged"]
    assert (scripted.seen(), len(scripted.stored()), scripted.sandbox.calls) == (WHOLE_OLD, STORED, ["a.pdf"])


class Killed(BaseException):
    """Stands for the death of a process."""


def killed_after(calls: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which raises `Killed` after a number of calls."""
    left = [calls]

    def call(*arguments: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return function(*arguments)

    return call


STEPS: list[tuple[str, str, int]] = [
    *[(collection, "upsert", 0) for collection in ("text", "images")],
    ("documents", "upsert", 0),
    ("store", "write_and_unlock", 0),
    *[(collection, "delete", calls) for collection in ("text", "images") for calls in (0, 1)],
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: "-".join(map(str, step)))
def test_interrupted_ingest_shows_one_complete_version_and_converges(
    scripted: ScriptedPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[str, str, int]
) -> None:
    uninterrupted = ScriptedPipeline(tmp_path / "uninterrupted", scripted.engine)
    for name, parts in (("1", OLD), ("2", NEW)):
        uninterrupted.ingest(source("a.pdf", name), parts)
    scripted.ingest(source("a.pdf"), OLD)
    name, method, calls = step
    target = scripted.index if name == "store" else getattr(scripted.index, name)
    with monkeypatch.context() as patch:
        patch.setattr(target, method, killed_after(calls, getattr(target, method)))
        with pytest.raises(Killed):
            scripted.ingest(source("a.pdf", "2"), NEW)
    assert scripted.seen() in (WHOLE_OLD, WHOLE_NEW)
    scripted.ingest(source("a.pdf", "2"), NEW)
    assert scripted.seen() == WHOLE_NEW
    assert scripted.stored() == uninterrupted.stored()
    uninterrupted.index.close()


@pytest.mark.parametrize("last", ["text", "images", "commit"])
def test_parts_of_an_interrupted_first_ingest_never_appear(
    scripted: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """The file changes before the next run: what the first one has written is of another version."""
    target, method = (scripted.index, "write_and_unlock")
    if last != "commit":
        target, method = getattr(scripted.index, last), "replace_hidden"
    with monkeypatch.context() as patch:
        patch.setattr(target, method, killed_after(0, getattr(target, method)))
        with pytest.raises(Killed):
            scripted.ingest(source("a.pdf"), OLD)
    assert scripted.seen() == set()
    scripted.ingest(source("a.pdf", "2"), NEW)
    assert (scripted.seen(), len(scripted.stored())) == (WHOLE_NEW, STORED)


def test_uncommitted_points_do_not_crowd_out_visible_ones(scripted: ScriptedPipeline) -> None:
    """400 uncommitted points match better than the only visible one."""
    scripted.ingest(source("a.pdf"), document(Passage("a green and red and blue pump", 1)))
    visible = next(point for point in scripted.index.text.scroll(vectors=True) if point.vectors)
    payload = {**visible.payload, "indexed": "pump", "generation": 9}
    crowd = [Point(f"00000000-0000-0000-0000-{n:012d}", payload, visible.vectors) for n in range(400)]
    scripted.index.text.upsert(crowd)
    assert [hit.text for hit in scripted.hits("pump")] == ["a green and red and blue pump"]


def test_store_is_bound_to_its_encoders(scripted: ScriptedPipeline) -> None:
    bind_encoders(scripted.index, EncodingConfig("words-1"))
    bind_encoders(scripted.index, EncodingConfig("words-1"))
    with pytest.raises(StoreMismatch, match=r"words-1 \(english\), but the settings name words-2.*diptych reindex"):
        bind_encoders(scripted.index, EncodingConfig("words-2"))
    assert list_records(scripted.index) == []


def test_content_shared_by_two_documents_is_encoded_once(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    scripted.ingest(source("b.pdf"), OLD)
    assert len(scripted.encoder.encoded) == 3


def test_user_fields_can_be_filtered_and_are_returned(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf", price=150, sale=True), document(Passage("red pump", 1)))
    scripted.ingest(source("b.pdf", price=250, sale=False), document(Passage("red pump", 1)))
    (hit,) = scripted.search(Query("pump", where=parse_where("price < 200 and sale = true")))
    assert (hit.document, hit.fields) == ("a.pdf", {"price": 150, "sale": True})


def test_register_is_read_once_per_version(scripted: ScriptedPipeline) -> None:
    scripted.ingest(source("a.pdf"), OLD)
    (record,) = list_records(scripted.index)
    cache, version = RegisterCache(), register_version(scripted.index)
    assert cache.records_at(version, scripted.index, {record.id}) == {record.id: record}
    scripted.index.documents.delete([record.id])
    assert cache.records_at(version, scripted.index, {record.id}) == {record.id: record}
    assert cache.records_at("another version", scripted.index, {record.id}) is None
