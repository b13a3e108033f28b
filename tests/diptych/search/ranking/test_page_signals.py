"""The signals that rank pages, on pages of a few words that can be checked by eye."""

from __future__ import annotations

import pytest

from diptych.search.query.query_intent import QueryIntent, parse_intent
from diptych.search.ranking.page_signals import (
    DOCUMENT_NAME,
    DOCUMENT_WORDS,
    NAMED,
    PAGE_HEADINGS,
    PAGE_PHRASES,
    PAGE_PICTURES,
    PAGE_SECTIONS,
    PAGE_VECTORS,
    PAGE_WORDS,
    SIGNALS,
    Values,
    bm25,
    measure_signals,
)
from diptych.search.ranking.ranking_inputs import Page, Place, make_part
from diptych.store.register import DocumentRecord
from diptych.store.terms import analyse
from diptych.store.types import INDEXED


def pages(*words: str, document: str = "a") -> dict[Place, Page]:
    return {(document, number): Page(text) for number, text in enumerate(words, start=1)}


def measured(signal: str, query: str, among: dict[Place, Page]) -> Values:
    return measure_signals(parse_intent(query), among)[signal]


def best(signal: str, query: str, among: dict[Place, Page]) -> Place:
    values = measured(signal, query, among)
    assert 0 < max(values.values()) <= 1
    return max(values, key=lambda place: values[place])


def test_a_word_on_every_page_counts_little() -> None:
    scores, usage = bm25(
        ["batteri", "fuse"], [" batteri charger batteri ", " batteri fuse box ", " batteri lead acid "]
    )
    assert scores[1] > scores[0] > scores[2] > 0
    assert usage["fuse"].idf > 3 * usage["batteri"].idf
    assert usage["fuse"].rows == {1}


def test_short_pages_beat_long_ones_with_the_same_words() -> None:
    assert best(PAGE_WORDS, "fuse", pages("fuse " + "wire " * 50, "fuse wire")) == ("a", 2)


def test_adjacent_words_beat_the_same_words_apart() -> None:
    apart, together = "water from a pump near heat", "heat a water pump now"
    assert best(PAGE_PHRASES, "water pump", pages(apart, together)) == ("a", 2)
    assert measured(PAGE_PHRASES, "water pump", pages("pump water")) == {}
    assert measured(PAGE_PHRASES, "water pump", pages("water hand pump")) == {("a", 1): 1.0}
    assert measured(PAGE_PHRASES, "water pump, oil lamp", pages("oil lamp", "water pump", "sand"))["a", 1] < 0.5


def test_headings_are_a_signal_of_their_own() -> None:
    among = {("a", 1): Page("fuse fuse fuse"), ("a", 2): Page("wire", headings="fuse")}
    assert best(PAGE_HEADINGS, "fuse", among) == ("a", 2)


def test_query_for_a_chart_prefers_pages_with_a_figure() -> None:
    among = {("a", 1): Page("red"), ("a", 2): Page("red", kinds=frozenset({"figure"}))}
    assert measured(PAGE_PICTURES, "the red chart", among) == {("a", 2): 1.0}
    assert measured(PAGE_PICTURES, "the red pump", among) == {}


def test_printed_page_number_counts_more_than_the_position_in_the_file() -> None:
    among = {("a", 3): Page(folio=1), ("a", 5): Page(folio=3), ("b", 3): Page()}
    assert measured(NAMED, "page 3", among) == {("a", 3): 0.6, ("a", 5): 1.0, ("b", 3): 1.0}


def test_first_page_last_page_and_labels_can_be_named() -> None:
    among = {("a", 1): Page(), ("a", 2): Page(labels=frozenset({"table 2"})), ("a", 3): Page(last=True)}
    assert measured(NAMED, "the last page", among) == {("a", 3): 1.0}
    assert measured(NAMED, "the cover page", among) == {("a", 1): 1.0}
    assert measured(NAMED, "what does Table 2 say", among) == {("a", 2): 1.0}


def test_documents_are_scored_by_the_words_anywhere_on_their_pages() -> None:
    among = (
        pages("fuse", "wire", "lamp", document="a") | pages("fuse", "lamp", document="b") | pages("hat", document="c")
    )
    found = measured(DOCUMENT_WORDS, "fuse wire", among)
    assert found["a", 1] == found["a", 3] == 1.0
    assert 0 < found["b", 1] < 1.0
    assert ("c", 1) not in found
    assert measured(DOCUMENT_WORDS, "fuse", pages("fuse", "lamp")) == {}, "a single document is not compared"


def test_similarity_counts_above_the_least_of_all_pages() -> None:
    similarities = {PAGE_VECTORS: {("a", 1): 0.2, ("a", 2): 0.5, ("a", 3): 0.8}}
    found = measure_signals(parse_intent("fuse"), pages("fuse", "fuse", "fuse"), similarities=similarities)
    assert found[PAGE_VECTORS] == pytest.approx({("a", 2): 0.5, ("a", 3): 1.0})


@pytest.mark.parametrize(
    ("question", "value"),
    [("what belongs to weekly care of fuses", 1 / 2), ("weekly fuses need care", 0), ("the care of fuses", 0)],
)
def test_a_section_is_named_by_its_whole_heading(question: str, value: float) -> None:
    among = {("a", 1): Page("oil it", sections=frozenset({analyse("weekly care"), "care"})), ("a", 2): Page("sand")}
    assert measured(PAGE_SECTIONS, question, among) == ({("a", 1): pytest.approx(value)} if value else {})


def test_words_in_a_document_name_count() -> None:
    among = {("a", 1): Page("sale", name="acm 2021 report"), ("b", 1): Page("sale", name="other 2021 report")}
    assert measured(DOCUMENT_NAME, "sales of Acme in 2021", among) == {("a", 1): 1.0}


def test_numbers_of_a_hit_name_no_document() -> None:
    among = {("a", 1): Page("sale", name="pg 2021 03 04 view"), ("b", 1): Page("sale", name="acm report")}
    of_hit = QueryIntent(text="", words=("acm", "2024h03h01", "2024", "03", "01", "3d5"), phrases=())
    assert measure_signals(of_hit, among)[DOCUMENT_NAME] == {("b", 1): 1.0}
    assert measured(DOCUMENT_NAME, "views of 2021", among) == {("a", 1): 1.0}


def test_without_words_or_pages_there_are_no_signals() -> None:
    assert not any(measure_signals(parse_intent(""), pages("fuse")).values())
    assert measure_signals(parse_intent("fuse"), {}) == {signal: {} for signal in SIGNALS}


def test_scripts_without_spaces_are_ranked_too() -> None:
    among = {
        ("a", 1): Page(analyse("圧力は夜に下がる。ポンプは赤い。")),
        ("a", 2): Page(analyse("冷却ポンプの圧力を確認する。")),
    }
    assert best(PAGE_WORDS, "冷却ポンプの圧力は？", among) == ("a", 2)
    assert best(PAGE_PHRASES, "冷却ポンプの圧力は？", among) == ("a", 2)


@pytest.mark.parametrize(("name", "stems"), [("2026/Pump_report.pdf", "2026 pump report"), ("/disk/a.pdf", "a")])
def test_folders_count_only_below_the_root(name: str, stems: str) -> None:
    payload = {"page": 1, "title": "", "modality": "text", "kind": "text", "label": "", "heading": [], "text": "pump"}
    payload |= {INDEXED: "pump", "content_hash": ""}
    part = make_part(payload, DocumentRecord(id="1", uri="", name=name), "english")
    assert set(stems.split()) - {"a"} <= set(part.name.split())
    assert "disk" not in part.name
