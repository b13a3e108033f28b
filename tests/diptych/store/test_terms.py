"""Text analysis for BM25."""

from __future__ import annotations

from importlib import import_module

import pytest

from diptych.store.terms import analyse


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The pumps are running", "pump run"),
        ("part AB-77/c", "part ab77c ab 77 c"),
        ("AB77", "ab77"),
        ("Q3 2015", "q3 2015"),
        ("Fig. 2-1", "fig 2h1 2 1"),
        ("3.5 bar, not 35", "3d5 bar 35"),
        ("$10,000.50", "10000d50"),
        ("10000", "10000"),
        ("the company's don't", "compani don"),
        ("well-known high/low", "well known high low"),
        ("Müller’s ﬁlter — Ｑ", "muller filter q"),
        ("东京塔的高度", "东京 京塔 塔的 的高 高度"),
        ("図 5", "図 5"),
        ("snake_case v1.2.3", "snake case v123 v1 2 3"),
        ("", ""),
        ("the of and", ""),
    ],
)
def test_text_becomes_tokens(text: str, tokens: str) -> None:
    assert analyse(text) == tokens


def test_other_languages_have_their_own_stems() -> None:
    assert analyse("Pumpen laufen", "german") == "pump lauf"


@pytest.mark.parametrize("language", ["english", "german", "french", "russian"])
def test_stems_in_c_are_those_in_python(language: str) -> None:
    """Machines with and without PyStemmer may share a store."""
    module = import_module(f"snowballstemmer.{language}_stemmer")
    in_python = getattr(module, f"{language.title()}Stemmer")()
    words = ["running", "relational", "haeuser", "nationalite", "generalement", "давление", "температуры", "x"]
    assert [analyse(word, language) for word in words] == [in_python.stemWord(word) for word in words]
