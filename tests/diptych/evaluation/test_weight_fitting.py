"""Weights suggested by an evaluation."""

from __future__ import annotations

from random import Random

from diptych.evaluation.questions import Question
from diptych.evaluation.weight_fitting import fit_weights, suggest_weights
from diptych.search.ranking.candidates import Snapshot
from diptych.search.ranking.fusion import rank_ids
from diptych.search.ranking.ranking_inputs import Part
from diptych.search.search import WEIGHT_NAMES, Candidates, SearchContext
from tests.support.evaluations import QUESTIONS, asked
from tests.support.evaluations import context as context


def candidates(context: SearchContext, noise: str, papers: int = 40) -> tuple[list[Question], list[Candidates]]:
    """One list ranks the wanted page first and `noise` ranks it last, of ten pages."""
    questions, found = [], []
    for number in range(papers):
        pages = list(range(1, 11))
        Random(number).shuffle(pages)
        wanted = pages[0]
        ids = {page: f"{number}-{page}" for page in pages}
        parts = {
            name: Part((str(number), page), "text", "", str(page), page=page, document=f"{number}.pdf")
            for page, name in ids.items()
        }
        lists = {
            "text.bm25": rank_ids(ids[page] for page in pages),
            noise: rank_ids(ids[page] for page in reversed(pages)),
        }
        found.append(Candidates(Snapshot(lists, {}, parts, [], "", True, False), {}, frozenset(), {}))
        questions.append(asked(str(number), "?", f"{number}.pdf", wanted))
    return questions, found


def test_a_list_of_noise_gets_a_lower_weight(context: SearchContext) -> None:
    questions, found = candidates(context, "text.dense")
    suggestion = fit_weights(questions, found, tuple(1.0 for _ in WEIGHT_NAMES))
    assert suggestion.changed
    assert suggestion.gain
    assert suggestion.gain.low > 0
    assert suggestion.weights["text.dense"] < suggestion.weights["text.bm25"]
    assert suggestion.toml.startswith("[weights]\n")
    assert '"text.' in suggestion.toml


def test_current_weights_are_kept_if_they_are_as_good(context: SearchContext) -> None:
    questions, found = candidates(context, "text.dense")
    current = tuple(0.0 if name == "text.dense" else 1.0 for name in WEIGHT_NAMES)
    suggestion = fit_weights(questions, found, current)
    assert not suggestion.changed
    assert suggestion.toml == ""
    assert suggestion.weights["text.dense"] == 0
    assert "as good as" in suggestion.reason


def test_too_few_questions_are_not_fitted(context: SearchContext) -> None:
    assert "fitting takes at least" in suggest_weights(QUESTIONS, (), context).reason
