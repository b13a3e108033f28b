"""Weights of the lists, as an evaluation suggests them."""

from __future__ import annotations

from random import Random
from typing import Any

from diptych.evaluation.questions import Question
from diptych.evaluation.weight_fitting import fitted, suggest
from diptych.search.fusion import rank_ids
from diptych.search.ranking_inputs import Part
from diptych.search.search import LISTS, Candidates, SearchContext
from tests.support.evaluations import QUESTIONS, asked
from tests.support.evaluations import context as context


def made(context: SearchContext, noise: str, papers: int = 40) -> tuple[list[Question], list[Candidates]]:
    """One list puts the wanted page first, `noise` puts it last; both have ten pages."""
    questions, found = [], []
    for number in range(papers):
        pages = list(range(1, 11))
        Random(number).shuffle(pages)
        wanted = pages[0]
        ids = {page: f"{number}-{page}" for page in pages}
        parts = {name: Part((str(number), page), "text", "", str(page)) for page, name in ids.items()}
        payloads = {name: _payload(f"{number}.pdf", page) for page, name in ids.items()}
        lists = {
            "text.bm25": rank_ids(ids[page] for page in pages),
            noise: rank_ids(ids[page] for page in reversed(pages)),
        }
        found.append(Candidates(lists, {}, parts, payloads, frozenset(), "", complete=True))
        questions.append(asked(str(number), "?", f"{number}.pdf", wanted))
    return questions, found


def _payload(paper: str, page: int) -> dict[str, Any]:
    empty: dict[str, Any] = {"bbox": None, "caption": "", "title": "", "label": "", "heading": [], "fields": {}}
    return empty | {"modality": "text", "kind": "text", "uri": paper, "document": paper, "page": page, "text": "x"}


def test_a_list_of_noise_loses_its_weight(context: SearchContext) -> None:
    questions, found = made(context, "text.dense")
    suggestion = fitted(questions, found, context, tuple(1.0 for _ in LISTS))
    assert suggestion.changed
    assert suggestion.gain
    assert suggestion.gain.low > 0
    assert suggestion.weights["text.dense"] < suggestion.weights["text.bm25"]
    assert suggestion.toml.startswith("[weights]\n")
    assert '"text.' in suggestion.toml


def test_weights_that_are_as_good_stay(context: SearchContext) -> None:
    questions, found = made(context, "text.dense")
    today = tuple(0.0 if name == "text.dense" else 1.0 for name in LISTS)
    suggestion = fitted(questions, found, context, today)
    assert not suggestion.changed
    assert suggestion.toml == ""
    assert suggestion.weights["text.dense"] == 0
    assert "as good as" in suggestion.reason


def test_too_few_questions_suggest_nothing(context: SearchContext) -> None:
    assert "too few" in suggest(QUESTIONS, context).reason
