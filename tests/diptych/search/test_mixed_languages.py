"""A store with documents in several languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from diptych.picture_store import PictureStore
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.reindex import reindex_store
from diptych.search.hits import Hit
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.register import bind_encoders, list_records, stored_languages
from extractors.types import Passage
from tests.support.fakes import document, source
from tests.support.scripted_pipeline import ScriptedPipeline

GERMAN = document(
    Passage("Die Pumpen werden jede Woche geölt, und der Filter ist zu reinigen.", 1),
    Passage("Das Ventil ist aus Stahl, und es ist mit einer Dichtung versehen.", 2),
)
ENGLISH = document(
    Passage("The pumps are oiled every week, and the filters are to be cleaned.", 1),
    Passage("A die is made of steel by casting, and it was there before.", 2),
)


@pytest.fixture
def mixed(tmp_path: Path) -> Iterator[ScriptedPipeline]:
    made = ScriptedPipeline(tmp_path, "embedded")
    made.sandbox.scripts = {"deutsch.pdf": GERMAN, "english.pdf": ENGLISH}
    pipeline = replace(made.pipeline, language="auto")
    bind_encoders(made.index, pipeline.spaces.encoding_config("auto"))
    for name in made.sandbox.scripts:
        ingest_document(source(name), pipeline)
    yield made
    made.index.close()


def ask(made: ScriptedPipeline, text: str, language: str = "auto") -> list[Hit]:
    pipeline = made.pipeline
    weights = {"text.dense": 0.0}
    return search([Query(text)], SearchContext(made.index, pipeline.spaces, made.folder, language, weights), 10)[0]


def test_the_register_knows_the_languages(mixed: ScriptedPipeline) -> None:
    assert {record.name: record.language for record in list_records(mixed.index)} == {
        "deutsch.pdf": "german",
        "english.pdf": "english",
    }
    assert stored_languages(mixed.index) == ("english", "german")


def test_words_find_documents_by_the_stems_of_their_language(mixed: ScriptedPipeline) -> None:
    german, *_ = ask(mixed, "Wann wird die Pumpe geölt?")
    assert (german.document, german.page) == ("deutsch.pdf", 1)
    english, *_ = ask(mixed, "when is a pumping oil")
    assert (english.document, english.page) == ("english.pdf", 1)
    assert {hit.document for hit in ask(mixed, "Stahl steel")} == {"deutsch.pdf", "english.pdf"}


def test_stop_words_are_those_of_the_query(mixed: ScriptedPipeline) -> None:
    assert not ask(mixed, "was ist mit der die")
    assert [hit.page for hit in ask(mixed, "what is a die made of")] == [2]


def test_a_store_of_one_language_keeps_it_until_it_is_reindexed(tmp_path: Path) -> None:
    made = ScriptedPipeline(tmp_path, "embedded")
    config = made.pipeline.spaces.encoding_config
    assert bind_encoders(made.index, config("english")) == "english"
    made.ingest(source("deutsch.pdf"), GERMAN)
    assert bind_encoders(made.index, config("auto")) == "english"
    assert not ask(made, "Pumpe", "english")
    assert reindex_store(made.index, made.pipeline.spaces, "auto", PictureStore(made.folder)) == 0, (
        "all vectors are kept"
    )
    made.index.close()
    made = ScriptedPipeline(tmp_path, "embedded")
    assert bind_encoders(made.index, config("auto")) == "auto"
    assert [hit.page for hit in ask(made, "Pumpe")] == [1]
    made.index.close()
