"""Statements that only a picture shows: reported separately, and verified by a second request with that picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from diptych.answering.answer import SEEN_TITLE, Answer
from diptych.answering.ask import Answerer, answer_question
from diptych.answering.verification import Finding, VerificationForm
from diptych.errors import BudgetReached, ProviderError
from diptych.models.meter import Meter
from diptych.models.vision import Reply
from diptych.pipeline.pipeline import Pipeline
from diptych.prices import Price
from tests.support import anthropic_fixtures, openai_fixtures
from tests.support.answering import (
    GREASE,
    USAGE,
    ScriptedModel,
    answering_store,
    form,
    ids,
    images,
    items,
    refusal,
    words,
)
from tests.support.anthropic_server import anthropic_routes
from tests.support.http_server import served
from tests.support.openai_requests import Asked
from tests.support.openai_server import openai_routes

QUESTION = "What does the pump look like?"
ELEPHANT, ROUND = "A purple elephant sits on the pump.", "The pump is round."


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with answering_store(tmp_path_factory.mktemp("store")) as made:
        yield made


def findings(*shown: bool) -> Reply:
    found = [Finding(number=n, shown=one, reason="A red pump.") for n, one in enumerate(shown, start=1)]
    return Reply("", VerificationForm(findings=found), USAGE)


def asked(pipeline: Pipeline, model: ScriptedModel, verify: bool = True) -> Answer:
    return answer_question(QUESTION, None, items(pipeline, "red pump"), Answerer(model, verify=verify))


def figure_of(pipeline: Pipeline) -> str:
    return ids(items(pipeline, "red pump"))["Figure 1: the red pump"]


def test_statements_that_only_a_picture_shows_are_reported_separately(pipeline: Pipeline) -> None:
    figure, text = figure_of(pipeline), ids(items(pipeline, "red pump"))[GREASE]
    model = ScriptedModel(form((ELEPHANT, [(figure, "")]), ("It is greased.", [(text, GREASE), (figure, "")])))
    got = asked(pipeline, model, verify=False)
    assert [one.text for one in got.seen] == [ELEPHANT]
    assert [(one.text, one.marks) for one in got.sentences] == [("It is greased.", ("seen",))]
    assert got.text == f"It is greased. [2][1] (seen)\n\n{SEEN_TITLE}:\n{ELEPHANT} [1] (seen)"
    assert (got.as_dict()["seen"][0]["text"], len(model.asks)) == (ELEPHANT, 1)


def test_a_picture_is_sent_once_for_all_its_statements(pipeline: Pipeline) -> None:
    figure = figure_of(pipeline)
    model = ScriptedModel(form((ELEPHANT, [(figure, "")]), (ROUND, [(figure, "")])), findings(False, True))
    got = asked(pipeline, model)
    assert got.text == f"{ROUND} [1] (verified)"
    assert got.sentences[0].confirmed
    assert [(one.text, one.reason.partition(",")[2]) for one in got.dropped] == [
        (ELEPHANT, " looked at alone, does not show it: A red pump")
    ]
    assert got.checks == {"refuted": 1, "verified": 1}
    first, second = model.asks
    assert (len(images(first)) > 1, len(images(second)), second.detail) == (True, 1, "high")
    assert images(second)[0] in images(first)
    assert ELEPHANT in words(second)
    assert ROUND in words(second)
    assert GREASE not in words(second)
    assert got.usage[model.name].requests == 2


def test_a_claim_that_only_a_model_caption_states_is_verified_too(pipeline: Pipeline) -> None:
    caption = form(("It weighs 57 kilograms.", [(figure_of(pipeline), "of about 57 kilograms")]))
    got = asked(pipeline, ScriptedModel(caption, findings(False)))
    assert (got.unanswered, [one.text for one in got.dropped]) == (True, ["It weighs 57 kilograms."])


def test_a_refuted_picture_beside_a_true_quote_is_dropped_alone(pipeline: Pipeline) -> None:
    figure, text = figure_of(pipeline), ids(items(pipeline, "red pump"))[GREASE]
    answer = form(("It is greased once a year.", [(text, "once a year"), (figure, "")]))
    got = asked(pipeline, ScriptedModel(answer, findings(False)))
    assert got.text == "It is greased once a year. [1]"
    assert len(got.citations) == 1


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (BudgetReached("the budget of $1.00 is reached"), "the budget of $1.00 is reached"),
        (ProviderError("overloaded", transient=True), "overloaded"),
        (refusal("the model refused"), "the model refused"),
        (findings(), "the reply omits it"),
    ],
)
def test_what_cannot_be_verified_stays_marked_with_the_reason(pipeline: Pipeline, failure: Any, why: str) -> None:
    got = asked(pipeline, ScriptedModel(form((ELEPHANT, [(figure_of(pipeline), "")])), failure))
    assert got.seen[0].marks == ("seen",)
    assert got.seen[0].notes[0].endswith(f"; not verified: {why}")


def test_nothing_is_sent_when_words_confirm_everything(pipeline: Pipeline) -> None:
    text = ids(items(pipeline, "red pump"))[GREASE]
    model = ScriptedModel(form(("It is greased once a year.", [(text, "once a year")])))
    assert asked(pipeline, model).text == "It is greased once a year. [1]"
    assert len(model.asks) == 1


def test_openai_verifies_within_the_budget(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", openai_fixtures.SECRET)
    figure = figure_of(pipeline)

    def answer(asked: Asked) -> object:
        if "findings" in json.dumps(asked.schema):
            return {"findings": [{"number": 1, "shown": False, "reason": "There is no elephant."}]}
        return {"answered": True, "sentences": [{"text": ELEPHANT, "citations": [{"id": figure, "quote": ""}]}]}

    routes = openai_routes(answer=answer)
    with served(routes) as vendor:
        meter = Meter({openai_fixtures.MODEL: Price(1.0, 1.0)})
        model = openai_fixtures.model(vendor, meter)
        got = answer_question(QUESTION, None, items(pipeline, "red pump"), Answerer(model, verify=True))
        assert (got.unanswered, got.dropped[0].text) == (True, ELEPHANT)
        assert [len(one.images) > 1 for one in routes.asked] == [True, False]
        assert meter.usage()[openai_fixtures.MODEL, False] == got.usage[openai_fixtures.MODEL]

        budget = meter.spent + 1e-6  # enough for an answer, but not for a second request
        reserve = model.max_usage
        monkeypatch.setattr(model, "max_usage", lambda request: USAGE if len(request.parts) > 3 else reserve(request))
        monkeypatch.setattr(model, "_meter", Meter({openai_fixtures.MODEL: Price(1.0, 1.0)}, budget))
        got = answer_question(QUESTION, None, items(pipeline, "red pump"), Answerer(model, verify=True))
        assert "not verified: the budget of" in got.seen[0].notes[0]
        assert len(routes.asked) == 3


def test_claude_verifies_with_small_images(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", anthropic_fixtures.SECRET)
    figure = figure_of(pipeline)
    routes = anthropic_routes(
        says=lambda body: [{"type": "text", "text": f"{ROUND} [{figure}]"}],
        caption=lambda body: {"findings": [{"number": 1, "shown": True, "reason": "A round pump."}]},
    )
    with served(routes) as vendor:
        model = anthropic_fixtures.model(vendor)
        got = answer_question(
            QUESTION, None, items(pipeline, "red pump"), Answerer(model, "low", max_tokens=500, verify=True)
        )
        first, second = (request.json for request in vendor.requests)
    assert got.text == f"{ROUND} [1] (verified)"
    assert got.usage[anthropic_fixtures.NAME].requests == 2
    assert (first["max_tokens"], "output_config" in first) == (500, False)
    assert [one["type"] for one in second["messages"][0]["content"]] == ["text", "image", "text"]
    assert second["output_config"]["format"]["schema"]["required"] == ["findings"]
