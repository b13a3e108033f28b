"""Searching a synthetic store of 100,000 points."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle

from bench.measurement import BenchOptions, Measurement, percentile, time_alternately
from bench.synthetic_store import open_synthetic_store
from diptych.evaluation.questions import read_questions
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.search.query.query import Query
from diptych.search.ranking.part_cache import MAX_PARTS
from diptych.search.search import search
from diptych.store.types import TEXT_VECTOR, RankedListRequest
from diptych.where import Compare

WARM_UP_QUERIES, TIMED_QUERIES = 50, 200
"""All of them are different."""
READ_AHEAD_RATE = 5000
"""Points a second that are at least read ahead after the first search, on an idle machine."""
BASELINE = "encode it and look up one vector"


def queries(options: BenchOptions) -> Iterator[Measurement]:
    """A whole search, dense and BM25 in both collections, compared with the minimum of any vector search."""
    synthetic = open_synthetic_store(options)
    questions = read_questions(synthetic.questions)
    with synthetic.opened() as runtime:
        search([questions[0].query], runtime.search_context, 1)
        points = runtime.search_context.store.text.count() + runtime.search_context.store.images.count()
        time.sleep(read_ahead_seconds(points))
        in_document = [replace(one.query, where=Compare("document", "=", one.document)) for one in questions]
        for scope, scoped in (("corpus", [one.query for one in questions]), ("document", in_document)):
            ours, baseline = _time_queries(scoped, runtime)
            for percent in (50, 95):
                name = f"query in the {scope}, {points:,} points, p{percent}"
                values = [1000 * percentile(taken, percent) for taken in (ours, baseline)]
                yield Measurement(name, values[0], "ms", BASELINE, values[1])


def read_ahead_seconds(points: int) -> float:
    return min(points, MAX_PARTS) / READ_AHEAD_RATE


def _time_queries(queries: Sequence[Query], runtime: Runtime) -> tuple[list[float], list[float]]:
    """Seconds of whole searches and of the baseline, after a warm-up."""
    context, prepare = runtime.search_context, QueryPreparation(runtime).prepare
    search_queries, baseline_queries = cycle(queries), cycle(queries)

    def whole_search() -> None:
        search([prepare(next(search_queries))], context, 10)

    def baseline() -> None:
        query = next(baseline_queries)
        vector = context.spaces.text.encode_texts([query.text], query=True)[0]
        context.store.text.search([RankedListRequest(10, vector=vector, using=TEXT_VECTOR, where=query.filter)])

    time_alternately(whole_search, baseline, WARM_UP_QUERIES)
    return time_alternately(whole_search, baseline, TIMED_QUERIES)
