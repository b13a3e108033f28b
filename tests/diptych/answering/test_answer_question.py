"""Answers with checked citations from the hits of a real store; the model is scripted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych.answering.answer import SEEN_TITLE, Answer
from diptych.answering.ask import Answerer, answer_question
from diptych.answering.conversation import AnswerForm
from diptych.answering.evidence import SourcedItem
from diptych.errors import BudgetReached, ProviderError, QueryError
from diptych.pipeline.pipeline import Pipeline
from diptych.prices import Price, Usage
from tests.support.answering import (
    GREASE,
    HOSTILE,
    ScriptedModel,
    answering_store,
    citable_texts,
    form,
    free,
    ids,
    images,
    items,
    refusal,
    words,
)
from tests.support.papers import write_photo


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with answering_store(tmp_path_factory.mktemp("store")) as made:
        yield made


def asked(found: list[SourcedItem], model: ScriptedModel, picture: Path | None = None) -> Answer:
    return answer_question("How is the red pump greased?", picture, found, Answerer(model, price=Price(1, 10)))


def test_evidence_is_numbered_without_duplicates(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump", 'document in ("manual.pdf", "copy.pdf")')
    assert [source.item.id for source in found] == [f"E{n}" for n in range(1, len(found) + 1)]
    assert sum(GREASE in source.item.text for source in found) == 1
    assert sum(item.picture is not None for item in found) == 2  # the image of page 3 repeats its table


def test_a_table_is_one_item_with_text_and_image(pipeline: Pipeline) -> None:
    for kind in ("text", "image"):
        (found,) = items(pipeline, "chart", f'kind = "table" and modality = "{kind}"')
        assert "Pump | 12 bar" in found.item.text
        assert found.item.label == "table 1"
        assert found.picture


def test_a_true_answer_passes_with_its_sources(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    name = ids(found)[GREASE]
    model = ScriptedModel(form(("It is greased once a year.", [(name, "once a year")])))
    got = asked(found, model)
    assert got.text == "It is greased once a year. [1]"
    assert (got.unanswered, got.dropped, got.repaired) == (False, (), {})
    assert got.checks == {"true": 1}
    (reference,) = got.citations
    assert (reference.number, reference.document, reference.page) == (1, "manual.pdf", 1)
    assert reference.bbox == [1.0, 2.0, 3.0, 4.0]
    assert got.usage == {"openai:scripted": Usage(100, 0, 20, 1)}
    assert got.price == pytest.approx((100 + 200) / 1e6)
    assert len(model.asks) == 1


def test_failures_are_sent_back_once_and_corrected(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    name = ids(found)[GREASE]
    model = ScriptedModel(
        form(("It is greased twice a month.", [(name, "twice a month")])),
        form(("It is greased once a year.", [(name, "once a year")])),
    )
    got = asked(found, model)
    assert got.text == "It is greased once a year. [1]"
    assert got.repaired == {"altered quote": 1}
    assert got.usage["openai:scripted"].requests == 2
    assert f"“twice a month” is not in {name}" in words(model.asks[1])
    assert model.asks[1].parts[: len(model.asks[0].parts)] == model.asks[0].parts


def test_repeated_failures_are_dropped_and_listed(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    name = ids(found)[GREASE]
    lie = form(
        ("It is greased once a year.", [(name, "once a year")]), ("It costs 999 dollars.", [("E99", "999 dollars")])
    )
    got = asked(found, ScriptedModel(lie, lie))
    assert got.text == "It is greased once a year. [1]"
    assert [(one.text, one.reason) for one in got.dropped] == [("It costs 999 dollars.", "E99 was never shown")]
    assert got.checks == {"true": 1, "unknown id": 1}


def test_an_answer_without_support_is_no_answer(pipeline: Pipeline) -> None:
    lie = form(("It costs 999 dollars.", [("E99", "999 dollars")]))
    got = asked(items(pipeline, "red pump"), ScriptedModel(lie, lie))
    assert got.unanswered
    assert got.sentences == ()
    assert got.text == "The documents do not answer this: no statement of the model is supported by the evidence."


def test_an_answer_that_cites_nothing_is_no_answer(pipeline: Pipeline) -> None:
    belief = form(("Everybody knows this.", []))
    got = asked(items(pipeline, "red pump"), ScriptedModel(belief, belief))
    assert (got.unanswered, got.failed, got.sentences) == (True, False, ())
    assert got.text == "The documents do not answer this: no statement of the model is supported by the evidence."
    assert [(one.text, one.reason) for one in got.dropped] == [
        ("Everybody knows this.", "it states a fact and cites nothing")
    ]


def test_a_refusal_ends_in_one_full_stop(pipeline: Pipeline) -> None:
    got = asked(items(pipeline, "red pump"), ScriptedModel(refusal("refused: I cannot help with that.")))
    assert (got.text, got.failed) == ("There is no answer: refused: I cannot help with that.", True)


def test_a_worse_second_answer_is_ignored(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    name = ids(found)[GREASE]
    first = form(("Once a year.", [(name, "once a year")]), ("It is loud at 99 dB.", [(name, "red pump")]))
    for second in (
        form(("It hums.", [("E77", "hums")])),
        refusal("the answer is empty"),
        BudgetReached("the budget is reached"),
        ProviderError("overloaded", transient=True),
    ):
        got = asked(found, ScriptedModel(first, second))
        assert got.text == "Once a year. [1]"
        assert [one.text for one in got.dropped] == ["It is loud at 99 dB."]


def test_a_number_from_a_model_caption_is_marked(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump", 'kind = "figure"')
    name = ids(found)["Figure 1: the red pump"]
    reply = form(("It weighs 57 kilograms.", [(name, "Figure 1: the red pump")]))
    got = asked(found, ScriptedModel(reply))
    assert got.text == "It weighs 57 kilograms. [1] (unconfirmed)"
    assert got.sentences[0].notes == ("only a model caption says 57",)
    assert got.citations[0].image


def test_an_uncited_fact_is_sent_back_and_marked(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    reply = form(("The pump comes from Norway.", []), ("It is greased.", [(ids(found)[GREASE], GREASE)]))
    model = ScriptedModel(reply, reply)
    got = asked(found, model)
    assert got.sentences[0].marks == ("uncited",)
    assert len(model.asks) == 2


def test_without_hits_no_request_is_made() -> None:
    model = ScriptedModel()
    got = asked([], model)
    assert got.unanswered
    assert got.text == "The documents do not answer this: nothing was found in the store."
    assert (model.asks, got.usage, got.price) == ([], {}, 0.0)


def test_an_answer_can_say_that_the_documents_do_not_answer(pipeline: Pipeline) -> None:
    reply = form(("The documents do not say what it costs.", []), answered=False)
    model = ScriptedModel(reply)
    got = asked(items(pipeline, "red pump"), model)
    assert got.unanswered
    assert got.text == "The documents do not say what it costs."
    assert len(model.asks) == 1


def test_a_refusal_is_reported_and_paid(pipeline: Pipeline) -> None:
    got = asked(items(pipeline, "red pump"), ScriptedModel(refusal("the model refused")))
    assert (got.unanswered, got.why) == (True, "the model refused")
    assert got.price


def test_a_failed_first_request_is_an_error(pipeline: Pipeline) -> None:
    with pytest.raises(ProviderError, match="overloaded"):
        asked(items(pipeline, "red pump"), ScriptedModel(ProviderError("overloaded", transient=True)))


def test_documents_cannot_close_the_fences_around_them(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    model = ScriptedModel(form(("Nothing.", [])), form(("Nothing.", [])))
    asked(found, model)
    shown = words(model.asks[0])
    fence = shown.split(" id=E1>")[0].removeprefix("<")
    assert fence.startswith("evidence-")
    assert shown.count(f"</{fence}>") == len(found)
    assert HOSTILE in shown
    assert fence not in HOSTILE
    assert "untrusted" in model.asks[0].system
    assert HOSTILE not in model.asks[0].system


def test_images_are_reduced_and_limited(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump chart")
    model = ScriptedModel(form(("Nothing.", [])), form(("Nothing.", [])))
    got = asked(found, model)
    assert len(images(model.asks[0])) == got.pictures == sum(item.picture is not None for item in found)
    assert all(len(one.data) < 6000 for one in images(model.asks[0]))
    assert model.asks[0].schema is AnswerForm
    assert model.asks[0].detail == "high"


def test_the_image_of_a_question_is_shown_but_is_not_evidence(pipeline: Pipeline, tmp_path: Path) -> None:
    found = items(pipeline, "red pump")
    photo = write_photo(tmp_path / "mine.png", "MINE")
    model = ScriptedModel(form(("It is greased once a year.", [(ids(found)[GREASE], "once a year")])))
    got = asked(found, model, photo)
    assert len(images(model.asks[0])) == got.pictures + 1
    assert "it is no evidence" in words(model.asks[0])
    (tmp_path / "broken.png").write_text("no picture")
    with pytest.raises(QueryError, match=r"broken\.png"):
        asked(found, ScriptedModel(), tmp_path / "broken.png")


def test_native_citations_give_the_same_form(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    name, figure = ids(found)[GREASE], ids(found)["Figure 1: the red pump"]
    model = ScriptedModel(
        free(
            ("It is ", []),
            ("greased once a year", [(name, GREASE)]),
            (". It ", []),
            ("weighs 57 kilograms.", [(figure, "A red pump of about 57 kilograms.")]),
            (f" It is round. [{figure}]", []),
        ),
        native=True,
    )
    got = asked(found, model)
    assert got.text == (
        "It is greased once a year. [1]\nIt weighs 57 kilograms. [2] (unconfirmed)\n\n"
        f"{SEEN_TITLE}:\nIt is round. [2] (seen)"
    )
    assert model.asks[0].schema is None
    assert [one.text for one in citable_texts(model.asks[0]) if one.id == figure] == [
        "Figure 1: the red pump\n12 V",
        "A red pump of about 57 kilograms.",
    ]


def test_a_free_text_answer_can_say_that_there_is_none(pipeline: Pipeline) -> None:
    got = asked(
        items(pipeline, "pump"), ScriptedModel(free(("NO ANSWER: The documents do not state it.", [])), native=True)
    )
    assert got.unanswered
    assert got.text == "The documents do not state it."


def test_an_invented_id_in_brackets_is_checked_as_a_citation(pipeline: Pipeline) -> None:
    lie = free(("It costs 999 dollars [E99].", []))
    got = asked(items(pipeline, "pump"), ScriptedModel(lie, lie, native=True))
    assert [one.reason for one in got.dropped] == ["E99 was never shown"]


def test_an_endless_answer_is_cut(pipeline: Pipeline) -> None:
    found = items(pipeline, "red pump")
    name = ids(found)[GREASE]
    reply = form(*[(f"It is greased once a year {'so ' * 2000}.", [(name, "once a year")] * 500)] * 300)
    got = asked(found, ScriptedModel(reply))
    assert len(got.sentences) == 40
    assert max(len(one.text) for one in got.sentences) <= 1500


def test_pictures_without_words_are_answered_in_the_form(pipeline: Pipeline) -> None:
    found = items(pipeline, "chart", 'kind = "page"')
    assert found
    assert not any(source.item.text for source in found)
    model = ScriptedModel(form(("A round thing is shown.", [("E1", "")])), native=True)
    got = asked(found, model)
    assert model.asks[0].schema is AnswerForm
    assert got.text == f"{SEEN_TITLE}:\nA round thing is shown. [1] (seen)"
    assert not got.unanswered
