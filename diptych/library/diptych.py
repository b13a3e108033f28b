"""The whole of Diptych as one object: open, ingest, search, close."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from diptych.errors import BudgetReached, QueryError
from diptych.library.searchable import Searchable
from diptych.models.meter import Meter, prices
from diptych.pipeline.batch_run import BatchProgress, PrefillResult
from diptych.pipeline.download import Limits, fetcher
from diptych.pipeline.estimate import Estimate, estimate_documents
from diptych.pipeline.ingest import Outcome, ingest_document, needs_work, waiting_outcome
from diptych.pipeline.reindex import reindex_store
from diptych.pipeline.removed_documents import RemovedDocuments, find_removed_documents
from diptych.pipeline.sources import FoundSources, find_sources
from diptych.pipeline.sweep import SweepReport, sweep_store
from diptych.pipeline.transfer import TransferReport, export_store, import_store
from diptych.settings import Settings, load
from diptych.store.open import store_exists
from diptych.store.points import document_id
from diptych.store.register import DocumentRecord, list_records, load_records, local_path
from diptych.store.switch import delete_document
from extractors.types import Source

OPTIMIZE_AFTER = 1000
"""New texts in one run after which search structures are built."""


class Diptych(Searchable):
    """A store of documents, open for reading and writing; thread-safe; a context manager.

    Everything heavy (engine, model, worker processes) starts when it is first needed.
    """

    def __init__(self, settings: Settings, budget: float | None = None) -> None:
        super().__init__(settings, Meter(prices(settings), budget))
        self._stopped = ""
        """Why nothing more is asked of paid models."""

    @classmethod
    def open(cls, settings: Settings | None = None, *, budget: float | None = None) -> Diptych:
        """Open with `settings`, by default those of diptych.toml and the environment.

        `budget`: US dollars that paid models may cost through this object; None: no limit.
        """
        return cls(settings or load(), budget)

    def __enter__(self) -> Diptych:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """For good: a thread that is still at work here gets a `StoreError`."""
        self._parts.close()

    def sources(self, paths: Sequence[str | Path]) -> FoundSources:
        """Every document below `paths`, catalogues row by row. Raises `SourceError`."""
        limits = Limits(private=self.settings.private_addresses)
        return find_sources(paths, fetcher(self.settings.cache / "downloads", limits))

    def pending(self, found: Sequence[Source], *, retry: bool = False) -> list[Source]:
        """Those of `found` that `ingest_one` would work on; the others are as the register has them."""
        pipeline = self._parts.pipeline
        known = load_records(pipeline.store, (document_id(source.uri) for source in found))
        return [s for s in found if needs_work(s, known.get(document_id(s.uri)), pipeline, retry=retry)]

    def ingest_one(self, source: Source, *, retry: bool = False) -> Outcome:
        """Bring the store up to date with one document; see `diptych.pipeline.ingest.ingest`.

        Once the budget is reached, a document that needs work waits: it stays as it was.
        """
        if self._stopped and self.pending([source], retry=retry):
            return waiting_outcome(source, self._stopped)
        try:
            return ingest_document(source, self._parts.pipeline, retry=retry)
        except BudgetReached as error:
            self._stopped = str(error)
            return waiting_outcome(source, self._stopped)

    def ingest(self, paths: Sequence[str | Path], on_outcome: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """Bring the store up to date with everything below `paths`; `on_outcome` is told each document as it ends.

        Raises `SourceError`, `StoreError`, `ModelError`, and is closed then; a bad document is an outcome.
        """
        return self.ingest_all(self.sources(paths).sources, on_outcome)

    def ingest_all(
        self, found: Sequence[Source], on_outcome: Callable[[Outcome], None] | None = None, *, retry: bool = False
    ) -> list[Outcome]:
        """`ingest` for sources that were found before. Extraction runs in worker processes while others are encoded."""
        outcomes = []
        with ThreadPoolExecutor(self.settings.workers + 1, thread_name_prefix="diptych-ingest") as pool:
            running = [pool.submit(self.ingest_one, source, retry=retry) for source in found]
            try:
                for future in as_completed(running):
                    outcomes.append(future.result())
                    if on_outcome:
                        on_outcome(outcomes[-1])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.close()  # the pool waits for its threads, and they for their workers
                raise
        if sum(outcome.encoded for outcome in outcomes) >= OPTIMIZE_AFTER:
            self._parts.pipeline.store.optimize()
        return outcomes

    def estimate(self, paths: Sequence[str | Path], on_document: Callable[[str], None] | None = None) -> Estimate:
        """What ingesting everything below `paths` would embed, caption and cost; the store stays as it is.

        `on_document` is told the name of each document that was looked at. Raises as `ingest` does.
        """
        found = self.sources(paths)
        there = store_exists(self.settings)
        due = self.pending(found.sources) if there else found.sources
        counted = estimate_documents(due, self._parts.ground(there), on_document)
        return replace(counted, unchanged=len(found.sources) - len(due), left_out=tuple(found.left_out))

    def prefill(
        self, found: Sequence[Source], on_wait: Callable[[BatchProgress], None] | None = None, *, retry: bool = False
    ) -> list[PrefillResult]:
        """Ask what ingesting `found` would ask of paid models through their batch endpoints, and wait for it.

        It takes minutes to a day and costs half; `ingest_all` then finds the answers in the ledger. Run again after an
        interruption, it goes on with the batches that are under way. Raises `ModelError`, `StoreError`.
        """
        from diptych.pipeline.batch_prefill import Prefill

        parts, seconds = self._parts, self.settings.batch_poll_seconds
        prefill = Prefill(parts.pipeline, parts.ledger, self.meter, self.settings.workers, seconds, on_wait)
        return prefill(self.pending(found, retry=retry))

    def documents(self) -> list[DocumentRecord]:
        """The documents register, by name."""
        return list_records(self._parts.existing())

    def delete(self, names: Sequence[str]) -> list[DocumentRecord]:
        """Remove documents by name, path or URI. Raises `QueryError` when the store has none of that name."""
        known = self.documents()
        chosen = []
        for name in names:
            place = str(Path(local_path(name)).absolute())
            matching = [r for r in known if name in (r.name, r.uri) or place == local_path(r.uri)]
            if not matching:
                raise QueryError(f"{name}: the store has no such document; `diptych status` lists them")
            chosen += matching
        self.remove(chosen)
        return chosen

    def gone(self, paths: Sequence[str | Path], found: Sequence[Source]) -> RemovedDocuments:
        """Documents of the store whose files below `paths` are no longer there; `found` is what is."""
        return find_removed_documents(self._parts.index(), paths, found)

    def remove(self, documents: Sequence[DocumentRecord]) -> None:
        """Remove documents, each from both collections at once."""
        for record in documents:
            with self._parts.index().lock_document(record.id):
                delete_document(self._parts.index(), record)

    def sweep(self) -> SweepReport:
        """Remove points, pictures and editions that no live document needs."""
        return sweep_store(self._parts.existing(), self.pictures)

    def reindex(self, on_document: Callable[[str], None] | None = None) -> int:
        """Read what is stored with the encoder that the settings name now; gives the number of texts encoded."""
        self._parts.existing(bound=False)
        index = self._parts.index(bound=False)
        encoded = reindex_store(index, self._parts.spaces, self.settings.language, self.pictures, on_document)
        self._parts.forget_index()  # the next operation opens the new edition
        return encoded

    def export(self, folder: Path) -> TransferReport:
        """Write the whole store to a new folder, as files that a person can read."""
        return export_store(self._parts.existing(), self.pictures, folder)

    def import_from(self, folder: Path) -> TransferReport:
        """Read what `export` wrote, made with the same encoder, into this store."""
        return import_store(folder, self._parts.index(), self.pictures)

    def optimize(self) -> None:
        """Build search structures; worthwhile after large writes."""
        self._parts.pipeline.store.optimize()
