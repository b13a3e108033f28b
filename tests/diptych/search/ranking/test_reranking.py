"""The last step of a search: a reranker orders the best pages anew, or says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from diptych.errors import ProviderError
from diptych.evaluation.comparison import evaluate
from diptych.evaluation.questions import Question
from diptych.models.meter import Meter
from diptych.prices import Price, Usage
from diptych.rerankers.registry import PageContent
from diptych.search.groups import search_groups
from diptych.search.hits import Hit, Results
from diptych.search.query.query import Query
from diptych.search.search import SearchContext, search
from diptych.store.spaces import Spaces
from extractors.types import Passage
from flows.output.evaluation_tables import arm_rows, evaluation_notes
from tests.support.fakes import document, figure, source
from tests.support.scripted_pipeline import ScriptedPipeline


class Scripted:
    """Gives the page with the most letters `z` the highest score, or what `script` returns."""

    name = "scripted"

    def __init__(self, script: Callable[[], Sequence[float]] | None = None) -> None:
        self.script, self.asked = script, list[tuple[str, Sequence[PageContent]]]()

    def score(self, query: str, pages: Sequence[PageContent]) -> Sequence[float]:
        self.asked.append((query, pages))
        return self.script() if self.script else [float(page.text.count("z")) for page in pages]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> SearchContext:
    """Five pages about a red pump, the later the more `z`; the third has a picture and two passages."""
    bench = ScriptedPipeline(tmp_path_factory.mktemp("store"), "embedded")
    passages = [Passage(f"The red pump {'z' * page}.", page) for page in range(1, 6)]
    more = Passage("The pump again.", 3)
    bench.ingest(source("a.pdf"), document(*passages, more, pictures=(figure("A red pump", 3),)))
    return SearchContext(bench.index, Spaces(bench.encoder), bench.folder)


def find(context: SearchContext, text: str = "red pump", least: Mapping[str, int] | None = None) -> Results[Hit]:
    return search([Query(text, least=least or {})], context, 10)[0]


def test_best_pages_come_first_and_repeats_of_a_page_stay_behind(plain: SearchContext) -> None:
    before, scripted = find(plain), Scripted()
    after = find(replace(plain, reranker=scripted))
    assert {hit.id for hit in after} == {hit.id for hit in before}
    assert [hit.page for hit in after] == [5, 4, 3, 3, 2, 1, 3]
    assert [hit.ranks["reranker"] for hit in after] == [1, 2, 3, 3, 4, 5, 3]
    assert [hit.rank for hit in after] == [1, 2, 3, 4, 5, 6, 7]
    assert not after.problem
    ((query, pages),) = scripted.asked
    assert query == "red pump"
    (third,) = [page for page in pages if page.page == 3]
    assert all(words in third.text for words in ("The red pump zzz.", "The pump again.", "A red pump"))


def test_only_the_best_pages_are_read(plain: SearchContext) -> None:
    before = find(plain)
    first, second = list(dict.fromkeys(hit.page for hit in before))[:2]
    scripted = Scripted(lambda: [0, 1])
    after = find(replace(plain, reranker=scripted, rerank_pages=2))
    assert [hit.page for hit in after][:2] == [second, first] or first == 3
    assert all(("reranker" in hit.ranks) == (hit.page in (first, second)) for hit in after)


def test_page_that_the_query_names_stays_first(plain: SearchContext) -> None:
    assert find(replace(plain, reranker=Scripted()), "red pump page 2")[0].page == 2


def test_reranker_is_asked_once_for_a_query_with_required_pictures(plain: SearchContext) -> None:
    scripted = Scripted()
    context = replace(plain, reranker=scripted)
    assert find(context, least={"image": 1})[0].page == 5
    assert len(scripted.asked) == 1, "not again for the pictures that are required"


def test_failure_leaves_the_order_and_says_why(plain: SearchContext) -> None:
    def fail() -> Sequence[float]:
        raise ProviderError("rerank:tiny: api.example.com is not available")

    context = replace(plain, reranker=Scripted(fail))
    before, after = find(plain), find(context)
    assert list(after) == list(before)
    assert after.problem == "the hits are not reranked: rerank:tiny: api.example.com is not available"
    assert search_groups(Query("red pump"), context, "page", 10, 1).problem == after.problem
    found = evaluate([Question("1", Query("red pump"), "a.pdf", (5,))], context, ["reranked"])
    assert evaluation_notes(found)[1:] == [f"note       {after.problem}"]


def test_evaluation_measures_gain_latency_and_price(plain: SearchContext) -> None:
    meter = Meter({"scripted": Price(1.0, 0.0)})

    class Paid(Scripted):
        def score(self, query: str, pages: Sequence[PageContent]) -> Sequence[float]:
            meter.spend("scripted", Usage(1000, requests=1))
            return super().score(query, pages)

    questions = [Question("1", Query("red pump"), "a.pdf", (5,))]
    found = evaluate(questions, replace(plain, reranker=Paid()), ["fused", "reranked", "bm25"])
    fused, reranked = found.arm("fused"), found.arm("reranked")
    assert fused
    assert reranked
    assert (fused.price, reranked.price) == (0, 0.001)
    assert reranked.measured["page"]["recall@1"].mean == 1
    assert "recall@1" in reranked.to_fused["page"]
    assert next(row for row in arm_rows(found, "page") if row[0] == "reranked")[-1] == "$0.0010"
