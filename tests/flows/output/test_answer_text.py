"""Answers for people: the Markdown page and the summary of the checks."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from diptych.answering.answer import Answer, Dropped, Footnote, Statement
from diptych.answering.citations import Kind
from flows.output.answer_text import VERDICTS, answer_lines, answer_markdown, checks_summary


def test_markdown_page_escapes_markup() -> None:
    hostile = "[click](http://evil) <script> `x`"
    page = answer_markdown(Answer(hostile, hostile, (Statement(hostile, (), ("uncited",)),)))
    assert "[click](" not in page
    assert "<script>" not in page
    assert r"\[click\]\(" in page


def test_both_forms_say_that_what_is_shown_is_no_answer() -> None:
    seen = (Statement("It may be red.", (Footnote(1, "red"),)),)
    answer = Answer("which colour", "", sentences=seen, unanswered=True, why="no page names a colour")
    said = "The documents do not answer this: no page names a colour."
    assert said in "\n".join(answer_lines(answer))
    assert said in answer_markdown(answer)
    answered = replace(answer, unanswered=False)
    assert said not in answer_markdown(answered)


def test_checks_are_summarised_in_words() -> None:
    answer = Answer(
        "how loud",
        "",
        sentences=(Statement("It hums.", (Footnote(1, "hums"),)), Statement("It is red.", marks=("seen",))),
        dropped=(Dropped("It hums at 70 dB.", "70 was not found"), Dropped("It hums.", "a citation was dropped")),
        checks={"true": 2, "number": 1, "seen": 1, "altered quote": 2},
        evidence={"E1": "a.pdf, page 1", "E2": "a.pdf, page 2"},
        pictures=1,
    )
    assert checks_summary(answer) == (
        "2 pieces of evidence, 1 picture; 1 of 3 statements confirmed; 2 quotes not found word for word in the cited "
        "source; 1 number not found in the source cited for it; 1 citation of what a picture shows, with no words to "
        "compare"
    )
    assert "; 0 of 1 statement confirmed" in checks_summary(Answer("how loud", "", sentences=(Statement("It hums."),)))
    repaired = Answer("how loud", "", repaired={"number": 1})
    assert checks_summary(repaired).endswith("0 pictures; the model was asked a second time")


def test_every_kind_of_verdict_has_words() -> None:
    kinds = {kind for part in get_args(Kind) for kind in get_args(part) or (part,)}
    assert set(VERDICTS) == kinds - {"true"}
