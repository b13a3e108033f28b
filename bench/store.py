"""Asking and keeping up to date, on a store of 20,000 passages and 2,000 pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import cycle

from bench.measure import Measure, by_turns
from bench.samples import DOCUMENTS, Made, made_store, made_text
from diptych.index import TEXT_VECTOR, Lookup
from diptych.retrieval.search import Panels, Query, search
from diptych.settings import load

QUESTIONS = 32


def store() -> Iterator[Measure]:
    with made_store(load()) as made:
        yield _query(made)
        yield _unchanged(made)


def _query(made: Made) -> Measure:
    """Both collections, dense and BM25, fused and checked, against the least that any search does."""
    panels = Panels(made.index, made.pipeline.spaces, made.pipeline.pictures)
    questions = cycle([made_text(f"question {number}", 8) for number in range(QUESTIONS)])

    def floor() -> None:
        vector = made.pipeline.spaces.text.encode_texts([next(questions)], query=True)[0]
        made.index.text.search([Lookup(10, vector=vector, using=TEXT_VECTOR)])

    ours, least = by_turns(lambda: search([Query(next(questions))], panels, 10), floor, rounds=4 * QUESTIONS)
    return Measure("answer a question, median", ours * 1000, "ms", "encode it and look up one vector", least * 1000)


def _unchanged(made: Made) -> Measure:
    """A second ingest of everything, one document after the other, against reading the files and hashing them."""

    def hashing() -> None:
        for file in sorted(made.files.iterdir()):
            hashlib.sha256(file.read_bytes()).hexdigest()

    def again() -> None:
        assert made.ingest() == 0

    ours, least = by_turns(again, hashing, rounds=3)
    return Measure("ingest what has not changed", DOCUMENTS / ours, "documents/s", "hash the files", DOCUMENTS / least)
