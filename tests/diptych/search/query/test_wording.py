"""Pages and figures named in queries of many languages."""

from __future__ import annotations

import pytest

from diptych.search.query.query_intent import parse_intent
from diptych.search.query.wording import has_function_words, named_pages
from diptych.store.languages import known_languages


@pytest.mark.parametrize(
    "text",
    [
        "page 5", "slide no. 5", "Seite 5", "S. 5", "auf Folie Nr. 5", "à la page n° 5", "página 5", "pág. 5", "blz. 5",
        "pagina 5", "sidan 5", "sivulla 5", "на странице 5", "стр. 5", "第5页", "第 5 頁", "第五页", "5ページ",
        "第5ページ", "5쪽", "5페이지", "5. oldal",
    ],
)  # fmt: skip
def test_pages_are_named_in_many_languages(text: str) -> None:
    assert named_pages(text, "english")[0] == {5}
    assert not named_pages(text, "english")[1]


def test_ranges_and_lists_of_pages() -> None:
    assert named_pages("Seiten 3 bis 5", "german")[0] == {3, 4, 5}
    assert named_pages("páginas 3 y 5", "spanish")[0] == {3, 5}
    assert named_pages("pages 3-5", "english")[0] == {3, 4, 5}


def test_a_word_with_another_meaning_names_pages_in_its_own_language_only() -> None:
    assert named_pages("hvad viser side 5", "danish")[0] == {5}
    assert not named_pages("what is on side 5", "english")[0]
    assert not any(any(named_pages("10 strong 5 pages", language)) for language in known_languages())


@pytest.mark.parametrize("text", ["letzte Seite", "the last slide", "la dernière page", "最后一页", "última página"])
def test_the_last_page_is_named_in_many_languages(text: str) -> None:
    assert named_pages(text, "english")[1] == {-1}


@pytest.mark.parametrize("text", ["Was zeigt Abb. 3?", "què muestra la figura 3", "图3显示什么", "그림 3"])
def test_figures_are_named_in_many_languages(text: str) -> None:
    intent = parse_intent(text)
    assert intent.labels == {"figure 3"}
    assert parse_intent("Tabelle 2").labels == {"table 2"}


def test_figures_are_asked_for_in_many_languages() -> None:
    for text in ("das Schaubild mit der Pumpe", "el gráfico de la bomba", "泵的图表", "ポンプの写真"):
        assert parse_intent(text).asks_for_figure, text
    assert not parse_intent("die Pumpe").asks_for_figure


def test_words_that_phrase_a_question_are_left_out() -> None:
    german = parse_intent("Laut Seite 5: Wie hoch ist der maximale Druck der roten Pumpe?", ("german",))
    assert german.words == ("maximal", "druck", "rot", "pump")
    assert parse_intent("第5页的泵压力是多少？").words == ("的泵", "泵压", "压力", "力是")


def test_words_are_stemmed_in_every_language_of_the_store() -> None:
    intent = parse_intent("Wann werden die Pumpen gereinigt?", ("english", "german"))
    assert {"pumpen", "pump", "gereinigt"} <= set(intent.words)
    assert not {"die", "wann", "werden", "werd"} & set(intent.words)


@pytest.mark.parametrize(
    "text", ["what is xqzt?", "wo ist der Gnurpf?", "où est le zblorg", "アイウはどこ", "где фыва"]
)
def test_function_words_of_any_language_are_recognised(text: str) -> None:
    assert has_function_words(text)


@pytest.mark.parametrize("text", ["asdfgh qwerty", "m3yo4g 71do", "öäü å", "阿萨德飞", "EBITDA 2021", "?"])
def test_texts_without_function_words(text: str) -> None:
    assert not has_function_words(text)
