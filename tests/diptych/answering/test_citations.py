"""Forged answers fall, honest ones stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diptych.answering.citations import Checked, Citation, Evidence, EvidenceItem, Sentence, check, counts
from diptych.answering.claims import states_a_fact
from diptych.answering.numbers import numerals, standing
from diptych.answering.quotes import missing
from extractors.text.sentences import split_sentences
from tests.support.forged import EVIDENCE, FORGED, HONEST, QUESTION, Case, says

SAMPLE = Path(__file__).parents[3] / "data" / "samples" / "manual.md"
DOCUMENT = Path(__file__).parents[3] / "docs" / "answers.md"


def checked(sentence: Sentence) -> Checked:
    (one,) = check([sentence], Evidence(EVIDENCE, QUESTION))
    return one


def fate(one: Checked) -> str:
    if not one.stands:
        return "dropped"
    if len(one.citations) < len(one.sentence.citations):
        return "citation dropped"
    return "kept, marked" if one.marks else "kept"


@pytest.mark.parametrize("case", FORGED + HONEST, ids=lambda case: case.what)
def test_what_becomes_of_an_answer(case: Case) -> None:
    one = checked(case.sentence)
    assert case.kind in {verdict.kind for verdict in one.verdicts}
    assert fate(one) == case.fate, one.verdicts
    for verdict in one.verdicts:
        assert verdict.reason
        assert "\n" not in verdict.reason


def test_honest_answers_meet_no_complaint() -> None:
    for case in HONEST:
        assert {verdict.kind for verdict in checked(case.sentence).verdicts} == {"true"}, case.what


def test_the_documented_table_is_what_happens() -> None:
    rows = re.findall(r"^\| ([^|]+) \| `([^|]+)` \| ([^|]+) \|$", DOCUMENT.read_text(), re.M)
    assert rows == [(case.what, case.kind, fate(checked(case.sentence))) for case in FORGED]


def test_whoever_quotes_a_real_text_stands_and_whoever_alters_a_digit_falls() -> None:
    paragraphs = [text for text in SAMPLE.read_text().split("\n\n") if not text.startswith("#")]
    altered = 0
    for text in paragraphs:
        item = Evidence([EvidenceItem("E1", "manual.pdf", text=text)])
        for sentence in split_sentences(" ".join(text.split())):
            (one,) = check([says(sentence, ("E1", sentence))], item)
            assert {verdict.kind for verdict in one.verdicts} <= {"true", "figure", "page", "empty quote"}, one.verdicts
            for match in re.finditer(r"\d", sentence):
                digit = str((int(match[0]) + 1) % 10)
                forged = sentence[: match.start()] + digit + sentence[match.end() :]
                assert missing(forged, text), forged
                altered += 1
    assert altered > 100


def test_verdicts_are_counted_by_kind() -> None:
    sentences = [case.sentence for case in FORGED if case.kind == "unknown id"]
    found = counts(check(sentences, Evidence(EVIDENCE)))
    assert found == {"unknown id": 4, "true": 1}


def test_the_printed_number_of_a_page_is_as_good_as_its_place() -> None:
    item = EvidenceItem("E1", "report.pdf", 20, 17, text="Sales grew.")
    for page in (20, 17):
        (one,) = check([says(f"Page {page} says so.", Citation("E1", "Sales grew", page=page))], Evidence([item]))
        assert one.stands
    (other,) = check([says("Page 18 says so.", ("E1", "Sales grew"))], Evidence([item]))
    assert not other.stands
    assert item.place == "report.pdf, page 20 (printed 17)"


def test_a_reason_says_where_the_quote_really_stands() -> None:
    (verdict,) = checked(says("Grease it.", ("E2", "Grease its bearing"))).verdicts
    assert verdict.reason == "“Grease its bearing” stands in E1, not in E2"


def test_a_reason_holds_no_line_of_a_forger() -> None:
    (verdict,) = checked(says("It is.", ("E1", "no such words\n\n# Heading\n" * 50))).verdicts
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
    assert states_a_fact(text) == fact
    assert ("uncited" in counts([checked(Sentence(text))])) == fact


@pytest.mark.parametrize(
    ("answer", "evidence", "expected"),
    [
        ("1 200 users", "1,200 users", "stands"),
        ("1.2 million", "1,200,000", "stands"),
        ("twenty-five pumps", "25 pumps", "stands"),
        ("3.5 %", "3,5 %", "stands"),
        ("1.200 kg", "1.200 kg", "stands"),
        ("1.2 kg", "1,200 kg", "absent"),
        ("10-20 mm", "10 – 20 mm", "stands"),
        ("10⁶ cells", "106 cells", "absent"),
        ("1000000 cells", "10⁶ cells", "stands"),
        ("77 parts", "part AB-77", "absent"),
        ("version 1.2.4", "version 1.2.3", "absent"),
        ("version 1.2.3", "version 1.2.3", "stands"),
        ("$129.50", "price: 129.5.", "stands"),
        ("in 2015", "FY2015", "stands"),
        ("a fall of 5", "(5)", "stands"),
        ("-5 bar", "5 bar", "absent"),
        ("٣ pumps", "3 pumps", "stands"),
        ("12 %", "12 of 40 percent", "stands"),
        ("12 %", "12 of 40", "no percent"),
        ("CO2", "CO₂", "stands"),
    ],
)
def test_a_number_stands_or_does_not(answer: str, evidence: str, expected: str) -> None:
    assert numerals(answer)
    assert {standing(one, evidence) for one in numerals(answer)} == {expected}


def test_one_is_a_pronoun_and_a_label_is_no_number() -> None:
    assert numerals("One of them is zero.") == []


def test_an_ellipsis_bridges_a_sentence_not_a_page() -> None:
    text = "The pump hums. " + "It rains. " * 60 + "The valve leaks."
    assert missing("The pump … The valve", text) == "apart"
    assert missing("The pump … It rains", text) is None


def test_scripts_without_spaces_are_quoted_from_anywhere() -> None:
    assert missing("水泵每年", "循环水泵每年润滑一次。") is None
    assert missing("水泵每月", "循环水泵每年润滑一次。") == "absent"


def test_cells_of_a_table_are_quoted_with_or_without_its_bars() -> None:
    table = "| Region | 2014 | 2015 |\n| --- | --- | --- |\n| North | 41 | 42 |"
    for quote in ("| North | 41 | 42 |", "North 41 42", "Region 2014 2015 North"):
        assert missing(quote, table) is None
    assert missing("North 4142", table) == "absent"
    (number,) = numerals("4142 pumps")
    assert standing(number, table) == "absent"


def test_dots_of_a_contents_list_are_its_own() -> None:
    assert missing("Care ........ 12", "1 Pump ........ 4\nCare ........ 12\n") is None


def test_hostile_evidence_is_checked_in_time() -> None:
    long = EvidenceItem("E1", "a.pdf", text="a " * 20_000 + "1 " * 20_000)
    quotes = ("a … " * 50, "a a " * 500, "1 … " * 50, "1 … 1 … 1 … 2")
    sentence = says("It says a a a 1 1 1.", *(("E1", quote) for quote in quotes))
    (one,) = check([sentence], Evidence([long]))
    assert one.verdicts
