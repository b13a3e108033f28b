"""The language of documents and queries."""

from __future__ import annotations

import pytest

from diptych.store.languages import detect_language, detect_query_language, known_languages, stop_words
from diptych.store.terms import analyse, check_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The pump is oiled every week, and the filter is cleaned.", "english"),
        ("Die Pumpe wird jede Woche geölt, und der Filter wird gereinigt.", "german"),
        ("La pompe est huilée chaque semaine et le filtre est nettoyé.", "french"),
        ("La bomba se engrasa cada semana y el filtro se limpia.", "spanish"),
        ("La pompa viene oliata ogni settimana e il filtro viene pulito con un panno.", "italian"),
        ("A bomba é lubrificada todas as semanas e o filtro é limpo com um pano.", "portuguese"),
        ("De pomp wordt elke week gesmeerd en het filter wordt schoongemaakt.", "dutch"),
        ("Pumpen smörjs varje vecka och filtret är rengjort av oss.", "swedish"),
        ("Насос смазывают каждую неделю, и фильтр не забывают, но не всегда.", "russian"),
        ("Η αντλία λιπαίνεται κάθε εβδομάδα.", "greek"),
        ("冷却ポンプの圧力を確認する。", "english"),
        ("12.5 kPa 7 A", "english"),
        ("", "english"),
    ],
)
def test_a_document_is_in_the_language_whose_stop_words_it_uses(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie hoch ist der Druck?", "german"),
        ("how high is the pressure", "english"),
        ("Druck der Pumpe", "german"),
        ("EBITDA 2021", "english"),
        ("quelle est la pression de la pompe", "french"),  # of no document, but beyond doubt
        ("le Mans", "english"),
    ],
)
def test_a_query_is_in_a_language_of_the_store_unless_the_evidence_is_good(text: str, language: str) -> None:
    assert detect_query_language(text, ("english", "german")) == language


def test_every_language_has_a_stemmer() -> None:
    for language in known_languages():
        check_language(language)


def test_stop_words_follow_the_language() -> None:
    assert analyse("Die Pumpe und der Filter", "german") == "pump filt"
    assert analyse("die pump und der filter", "english") == "die pump und der filter"
    assert analyse("Die Pumpen und der Filter", "english", "german") == "pumpen filter"
    assert "fur" in stop_words("german"), "without accents, like the words it is compared with"
