"""What people see of an answer while it comes, and in the UI; places on pages that it cites."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from diptych.answering.answer import Answer, Dropped, Statement
from diptych.answering.citations import Kind
from diptych.answering.conversation import complete_sentences
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.sandbox.sandbox import Sandbox
from flows.support.answer_text import VERDICTS, checked, markdown
from tests.support.papers import write_leaflet

BOX = (40.0, 40.0, 380.0, 100.0)


def test_an_answer_that_is_coming_is_read_sentence_by_sentence() -> None:
    whole = json.dumps(
        {"answered": True, "sentences": [{"text": 'A "b".', "citations": []}, {"text": "Ü\n", "citations": []}]}
    )
    assert complete_sentences(whole[:40]) == []
    assert complete_sentences(whole[:70]) == ['A "b".']
    assert complete_sentences(whole) == ['A "b".', "Ü\n"]
    assert complete_sentences("It hums. It le") == ["It hums."]
    assert complete_sentences("") == []


def test_a_page_of_the_ui_shows_words_not_markup() -> None:
    hostile = "[click](http://evil) <script> `x`"
    page = markdown(Answer(hostile, hostile, (Statement(hostile, (), ("uncited",)),)))
    assert "[click](" not in page
    assert "<script>" not in page
    assert r"\[click\]\(" in page


def test_what_the_checks_found_is_told_in_words() -> None:
    answer = Answer(
        "how loud",
        "",
        sentences=(Statement("It hums."), Statement("It is red.", marks=("seen",))),
        dropped=(Dropped("It hums at 70 dB.", "70 stands nowhere"), Dropped("It hums.", "one citation of it fell")),
        checks={"true": 2, "number": 1, "seen": 1, "altered quote": 2},
        evidence={"E1": "a.pdf, page 1", "E2": "a.pdf, page 2"},
        pictures=1,
    )
    assert checked(answer) == (
        "2 pieces of evidence, 1 picture; 1 of 3 statements confirmed; 2 quotes not found word for word in what is "
        "cited; 1 number not found in what is cited for it; 1 citation of what a picture shows, where there are no "
        "words to compare"
    )
    assert checked(Answer("how loud", "", repaired={"number": 1})).endswith("0 pictures; the model was asked once more")
    kinds = {kind for part in get_args(Kind) for kind in get_args(part) or (part,)}
    assert set(VERDICTS) == kinds - {"true"}


def test_a_place_on_a_page_is_drawn_in_a_worker(tmp_path: Path) -> None:
    from PIL import Image

    paper = write_leaflet(tmp_path / "leaflet.pdf")
    with Sandbox(1, 30, 2048) as sandbox:
        drawn = sandbox.crop(paper, 1, BOX, tmp_path)
        with Image.open(image_path(drawn, tmp_path)) as image:
            assert image.size == (drawn.width, drawn.height)
            assert drawn.width / drawn.height == pytest.approx(344 / 64, abs=0.1)
            assert min(image.convert("L").tobytes()) < 100  # print
        with pytest.raises(ExtractionError, match=r"leaflet\.pdf: has no page 3"):
            sandbox.crop(paper, 3, BOX, tmp_path)
        paper.write_bytes(b"%PDF-1.7 and then nothing")
        with pytest.raises(ExtractionError, match=r"leaflet\.pdf"):
            sandbox.crop(paper, 1, BOX, tmp_path)
