"""Asking and keeping up to date, on a made store of 100,000 points."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle

from bench.made import made_store
from bench.measure import Given, Measure, by_turns, percentile, turns
from diptych.evaluation.questions import read_questions
from diptych.library.diptych import Diptych
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.search.query import Query
from diptych.search.search import search
from diptych.store.types import TEXT_VECTOR, RankedListRequest
from diptych.where import Compare

WARMING, ASKED = 50, 200
"""Questions that do not count, and that do; no two of them are alike."""
FLOOR = "encode it and look up one vector"


def queries(given: Given) -> Iterator[Measure]:
    """Both collections, dense and BM25, fused and checked, against the least that any search does."""
    made = made_store(given)
    questions = read_questions(made.questions)
    with made.opened() as parts:
        points = parts.search_context.index.text.count() + parts.search_context.index.images.count()
        inside = [replace(one.query, where=Compare("document", "=", one.document)) for one in questions]
        for scope, asked in (("corpus", [one.query for one in questions]), ("document", inside)):
            ours, least = _asked(asked, parts)
            for percent in (50, 95):
                name = f"query in the {scope}, {points:,} points, p{percent}"
                values = [1000 * percentile(taken, percent) for taken in (ours, least)]
                yield Measure(name, values[0], "ms", FLOOR, values[1])


def _asked(queries: Sequence[Query], parts: Runtime) -> tuple[list[float], list[float]]:
    """Seconds of ours and of the floor, the store and the model warm."""
    panels, ready = parts.search_context, QueryPreparation(parts).prepare
    mine, theirs = cycle(queries), cycle(queries)

    def ask() -> None:
        search([ready(next(mine))], panels, 10)

    def floor() -> None:
        query = next(theirs)
        vector = panels.spaces.text.encode_texts([query.text], query=True)[0]
        panels.index.text.search([RankedListRequest(10, vector=vector, using=TEXT_VECTOR, where=query.where)])

    turns(ask, floor, WARMING)
    return turns(ask, floor, ASKED)


def unchanged(given: Given) -> Iterator[Measure]:
    """A second ingest of everything against reading the files and hashing them."""
    made = made_store(given)
    files = sorted(made.files.iterdir())

    def hashing() -> None:
        for file in files:
            hashlib.sha256(file.read_bytes()).hexdigest()

    with Diptych.open(made.settings) as library:

        def again() -> None:
            assert {outcome.status for outcome in library.ingest([made.files])} == {"unchanged"}

        ours, least = by_turns(again, hashing, rounds=3)
    yield Measure("ingest what has not changed", len(files) / ours, "documents/s", "hash the files", len(files) / least)
