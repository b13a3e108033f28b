"""What the wording of a query asks for."""

from __future__ import annotations

import pytest

from diptych.search.query.query_intent import parse_intent, strip_instructions
from diptych.search.query.synonyms import load_synonyms

ACCOUNTING = load_synonyms(("accounting",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How many lines are red? Give me an integer.", "How many lines are red?"),
        ("What is the total?Answer in millions, rounded.", "What is the total?"),
        ("Which U.S. state grew? Please write the answer as a list, e.g. ['x'].", "Which U.S. state grew?"),
        ("What is it? It stands on the left.", "What is it? It stands on the left."),
        ("Write a report", "Write a report"),
    ],
)
def test_instructions_on_the_form_of_the_answer_are_stripped(text: str, expected: str) -> None:
    assert strip_instructions(text) == expected


@pytest.mark.parametrize(
    ("text", "numbers", "positions"),
    [
        ("the chart on page 14", {14}, set()),
        ("the first box of page two", {2}, set()),
        ("the start of page(1)", {1}, set()),
        ("figures in Pages 51-53", {51, 52, 53}, set()),
        ("slides 3 and 9", {3, 9}, set()),
        ("pages 10-9000", {10, 9000}, set()),
        ("the date on the second page", set(), {2}),
        ("a signature on the last page", set(), {-1}),
        ("people on the cover", set(), {1}),
        ("14 pages of text", set(), set()),
    ],
)
def test_pages_are_named_by_number_or_position(text: str, numbers: set[int], positions: set[int]) -> None:
    intent = parse_intent(text)
    assert set(intent.page_numbers) == numbers
    assert set(intent.positions) == positions


def test_filler_words_are_not_searched() -> None:
    intent = parse_intent("According to the chart on page 14, how much time was spent with friends in 2010?")
    assert intent.words == ("time", "spent", "friend", "2010")
    assert ("spent", "friend") in intent.phrases
    assert intent.asks_for_figure


def test_short_queries_keep_filler_words() -> None:
    assert parse_intent("photo paper").words == ("photo", "paper")
    assert parse_intent("page 4").words == ("page", "4")
    assert not parse_intent("page 4").phrases, "naming a page is not a phrase"


def test_labels_are_normalised() -> None:
    assert parse_intent("What does Fig. 3 show?").labels == {"figure 3"}


def test_a_ratio_is_searched_by_the_figures_it_is_computed_from() -> None:
    intent = parse_intent("What is the current ratio in FY21?", synonyms=ACCOUNTING)
    (expansion,) = intent.expansions
    assert {"current", "ratio", "2021"} <= set(intent.words)
    assert {*intent.words, "asset", "liabil", "balanc", "sheet"} <= set(expansion.words)
    assert any(title.search("CONSOLIDATED BALANCE SHEETS") for title in expansion.tables)
    assert "inventori" not in expansion.words
    assert "balanc sheet" in expansion.documents
    assert not parse_intent("What is the current ratio in FY21?").expansions, "only with a synonym file"


def test_empty_text_has_no_words() -> None:
    assert parse_intent("").words == ()
