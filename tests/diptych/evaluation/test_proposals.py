"""Proposed questions: fair, spread over documents, written by a model while the budget lasts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from diptych.errors import BudgetReached
from diptych.evaluation.comparison import evaluate
from diptych.evaluation.model_questions import QuestionWriter
from diptych.evaluation.offline_questions import is_fair, make_question, strip_label
from diptych.evaluation.proposals import Proposals, find_candidates, propose_questions
from diptych.evaluation.questions import append_questions, read_questions
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.models.vision import Reply, VisionRequest
from diptych.picture_store import PictureStore
from diptych.search.search import SearchContext
from diptych.store.register import bind_encoders
from diptych.store.spaces import Spaces
from extractors.catalog.extractor import field_sentence
from extractors.types import FieldValue, Passage
from tests.support.evaluations import context as context
from tests.support.fakes import document, source
from tests.support.scripted_pipeline import ScriptedPipeline
from tests.support.scripted_vision import ScriptedVision


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Figure 3: Growth by region", "Growth by region"), ("5.7 Cleaning the pump", "Cleaning the pump")],
)
def test_labels_and_numbers_are_stripped(text: str, expected: str) -> None:
    assert strip_label(text) == expected


def test_questions_neither_repeat_the_text_nor_name_its_place() -> None:
    caption = "Table 4.2: Pressure losses in bent pipes of copper, see Figure 3"
    made = {make_question(caption, "table", Random(seed)) for seed in range(20)}
    for one in made:
        assert not re.search(r"\d|[Tt]able", one)
        assert "Pressure losses in bent pipes" not in one
        assert "copper" in one
    assert make_question("Figure 3", "figure", Random(0)) == ""
    assert not is_fair("What does Figure 3 show?", "")
    assert not is_fair("What is on page 4?", "")
    assert not is_fair("Why do pressure losses in bent pipes of copper grow?", caption)


def test_proposals_are_deterministic_spread_and_answerable(context: SearchContext, tmp_path: Path) -> None:
    first = propose_questions(context, 10, seed=1).questions
    assert first == propose_questions(context, 10, seed=1).questions
    assert {one.document for one in first[:2]} == {"a<b>.pdf", "b.pdf"}
    (valve,) = [one for one in first if one.document == "b.pdf"]
    assert (valve.pages, valve.label, valve.types) == ((1,), "figure 7", ("figure",))
    assert valve.boxes
    append_questions(first, tmp_path / "made.jsonl")
    found = evaluate(read_questions(tmp_path / "made.jsonl"), context, ["fused"])
    arm = found.arm("fused")
    assert arm
    assert arm.measured["page"]["recall@3"].mean == 1


def test_a_model_writes_questions_until_the_budget_is_reached(context: SearchContext) -> None:
    def script(number: int) -> Reply | None:
        if number == 2:
            raise BudgetReached("that is all")
        return None

    class BudgetedModel(ScriptedVision):
        def ask(self, request: VisionRequest, on_text: Any = None) -> Reply:
            self.asked.append(request)
            script(len(self.asked))
            assert request.schema
            return Reply("", request.schema.model_validate({"question": "How is the cold loop closed?"}))

    model = BudgetedModel()
    asking = QuestionWriter(model, Ledger(context.pictures), Meter({}), PictureStore(context.pictures))
    made = propose_questions(context, 10, seed=1, ask=asking)
    assert [one.query.text for one in made.questions] == ["How is the cold loop closed?"]
    assert made.stopped == "that is all"
    assert len(model.asked) == 2
    assert len(model.asked[0].parts) == 2  # text and image
    assert propose_questions(context, 1, seed=1, ask=asking) == Proposals(made.questions)
    assert len(model.asked) == 2  # the first question is in the ledger


def test_questions_that_name_their_answer_are_rejected(context: SearchContext) -> None:
    class TelltaleModel(ScriptedVision):
        def ask(self, request: VisionRequest, on_text: Any = None) -> Reply:
            assert request.schema
            return Reply("", request.schema.model_validate({"question": "What does Figure 7 show?"}))

    asking = QuestionWriter(TelltaleModel(), Ledger(context.pictures), Meter({}), PictureStore(context.pictures))
    assert propose_questions(context, 10, seed=1, ask=asking) == propose_questions(context, 10, seed=1)


def test_questions_about_rows_have_no_columns_numbers_or_ids(tmp_path: Path) -> None:
    bench = ScriptedPipeline(tmp_path, "embedded")
    bind_encoders(bench.index, bench.pipeline.spaces.encoding_config("english"))
    fields: dict[str, FieldValue] = {
        "id": 43,
        "sku": "AB-7",
        "category": "outdoor jackets",
        "sale": True,
        "use": "Autumn.",
    }
    fields |= {"price": 129.5, "maker": "Fjord"}
    text = " ".join(field_sentence(name, value) for name, value in fields.items())
    row = document(Passage(f"Keeps heavy rain out\n{text}", 1))
    bench.ingest(replace(source("products.csv#43"), fields=fields), row)
    context = SearchContext(bench.index, Spaces(bench.encoder), bench.folder)
    (candidate,) = find_candidates(context.store, context.pictures)
    assert candidate.text.split() == ["Keeps", "heavy", "rain", "out", "outdoor", "jackets.", "Autumn.", "Fjord."]
    (made,) = propose_questions(context, 1).questions
    words = set(re.findall(r"\w+", made.query.text.lower()))
    assert not words & {"id", "43", "sku", "ab", "7", "category", "sale", "true", "price", "129", "5", "maker"}
    assert {"rain", "jackets", "fjord"} <= words
    bench.index.close()


def test_a_number_sign_in_a_file_name_does_not_make_a_row(tmp_path: Path) -> None:
    bench = ScriptedPipeline(tmp_path, "embedded")
    bind_encoders(bench.index, bench.pipeline.spaces.encoding_config("english"))
    bench.ingest(source("Learn C#.pdf"), document(Passage("Loops run.", 4, heading=("Loops over collections",))))
    (candidate,) = find_candidates(bench.index, bench.folder)
    assert (candidate.kind, candidate.page, candidate.text) == ("text", 4, "Loops over collections")
    bench.index.close()
