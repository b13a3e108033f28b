"""Forged answers fail, honest ones pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diptych.answering.citations import (
    CheckedSentence,
    Evidence,
    EvidenceItem,
    Sentence,
    check_sentences,
    count_verdicts,
)
from diptych.answering.numbers import check_number, find_numbers
from diptych.answering.quotes import find_quote_problem
from diptych.answering.statements import needs_source
from extractors.table_grid import grid_from_rows
from extractors.text.sentences import split_sentences
from tests.support.forged import EVIDENCE, FORGED, HONEST, QUESTION, Case, cite
from tests.support.table_markdown import table_markdown

SAMPLE = Path(__file__).parents[3] / "data" / "samples" / "manual.md"
DOCUMENT = Path(__file__).parents[3] / "docs" / "answers.md"


def checked(sentence: Sentence) -> CheckedSentence:
    (one,) = check_sentences([sentence], Evidence(EVIDENCE, QUESTION))
    return one


def fate(one: CheckedSentence) -> str:
    if not one.passes:
        return "dropped"
    if len(one.citations) < len(one.sentence.citations):
        return "citation dropped"
    return "kept, marked" if one.marks else "kept"


@pytest.mark.parametrize("case", FORGED + HONEST, ids=lambda case: case.what)
def test_forged_and_honest_answers(case: Case) -> None:
    one = checked(case.sentence)
    assert case.kind in {verdict.kind for verdict in one.verdicts}
    assert fate(one) == case.fate, one.verdicts
    for verdict in one.verdicts:
        assert verdict.reason
        assert "\n" not in verdict.reason


def test_honest_answers_pass_every_check() -> None:
    for case in HONEST:
        assert {verdict.kind for verdict in checked(case.sentence).verdicts} == {"true"}, case.what


def test_the_documented_table_matches_the_results() -> None:
    rows = re.findall(r"^\| ([^|]+) \| `([^|]+)` \| ([^|]+) \|$", DOCUMENT.read_text(), re.M)
    assert rows == [(case.what, case.kind, fate(checked(case.sentence))) for case in FORGED]


def test_exact_quotes_pass_and_changed_digits_fail() -> None:
    paragraphs = [text for text in SAMPLE.read_text().split("\n\n") if not text.startswith("#")]
    changed = 0
    for text in paragraphs:
        item = Evidence([EvidenceItem("E1", "manual.pdf", text=text)])
        for sentence in split_sentences(" ".join(text.split())):
            (one,) = check_sentences([cite(sentence, ("E1", sentence))], item)
            assert {verdict.kind for verdict in one.verdicts} <= {"true", "figure", "page", "empty quote"}, one.verdicts
            for match in re.finditer(r"\d", sentence):
                digit = str((int(match[0]) + 1) % 10)
                forged = sentence[: match.start()] + digit + sentence[match.end() :]
                assert find_quote_problem(forged, text), forged
                changed += 1
    assert changed > 100


def test_verdicts_are_counted_by_kind() -> None:
    sentences = [case.sentence for case in FORGED if case.kind == "unknown id"]
    found = count_verdicts(check_sentences(sentences, Evidence(EVIDENCE)))
    assert found == {"unknown id": 4, "true": 1}


def test_a_page_may_be_cited_by_its_printed_number() -> None:
    item = EvidenceItem("E1", "report.pdf", 20, 17, text="Sales grew.")
    for page in (20, 17):
        (one,) = check_sentences([cite(f"Page {page} says so.", ("E1", "Sales grew"))], Evidence([item]))
        assert one.passes
    (other,) = check_sentences([cite("Page 18 says so.", ("E1", "Sales grew"))], Evidence([item]))
    assert not other.passes
    assert item.place == "report.pdf, page 20 (printed 17)"


def test_the_reason_names_the_item_with_the_quote() -> None:
    (verdict,) = checked(cite("Grease it.", ("E2", "Grease its bearing"))).verdicts
    assert verdict.reason == "“Grease its bearing” is in E1, not in E2"


def test_reasons_are_short_and_on_one_line() -> None:
    (verdict,) = checked(cite("It is.", ("E1", "no such words\n\n# Heading\n" * 50))).verdicts
    assert len(verdict.reason) < 140
    assert "\n" not in verdict.reason


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("The pump is made in Norway.", True),
        ("Die Pumpe steht im Keller.", True),
        ("The documents do not say how heavy the pump is.", False),
        ("The price is not stated in the manual.", False),
        ("I could not find a price.", False),
        ("The manual does not say it, but the pump weighs a ton.", True),
        ("## Care of the pump", False),
        ("Care of the pump", False),
        ("Do these steps in order:", False),
        ("Is the pump running?", False),
        ("- The pump runs at night.", True),
        ("", False),
    ],
)
def test_which_sentences_need_a_source(text: str, fact: bool) -> None:
    assert needs_source(text) == fact
    assert ("uncited" in count_verdicts([checked(Sentence(text))])) == fact


@pytest.mark.parametrize(
    ("answer", "evidence", "expected"),
    [
        ("1 200 users", "1,200 users", "stated"),
        ("1.2 million", "1,200,000", "stated"),
        ("twenty-five pumps", "25 pumps", "stated"),
        ("3.5 %", "3,5 %", "stated"),
        ("1.200 kg", "1.200 kg", "stated"),
        ("1.2 kg", "1,200 kg", "absent"),
        ("10-20 mm", "10 – 20 mm", "stated"),
        ("10⁶ cells", "106 cells", "absent"),
        ("1000000 cells", "10⁶ cells", "stated"),
        ("77 parts", "part AB-77", "absent"),
        ("version 1.2.4", "version 1.2.3", "absent"),
        ("version 1.2.3", "version 1.2.3", "stated"),
        ("$129.50", "price: 129.5.", "stated"),
        ("in 2015", "FY2015", "stated"),
        ("a fall of 5", "(5)", "stated"),
        ("-5 bar", "5 bar", "absent"),
        ("٣ pumps", "3 pumps", "stated"),
        ("12 %", "12 of 40 percent", "stated"),
        ("12 %", "12 of 40", "no percent"),
        ("CO2", "CO₂", "stated"),
    ],
)
def test_numbers_in_evidence(answer: str, evidence: str, expected: str) -> None:
    assert find_numbers(answer)
    assert {check_number(one, evidence) for one in find_numbers(answer)} == {expected}


def test_one_and_zero_in_words_are_not_numbers() -> None:
    assert find_numbers("One of them is zero.") == []


def test_an_ellipsis_spans_a_sentence_but_not_a_page() -> None:
    text = "The pump hums. " + "It rains. " * 60 + "The valve leaks."
    assert find_quote_problem("The pump … The valve", text) == "apart"
    assert find_quote_problem("The pump … It rains", text) is None


def test_scripts_without_spaces_may_be_quoted_from_anywhere() -> None:
    assert find_quote_problem("水泵每年", "循环水泵每年润滑一次。") is None
    assert find_quote_problem("水泵每月", "循环水泵每年润滑一次。") == "absent"


def test_table_cells_may_be_quoted_with_or_without_bars() -> None:
    table = "| Region | 2014 | 2015 |\n| --- | --- | --- |\n| North | 41 | 42 |"
    for quote in ("| North | 41 | 42 |", "North 41 42", "Region 2014 2015 North"):
        assert find_quote_problem(quote, table) is None
    assert find_quote_problem("North 4142", table) == "absent"
    (number,) = find_numbers("4142 pumps")
    assert check_number(number, table) == "absent"


def test_dots_of_a_table_of_contents_are_not_an_ellipsis() -> None:
    assert find_quote_problem("Care ........ 12", "1 Pump ........ 4\nCare ........ 12\n") is None


def test_hostile_evidence_is_checked_quickly() -> None:
    long = EvidenceItem("E1", "a.pdf", text="a " * 20_000 + "1 " * 20_000)
    quotes = ("a … " * 50, "a a " * 500, "1 … " * 50, "1 … 1 … 1 … 2")
    sentence = cite("It says a a a 1 1 1.", *(("E1", quote) for quote in quotes))
    (one,) = check_sentences([sentence], Evidence([long]))
    assert one.verdicts


def test_number_is_found_in_the_cell_of_a_table_with_its_unit_in_the_caption() -> None:
    rows = [("", "2023", "2024"), ("Revenue", "$ 1,975.5", "$ 2,255.0"), ("Loss", "(26)", "71 %")]
    text = f"(Amounts in millions of euros)\n{table_markdown(grid_from_rows(rows, header_rows=1))}"
    for stated in ("1,975.5", "1975.5 million", "2255 million", "a loss of 26", "71 %"):
        assert [check_number(number, text) for number in find_numbers(stated)] == ["stated"], stated
    assert [check_number(number, text) for number in find_numbers("1,976")] == ["absent"]
