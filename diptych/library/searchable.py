"""All that can be asked of a store: hits, documents, what is like a hit, answers, and how good all that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.answering.answer import Answer
from diptych.answering.ask import Answerer, answer_question
from diptych.answering.citation_crops import crop
from diptych.answering.evidence import SourcedItem, gather_evidence
from diptych.library.query_preparation import Queries
from diptych.library.runtime import Parts
from diptych.models.meter import Meter
from diptych.search.groups import By, Group, search_groups
from diptych.search.hits import Hit
from diptych.search.plain_filters import FilteredText
from diptych.search.query import Query
from diptych.search.search import search
from diptych.search.similar import find_similar
from diptych.settings import Settings
from diptych.where import Expression
from extractors.pictures.store import image_path

if TYPE_CHECKING:
    from diptych.evaluation.comparison import Evaluation
    from diptych.evaluation.proposals import Proposals

EVIDENCE = 12
"""Hits that a question's answer is made from, unless told otherwise."""


class Searchable:
    """The reading half of a `Diptych`."""

    def __init__(self, settings: Settings, meter: Meter) -> None:
        self.settings = settings
        self.meter = meter
        """What paid models were asked for through this object."""
        self._parts = Parts(settings, meter)
        self._queries = Queries(self._parts)

    @property
    def pictures(self) -> Path:
        """Folder of the picture store."""
        return self._parts.pictures

    def search(self, query: Query | str, limit: int = 10, offset: int = 0) -> list[Hit]:
        """At most `limit` hits of both collections, best first, after the first `offset`.

        Pages of hits fit together: the order does not depend on how many are asked for. Raises `QueryError`,
        `StoreError`.
        """
        return self.search_many([_query(query)], limit, offset)[0]

    def search_many(self, queries: Sequence[Query], limit: int = 10, offset: int = 0) -> list[list[Hit]]:
        """One list of hits a query; the texts are encoded together."""
        context = self._parts.search_context
        return search([self._queries.ready(query) for query in queries], context, limit, offset)

    def search_groups(self, query: Query | str, by: By = "document", limit: int = 10, each: int = 3) -> list[Group]:
        """At most `limit` documents, or pages, by their best hit, with at most `each` hits. Raises as `search` does."""
        context = self._parts.search_context
        return search_groups(self._queries.ready(_query(query)), context, by, limit, each)

    def like(self, hit_id: str, limit: int = 10, where: Expression | None = None) -> list[Hit]:
        """At most `limit` hits that say or show what the hit with this id does; see `diptych.search.similar`."""
        return find_similar(hit_id, self._parts.search_context, limit, where)

    def understood(self, query: Query | str) -> FilteredText:
        """Which plain phrases of a query `search` and `ask` take as filters, such as "under $200"."""
        return self._queries.understood(_query(query))

    def ask(self, question: Query | str, limit: int = EVIDENCE, on_text: Callable[[str], None] | None = None) -> Answer:
        """What the documents say to a question, by the vision model of the setting `answerer`; every citation checked.

        At most `limit` hits are shown to it. `on_text` is told each sentence as it comes, before any check.
        Raises `SettingsError` without a model, and what `search` and `VisionModel.ask` raise.
        """
        asked = _query(question)
        model = self._parts.answerer
        items = gather_evidence(self.search(asked, limit), self._parts.existing(), self.pictures)
        picture = self._queries.stored(asked.image, ocr=False).pictures[0].image if asked.image else None
        answerer = Answerer(model, self.settings.answer_detail, self.meter.price(model.name), self._crop, on_text)
        return answer_question(asked.text, image_path(picture, self.pictures) if picture else None, items, answerer)

    def evaluate(
        self,
        questions: Path,
        arms: Sequence[str] | None = None,
        report: Path | None = None,
        on_arm: Callable[[str], None] | None = None,
    ) -> Evaluation:
        """How well search answers the questions of a file; see `diptych.evaluation`. `report`: HTML file to write.

        `on_arm` is told each arm as it begins. Raises `QueryError` for a wrong line or arm, `StoreError`.
        """
        from diptych.evaluation.comparison import evaluate
        from diptych.evaluation.questions import read_questions

        context = self._parts.search_context
        found = evaluate(read_questions(questions), context, self.meter, arms, on_arm, self._queries.ready)
        if report:
            from diptych.evaluation.report import write_report

            write_report(found, context, report)
        return found

    def make_questions(self, count: int = 50, seed: int = 0) -> Proposals:
        """At most `count` questions proposed from what is stored; by the setting `answerer`, if there is one.

        No request is made that could pass the budget: what was proposed until then is kept, and `stopped` says so.
        Raises `StoreError`, and what `VisionModel.ask` raises.
        """
        from diptych.evaluation.model_questions import QuestionWriter
        from diptych.evaluation.proposals import propose_questions

        parts = self._parts
        asking = QuestionWriter(parts.answerer, parts.ledger, self.meter) if self.settings.answerer else None
        return propose_questions(parts.search_context, count, seed, asking)

    def _crop(self, item: SourcedItem) -> str | None:
        return crop(item, self._parts.existing(), self._parts.workers(), self.pictures)


def _query(question: Query | str) -> Query:
    return question if isinstance(question, Query) else Query(question)
