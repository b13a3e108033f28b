"""Any order of ingests, failures, interruptions, deletes, reindexes and sweeps ends as a small model predicts."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from diptych.errors import StoreError
from diptych.picture_store import PictureStore
from diptych.pipeline.reindex import reindex_store
from diptych.pipeline.sweep import sweep_store
from diptych.search.query.query import Query
from diptych.store.register import list_records
from diptych.store.spaces import Spaces
from diptych.store.switch import delete_document
from diptych.where import parse_where
from extractors.errors import ExtractionError
from tests.support.fakes import WordEncoder, source
from tests.support.kills import FIGURES, NAMES, PASSAGES, document_version
from tests.support.scripted_pipeline import ScriptedPipeline

names, versions = st.sampled_from(NAMES), st.integers(1, 4)
steps = st.tuples(
    st.sampled_from(["text", "images", "documents"]), st.sampled_from(["upsert", "delete"]), st.integers(0, 2)
)


class StoreMachine(RuleBasedStateMachine):
    engine = "embedded"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.bench = ScriptedPipeline(self.folder, self.engine)
        self.model: dict[str, int] = {}
        """Document -> the version that everybody sees."""
        self.editions = 1

    def teardown(self) -> None:
        self.bench.index.close()
        shutil.rmtree(self.folder)

    @rule(name=names, version=versions)
    def ingest(self, name: str, version: int) -> None:
        outcome = self.bench.ingest(source(name, str(version)), document_version(name, version))
        assert outcome.status == "complete" or (outcome.status, self.model.get(name)) == ("unchanged", version)
        self.model[name] = version

    @rule(name=names, version=versions, step=steps)
    def ingest_that_is_interrupted(self, name: str, version: int, step: tuple[str, str, int]) -> None:
        before = dict(self.model)
        with pytest.MonkeyPatch.context() as patch:
            interrupt(patch, self.bench, step)
            try:
                self.ingest(name, version)
            except StoreError:
                assert self.seen() in (before, before | {name: version})
        self.ingest(name, version)

    @rule(name=names)
    def ingest_what_cannot_be_read(self, name: str) -> None:
        outcome = self.bench.ingest(source(name, "broken"), ExtractionError(f"{name}: broken"))
        assert outcome.status == "failed"

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model)))
        (record,) = [one for one in list_records(self.bench.index) if one.name == name]
        delete_document(self.bench.index, record)
        del self.model[name]

    @rule()
    def reindex(self) -> None:
        self.editions += 1
        encoder = WordEncoder()
        encoder.fingerprint = f"words-{self.editions}"
        reindex_store(self.bench.index, Spaces(encoder), "english", PictureStore(self.folder))
        self.bench.encoder = encoder

    @rule()
    def sweep(self) -> None:
        assert sweep_store(self.bench.index, PictureStore(self.folder)).incomplete == ()
        assert self.bench.index.images.count() == FIGURES * len(self.model)

    @invariant()
    def everything_is_found(self) -> None:
        assert self.seen() == self.model

    @invariant()
    def filters_choose(self) -> None:
        for name in NAMES:
            hits = self.bench.search(Query("pump version", where=parse_where(f'document = "{name}"')))
            assert {hit.document for hit in hits} == ({name} if name in self.model else set())

    def seen(self) -> dict[str, int]:
        """Document -> version of what a search finds, after checking that each is whole."""
        texts = [(hit.document, hit.caption or hit.text) for hit in self.bench.hits("pump chart version")]
        parts = Counter((name, int(text.rsplit(" ", 1)[1])) for name, text in texts if "version " in text)
        assert set(parts.values()) <= {PASSAGES + FIGURES}, parts
        assert len(dict(parts.keys())) == len(parts), parts
        return dict(parts.keys())


def interrupt(patch: pytest.MonkeyPatch, bench: ScriptedPipeline, step: tuple[str, str, int]) -> None:
    """Let a call of the store fail: the `count`th of a method of a collection, counted from 0."""
    collection, method, count = getattr(bench.index, step[0]), step[1], step[2]
    original, calls = getattr(collection, method), []

    def call(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == count + 1:
            raise StoreError("gone")
        return original(*arguments)

    patch.setattr(collection, method, call)


def run_machine(examples: int, length: int, *, derandomize: bool) -> None:
    options = settings(
        max_examples=examples,
        stateful_step_count=length,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(StoreMachine, settings=options)


def test_any_order_of_steps_ends_as_predicted() -> None:
    run_machine(examples=3, length=10, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_many_orders_of_steps_end_as_predicted() -> None:
    run_machine(examples=300, length=40, derandomize=False)
