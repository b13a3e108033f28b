"""A store of two documents, and three questions about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych.evaluation.comparison import Evaluation, evaluate
from diptych.evaluation.questions import Question
from diptych.search.query.query import Query
from diptych.search.search import SearchContext
from diptych.store.register import bind_encoders
from diptych.store.spaces import Spaces
from extractors.types import Passage
from tests.support.fakes import document, source
from tests.support.scripted_pipeline import ScriptedPipeline
from tests.support.scripted_vision import chart, picture, stored

HOSTILE = 'Figure 1: green chart <script>alert(1)</script> "><img src=x onerror=alert(2)>'


@pytest.fixture
def context(tmp_path: Path) -> Iterator[SearchContext]:
    """A store of two documents with a picture each. The name and caption of the first are hostile."""
    bench = ScriptedPipeline(tmp_path, "embedded")
    bind_encoders(bench.index, bench.pipeline.spaces.encoding_config("english"))
    shown = picture(stored(chart(1), tmp_path), 3, label="figure 1", caption=HOSTILE)
    other = picture(stored(chart(2), tmp_path), 1, label="figure 7", caption="Figure 7. A blue valve of the cold loop.")
    passages = [Passage("The red pump.", 1, heading=("Priming red pumps",)), Passage("The blue valve.", 2)]
    bench.ingest(source("a<b>.pdf"), document(*passages, pictures=(shown,)))
    bench.ingest(source("b.pdf"), document(Passage("A cat sleeps.", 1), pictures=(other,)))
    yield SearchContext(bench.index, Spaces(bench.encoder), bench.folder)
    bench.index.close()


def asked(name: str, text: str, paper: str, *pages: int, label: str = "", kind: str = "") -> Question:
    return Question(name, Query(text), paper, pages, label=label, types=(kind,) if kind else ())


QUESTIONS = (
    asked("1", "green chart", "a<b>.pdf", 3, label="figure 1", kind="<i>figure</i>"),
    asked("2", "red pump", "a<b>.pdf", 1, kind="text"),
    asked("3", "red pump", "b.pdf", 1, kind="text"),  # wrong on purpose, so this is the worst question
)


def evaluated(context: SearchContext, arms: list[str] | None = None) -> Evaluation:
    return evaluate(QUESTIONS, context, arms)
