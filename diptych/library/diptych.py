"""The public face: one object that opens a store, fills it, searches it and answers from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.library.maintenance import Maintenance
from diptych.library.parts import Part, load_parts
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.models.price_list import PriceList
from diptych.search.hits import Hit, Results
from diptych.search.query.query import Query, as_filter
from diptych.settings import Settings, load_settings
from diptych.shared_limits import SharedLimits
from diptych.store.names import distinct_documents
from diptych.store.register import DocumentRecord, list_records, register_version
from diptych.store.visible_points import visible_part
from diptych.where import Expression
from extractors.pictures.store import image_path
from extractors.types import ImageFile, PageImage

if TYPE_CHECKING:
    from diptych.answering.answer import Answer
    from diptych.evaluation.comparison import Evaluation
    from diptych.pipeline.estimate import Estimate
    from diptych.pipeline.ingest import Outcome
    from diptych.search.groups import By, Group
    from diptych.search.query.plain_filters import FilteredText

ANSWER_HITS = 12
"""Hits an answer is made from, by default."""


class Diptych:
    """A store of documents, open for reading and writing. Thread-safe; a context manager.

    The engine, the models and the worker processes start when they are first needed. Every method raises `StoreError`
    when the store cannot be opened, and `DiptychError` subclasses only.
    """

    def __init__(
        self, settings: Settings, budget: float | None = None, run: str = "", limits: SharedLimits | None = None
    ) -> None:
        self.settings, self.run = settings, run
        limits = limits or SharedLimits()
        self.meter = Meter(PriceList(settings), budget, limits)
        """Usage and cost of paid models through this object, or of the whole run of several processes."""
        self._runtime = Runtime(settings, self.meter, limits)
        self.is_first_of_run = not run or self._runtime.share_counts(run)
        """Whether no other process had opened the run before, or at least not with this picture store."""
        self._preparation = QueryPreparation(self._runtime)
        self.maintenance = Maintenance(self._runtime)
        """Everything beyond daily use: single ingest steps, retry, sweep, reindex, export and import."""

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        budget: float | None = None,
        run: str = "",
        limits: SharedLimits | None = None,
    ) -> Diptych:
        """Open a store with `settings`, by default those of diptych.toml and the environment.

        `Settings(store=":memory:")` opens a new store that ends with this object, pictures included.
        `budget`: maximum spend on paid models through this object, in US dollars; None: no limit.
        `run`: a name under which several processes share the budget and count usage together. `limits`: what machines
        share; None: only the limits of this process count.
        """
        return cls(settings or load_settings(), budget, run, limits)

    def __enter__(self) -> Diptych:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store for good. Threads that still use this object get a `StoreError`."""
        self._runtime.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._runtime.closed

    @property
    def picture_address(self) -> str:
        """Absolute path or URL of the picture store."""
        return self._runtime.picture_store.address

    @property
    def pictures(self) -> Path:
        """Folder of the picture store; of one in an object store, its local copy."""
        return self._runtime.pictures

    def ingest(self, paths: Sequence[str | Path], on_outcome: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """Bring the store up to date with every document below `paths`; only new and changed ones are processed.

        `on_outcome` is called after each document. A document that fails is an outcome, not an exception. Raises
        `SourceError` and `ModelError`, and closes the store then.
        """
        found = self.maintenance.find_sources(paths)
        self.maintenance.store_skipped(paths, found)
        return self.maintenance.ingest_sources(found.sources, on_outcome)

    def estimate(self, paths: Sequence[str | Path], on_document: Callable[[str], None] | None = None) -> Estimate:
        """What ingesting `paths` would embed, caption and cost. Spends nothing and leaves the store unchanged.

        `on_document` is called with the name of each document. Raises as `ingest` does.
        """
        from diptych.library.estimate_inputs import estimate_inputs
        from diptych.pipeline.estimate import estimate_documents

        found = self.maintenance.find_sources(paths)
        pending = self.maintenance.pending(found.sources) if self._runtime.find_store() else found.sources
        result = estimate_documents(pending, estimate_inputs(self._runtime), on_document)
        return replace(result, unchanged=len(found.sources) - len(pending), left_out=tuple(found.left_out))

    def search(self, query: Query | str, limit: int = 10, offset: int = 0) -> Results[Hit]:
        """At most `limit` hits from both collections, best first, after the first `offset`.

        The order does not depend on `limit`, so pages of hits fit together. `resembles` of the result is False, and
        there are no hits, if nothing in the store resembles the query. Raises `QueryError`.
        """
        return self.search_many([_as_query(query)], limit, offset)[0]

    def search_many(self, queries: Sequence[Query], limit: int = 10, offset: int = 0) -> list[Results[Hit]]:
        """One list of hits per query; all texts are encoded in one batch."""
        from diptych.search.search import search

        found = self._preparation.run(queries, lambda prepared, context: search(prepared, context, limit, offset))
        self._load_pictures(hit for hits in found for hit in hits)
        return found

    def search_groups(self, query: Query | str, by: By = "document", limit: int = 10, each: int = 3) -> Results[Group]:
        """At most `limit` documents, or pages, ordered by their best hit, with at most `each` hits per group."""
        from diptych.search.groups import search_groups

        groups = self._preparation.run(
            [_as_query(query)], lambda prepared, context: search_groups(prepared[0], context, by, limit, each)
        )
        self._load_pictures(hit for group in groups for hit in group.hits)
        return groups

    def interpret(self, query: Query | str) -> FilteredText:
        """The filters that `search` and `ask` read from the wording of a query, such as "under $200"."""
        return self._preparation.interpret(_as_query(query))

    def store_query_image(self, image: bytes) -> str:
        """Keep the image of a query in the picture store until the next sweep; returns its file name there.

        Raises `QueryError` if it cannot be read.
        """
        return self._preparation.store_image(image).name

    def like(
        self, hit_id: str, limit: int = 10, where: Expression | str | None = None, split_rows: bool = False
    ) -> list[Hit]:
        """At most `limit` hits whose text or image is similar to that of the hit `hit_id`. Encodes nothing.

        `split_rows`: return the text and the pictures of a catalogue row as separate hits.
        """
        from diptych.search.more_like_this import find_similar

        hits = find_similar(hit_id, self._runtime.search_context, limit, as_filter(where), split_rows)
        self._load_pictures(hits)
        return hits

    def ask(
        self,
        question: Query | str,
        limit: int = ANSWER_HITS,
        on_text: Callable[[str], None] | None = None,
        still_wanted: Callable[[], None] | None = None,
    ) -> Answer:
        """Answer a question from the best `limit` hits with the model of the setting `answerer`.

        Every citation is checked. `on_text` is called with each sentence as it arrives, before the checks.
        `still_wanted` is called before each request to the model, and as its answer arrives; what it raises ends the
        request. Raises `SettingsError` if no model is set, `QueryError`, `ProviderError` and `BudgetReached`.
        """
        from diptych.library.asking import ask

        query, find = _as_query(question), self.search_many
        return ask(query, self._runtime, self._preparation, find, limit, on_text, still_wanted)

    def evaluate(
        self,
        questions: Path,
        arms: Sequence[str] | None = None,
        report: Path | None = None,
        on_arm: Callable[[str], None] | None = None,
    ) -> Evaluation:
        """Measure how well each kind of retrieval answers the questions of a file; see docs/evaluation.md.

        `arms`: which kinds, by default all. `report`: an HTML file to write. `on_arm` is called as each kind begins.
        Raises `QueryError` for a malformed question or an unknown arm.
        """
        from diptych.evaluation.comparison import evaluate
        from diptych.evaluation.questions import read_questions

        context = self._runtime.search_context
        result = evaluate(read_questions(questions), context, arms, on_arm, self._preparation.prepare)
        if report:
            from diptych.evaluation.report import write_report

            write_report(result, context, report)
        return result

    def documents(self) -> list[DocumentRecord]:
        """The register: one record per document, sorted by name."""
        return list_records(self._runtime.existing())

    @property
    def version(self) -> str:
        """Changes with every commit to the store, by whatever process: what was read under an equal one still holds."""
        return register_version(self._runtime.existing())

    def parts(self, documents: Collection[str] | None, where: Expression | str | None = None) -> list[Part]:
        """The passages and pictures of documents, given by the ids of their records, that match a filter; None: of all.

        By document, page and place on the page.
        """
        return load_parts(self._runtime.existing(), documents, self._runtime.search_context.resolve(as_filter(where)))

    def find_document(self, hit_id: str) -> str | None:
        """The id of the document that a hit belongs to; None if no hit has this id."""
        payload = visible_part(self._runtime.existing(), hit_id)
        return payload["document_id"] if payload else None

    def page_image(self, document: str, page: int) -> PageImage | None:
        """An image of a page in the picture store, with the page's size in points; `document` is a record's id.

        None if there is none and the file is not a PDF on this machine, or changed since it was ingested.
        """
        return self._runtime.page_image(document, page)

    def picture(self, image: ImageFile) -> Path:
        """The path of an image in the picture store, fetched from an object store; the file may not exist."""
        path = image_path(image, self.pictures)
        self._runtime.picture_store.load([path])
        return path

    def delete(self, names: Sequence[str] = (), where: Expression | str | None = None) -> list[DocumentRecord]:
        """Delete documents by name, path or URI, or all that match `where`; with both, those named that match.

        A catalogue stands for its rows, a folder for everything in it. Nothing is deleted if this raises `QueryError`:
        for a name that is unknown or ambiguous, and for a filter on parts of documents.
        """
        chosen = distinct_documents(self.maintenance.select(names, as_filter(where)))
        self.maintenance.remove(chosen)
        return chosen

    def _load_pictures(self, hits: Iterable[Hit]) -> None:
        """Fetch the image files of hits from an object store."""
        images = (image for hit in hits for image in (hit.image, *(face.image for face in hit.faces)) if image)
        self._runtime.picture_store.load(map(Path, images))


def _as_query(query: Query | str) -> Query:
    return query if isinstance(query, Query) else Query(query)
