"""Which pages answer a question, on pages of a few words that can be judged by eye."""

from __future__ import annotations

import pytest

from diptych.search.page_signals import (
    DOCUMENTS,
    HEADINGS,
    LINKS,
    NAMED,
    NAMES,
    PHRASES,
    PICTURES,
    SIGNALS,
    WORDS,
    Page,
    Place,
    bm25,
    measure_signals,
)
from diptych.search.query_intent import parse_intent
from diptych.store.terms import analyse


def pages(*words: str, document: str = "a") -> dict[Place, Page]:
    return {(document, number): Page(text) for number, text in enumerate(words, start=1)}


def best(kind: str, question: str, among: dict[Place, Page]) -> Place:
    values = measure_signals(parse_intent(question), among)[kind]
    assert max(values.values()) == pytest.approx(1.0)
    return max(values, key=lambda place: values[place])


def test_a_word_that_all_pages_have_is_worth_little() -> None:
    scores, uses = bm25(["batteri", "fuse"], [" batteri charger batteri ", " batteri fuse box ", " batteri lead acid "])
    assert scores[1] > scores[0] > scores[2] > 0
    assert uses["fuse"].worth > 3 * uses["batteri"].worth
    assert uses["fuse"].rows == {1}


def test_short_pages_count_more_than_long_ones_with_the_same_words() -> None:
    assert best(WORDS, "fuse", pages("fuse " + "wire " * 50, "fuse wire")) == ("a", 2)


def test_words_that_stand_together_beat_the_same_words_apart() -> None:
    apart, together = "water from a pump near heat", "heat a water pump now"
    assert best(PHRASES, "water pump", pages(apart, together)) == ("a", 2)
    assert measure_signals(parse_intent("water pump"), pages("pump water"))[PHRASES] == {}
    assert measure_signals(parse_intent("water pump"), pages("water hand pump"))[PHRASES] == {("a", 1): 1.0}


def test_headings_count_apart_from_the_text() -> None:
    among = {("a", 1): Page("fuse fuse fuse"), ("a", 2): Page("wire", headings="fuse")}
    assert best(HEADINGS, "fuse", among) == ("a", 2)


def test_who_asks_for_a_chart_means_a_page_with_a_figure() -> None:
    among = {("a", 1): Page("red"), ("a", 2): Page("red", kinds=frozenset({"figure"}))}
    assert measure_signals(parse_intent("the red chart"), among)[PICTURES] == {("a", 2): 1.0}
    assert measure_signals(parse_intent("the red pump"), among)[PICTURES] == {}


def test_a_figure_links_its_page_with_those_that_refer_to_it() -> None:
    label = frozenset({"figure 3"})
    shows, refers, other = Page("pump", labels=label), Page("lamp", mentions=label), Page("hose")
    among = {("a", 1): refers, ("a", 5): shows, ("a", 6): other, ("b", 1): refers, ("b", 2): other}
    assert measure_signals(parse_intent("pump"), among)[LINKS] == {("a", 1): 1.0}, (
        "the page that explains the figure that was found"
    )
    assert measure_signals(parse_intent("lamp"), among)[LINKS] == {("a", 5): 1.0}, "and the figure that a page explains"
    alone = {("a", 1): Page("pump", labels=label, mentions=label)}
    assert measure_signals(parse_intent("pump"), alone)[LINKS] == {}


def test_the_printed_number_is_meant_more_than_the_place_in_the_file() -> None:
    among = {("a", 3): Page(folio=1), ("a", 5): Page(folio=3), ("b", 3): Page()}
    assert measure_signals(parse_intent("page 3"), among)[NAMED] == {("a", 3): 0.6, ("a", 5): 1.0, ("b", 3): 1.0}


def test_first_and_last_pages_and_labels_are_named() -> None:
    among = {("a", 1): Page(), ("a", 2): Page(labels=frozenset({"table 2"})), ("a", 3): Page(last=True)}
    assert measure_signals(parse_intent("the last page"), among)[NAMED] == {("a", 3): 1.0}
    assert measure_signals(parse_intent("the cover page"), among)[NAMED] == {("a", 1): 1.0}
    assert measure_signals(parse_intent("what does Table 2 say"), among)[NAMED] == {("a", 2): 1.0}


def test_the_best_pages_speak_for_their_document() -> None:
    among = pages("fuse", "fuse", "lamp", document="a") | pages("fuse", "lamp", "lamp", document="b")
    found = measure_signals(parse_intent("fuse"), among)[DOCUMENTS]
    assert found["a", 3] == 1.0
    assert 0 < found["b", 1] < 1.0
    assert measure_signals(parse_intent("fuse"), pages("fuse", "lamp"))[DOCUMENTS] == {}, "one document is not compared"


def test_a_document_is_meant_by_its_name() -> None:
    among = {("a", 1): Page("sale", name="acm 2021 report"), ("b", 1): Page("sale", name="other 2021 report")}
    assert measure_signals(parse_intent("sales of Acme in 2021"), among)[NAMES] == {("a", 1): 1.0}


def test_without_words_or_pages_there_is_no_evidence() -> None:
    assert not any(measure_signals(parse_intent(""), pages("fuse")).values())
    assert measure_signals(parse_intent("fuse"), {}) == {kind: {} for kind in SIGNALS}


def test_scripts_without_spaces_are_ranked_alike() -> None:
    among = {
        ("a", 1): Page(analyse("圧力は夜に下がる。ポンプは赤い。")),
        ("a", 2): Page(analyse("冷却ポンプの圧力を確認する。")),
    }
    assert best(WORDS, "冷却ポンプの圧力は？", among) == ("a", 2)
    assert best(PHRASES, "冷却ポンプの圧力は？", among) == ("a", 2)
