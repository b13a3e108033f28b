"""What operators and scheduled runs need beyond daily use: the single steps of an ingest, and the upkeep of a store."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.errors import BudgetReached, QueryError
from diptych.library.register_scan import RegisterScan
from diptych.library.runtime import Runtime
from diptych.object_store import hide_credentials
from diptych.pipeline.discovery.selection import Selection
from diptych.pipeline.discovery.skipped_files import SkippedFile, load_skipped, store_skipped
from diptych.pipeline.stages import RunStage, run_directly
from diptych.pipeline.sweep import SweepReport, sweep_store
from diptych.store import names as naming
from diptych.store.languages import AUTO
from diptych.store.names import NamedDocuments, document_name
from diptych.store.register import DocumentRecord, list_records
from diptych.store.switch import delete_document
from diptych.where import Expression
from extractors.addresses import given_path
from extractors.types import Source

if TYPE_CHECKING:
    from diptych.evaluation.proposals import Proposals
    from diptych.evaluation.questions import Question
    from diptych.pipeline.backlog import Backlog
    from diptych.pipeline.batch.run import BatchProgress, PrefillResult
    from diptych.pipeline.discovery.removed_documents import FoundUris, RemovedDocuments
    from diptych.pipeline.discovery.sources import FoundSources, Listing, RowPictures
    from diptych.pipeline.ingest import Outcome
    from diptych.pipeline.pipeline import Prepared
    from diptych.pipeline.retry import Retryable
    from diptych.pipeline.transfer.transfer import TransferReport

OPTIMIZE_AFTER = 1000
"""Texts encoded in one run after which the search structures are rebuilt."""


class Maintenance:
    """`Diptych.maintenance`. Thread-safe."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stopped = ""
        """Why no further paid requests are made; empty while the budget lasts."""
        self._scan = RegisterScan(runtime)

    def find_sources(self, paths: Sequence[str | Path], *, changed: Collection[Path] | None = None) -> FoundSources:
        """Every document below `paths`; each row of a catalogue is one. Raises `SourceError`.

        `changed`: only open these files and their catalogues.
        """
        from diptych.pipeline.discovery.sources import collect

        return collect(self._list(paths, retry=False, changed=changed))

    def backlog(
        self, paths: Sequence[str | Path], *, retry: bool = False, since: date | None = None, until: date | None = None
    ) -> Backlog:
        """The documents below `paths` that need work, found one by one; those of `pending`, modified in these days."""
        from diptych.pipeline.backlog import Backlog

        pipeline = self._runtime.pipeline if self._runtime.find_store() else None
        return Backlog(self._list(paths, retry), pipeline, retry=retry, since=since, until=until)

    def _list(self, paths: Sequence[str | Path], retry: bool, changed: Collection[Path] | None = None) -> Listing:
        from diptych.pipeline.discovery.sources import Listing

        chosen, root, places = self._runtime.settings, self._runtime.root, self._runtime.places
        name, selection = partial(document_name, root=root), Selection(chosen.include, chosen.exclude)
        return Listing(paths, self._runtime.fetcher(retry), selection, self._row_pictures, name, changed, places)

    def store_skipped(self, paths: Sequence[str | Path], found: FoundSources) -> None:
        """Keep the names of the files below `paths` that `find_sources` skipped, for `skipped`."""
        store_skipped(self._runtime.store(), paths, found.skipped)

    def skipped(self) -> list[SkippedFile]:
        """The files that the last ingest of each path skipped, with absolute paths and reasons; at most 1000."""
        return load_skipped(self._runtime.existing())

    def _row_pictures(self) -> RowPictures:
        records = self._scan.documents(0) if self._runtime.find_store() else {}
        return {record.uri: record.images for record in records.values() if record.images}

    def pending(self, sources: Sequence[Source], *, retry: bool = False) -> list[Source]:
        """The sources that are new, changed or failed before; `retry`: permanent failures and partial ones too."""
        from diptych.pipeline.backlog import pending_documents

        return pending_documents(sources, self._runtime.pipeline, retry=retry)

    def split(self, sources: Sequence[Source]) -> list[list[Source]]:
        """The documents in groups for `ingest_group`; each by itself if no paid encoder gains from groups."""
        from diptych.pipeline.ingest_group import group_sources, needs_groups

        return group_sources(sources) if needs_groups(self._runtime.spaces) else [[source] for source in sources]

    def ingest_group(
        self,
        sources: Sequence[Source],
        on_outcome: Callable[[Outcome], None] | None = None,
        *,
        retry: bool = False,
        run_stage: RunStage = run_directly,
        records: Mapping[str, DocumentRecord] | None = None,
    ) -> list[Outcome]:
        """Bring the store up to date with documents, one after the other; `on_outcome` is called after each.

        A paid encoder gets what rows of catalogues and image files need together, in few requests. Once the budget is
        reached, documents that need work are left unchanged, with the status `waiting`. `run_stage` runs each stage.
        `records`: what the caller has read of the register; documents that are missing there are read when locked.
        """
        from diptych.pipeline.ingest import unchanged_outcome
        from diptych.pipeline.ingest_group import prepare_group

        pipeline, workers, prepared = self._runtime.ingest_pipeline(), self._runtime.settings.workers, {}
        known = self._scan.records_of(sources) if records is None else records
        unchanged = {source.uri: unchanged_outcome(source, known, pipeline, retry=retry) for source in sources}
        if len(sources) > 1 and not self._stopped:
            prepared = prepare_group([source for source in sources if not unchanged[source.uri]], pipeline, workers)
        outcomes = []
        for source in sources:
            done = unchanged[source.uri]
            outcomes.append(done or self._ingest_source(source, retry, prepared.pop(source.uri, None), run_stage))
            if on_outcome:
                on_outcome(outcomes[-1])
        return outcomes

    def _ingest_source(self, source: Source, retry: bool, prepared: Prepared | None, run_stage: RunStage) -> Outcome:
        from diptych.pipeline.ingest import ingest_document, waiting_outcome

        if self._stopped and self.pending([source], retry=retry):
            return waiting_outcome(source, self._stopped)
        try:
            return ingest_document(source, self._runtime.pipeline, retry=retry, prepared=prepared, run_stage=run_stage)
        except BudgetReached as error:
            self._stopped = str(error)
            return waiting_outcome(source, self._stopped)

    def ingest_sources(
        self, sources: Sequence[Source], on_outcome: Callable[[Outcome], None] | None = None, *, retry: bool = False
    ) -> list[Outcome]:
        """Ingest several documents; worker processes extract some while others are encoded. Raises as `ingest` does."""
        outcomes = []
        records = self._scan.records_of(sources) if len(sources) > 1 else {}
        with ThreadPoolExecutor(self._runtime.settings.workers + 1, thread_name_prefix="diptych-ingest") as pool:
            running = [
                pool.submit(self.ingest_group, group, retry=retry, records=records) for group in self.split(sources)
            ]
            try:
                for future in as_completed(running):
                    outcomes += future.result()
                    for outcome in future.result():
                        if on_outcome:
                            on_outcome(outcome)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._runtime.close()  # the pool waits for its threads, and they wait for their workers
                raise
        self.optimize_after(outcomes)
        return outcomes

    def optimize_after(self, outcomes: Sequence[Outcome]) -> None:
        """Build search structures if a run encoded enough texts to make it worthwhile. May take seconds."""
        if sum(outcome.encoded for outcome in outcomes) >= OPTIMIZE_AFTER:
            self._runtime.pipeline.store.optimize()

    def prefill(
        self, sources: Sequence[Source], on_wait: Callable[[BatchProgress], None] | None = None, *, retry: bool = False
    ) -> list[PrefillResult]:
        """Send the paid requests of a later ingest through the providers' batch endpoints, at half the price.

        Takes minutes to a day; `ingest_sources` then finds the answers in the ledger. After an interruption it resumes
        the batches that were sent. Raises `ModelError`.
        """
        from diptych.pipeline.batch.prefill import BatchPrefill

        runtime, chosen = self._runtime, self._runtime.settings
        prefill = BatchPrefill(
            runtime.ingest_pipeline(), runtime.ledger, runtime.meter, chosen.workers, chosen.batch_poll_seconds, on_wait
        )
        return prefill.run(self.pending(sources, retry=retry))

    def find_retryable(self, *, everything: bool = False) -> Retryable:
        """Documents that failed temporarily, where they are now; `everything`: all that are not complete."""
        from diptych.pipeline.discovery.sources import find_sources
        from diptych.pipeline.retry import Retryable, documents_to_retry, find_retry_sources, unavailable_outcome

        documents = documents_to_retry(list_records(self._runtime.existing()), everything=everything)
        fetch, places = self._runtime.fetcher(retry=True), self._runtime.places
        find = partial(find_sources, fetch=fetch, row_pictures=self._row_pictures, places=places)
        sources, unavailable = find_retry_sources(documents, find)
        return Retryable(tuple(sources), tuple(unavailable_outcome(record, reason) for record, reason in unavailable))

    def retry(self, *, everything: bool = False, on_outcome: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """Ingest the documents of `find_retryable` again; those that cannot be found are failed outcomes."""
        found = self.find_retryable(everything=everything)
        if on_outcome:
            for outcome in found.lost:
                on_outcome(outcome)
        return [*found.lost, *self.ingest_sources(found.sources, on_outcome, retry=True)]

    def find_removed(self, paths: Sequence[str | Path], sources: Sequence[Source] | FoundUris) -> RemovedDocuments:
        """Documents of the store below `paths` whose files no longer exist; `sources`: all that were found there."""
        from diptych.pipeline.discovery.removed_documents import find_removed_documents

        return find_removed_documents(self._scan.documents().values(), paths, sources, self._runtime.places)

    def remove(
        self, documents: Sequence[DocumentRecord], on_document: Callable[[DocumentRecord], None] | None = None
    ) -> None:
        """Remove documents, each from both collections at once. After an interruption, call it with those left."""
        store = self._runtime.store()
        for record in documents:
            delete_document(store, record)
            if on_document:
                on_document(record)

    def select(self, names: Sequence[str] = (), where: Expression | None = None) -> list[NamedDocuments]:
        """The documents that each name stands for; without names, all documents that match the filter `where`.

        Raises `QueryError` for a name that is unknown or ambiguous, and for a filter on parts of documents.
        """
        if isinstance(names, str):
            raise QueryError(f"{names}: names are given as a list, also a single one: [{names!r}]")
        known, selected = list_records(self._runtime.existing()), []
        for name in names:
            found = naming.select_documents(name, known)
            if not (found := found or naming.select_documents(os.path.realpath(given_path(name)), known)):
                shown = hide_credentials(name) if "://" in name else name
                raise QueryError(f"{shown}: no such document in the store; `diptych status` lists all documents")
            selected.append(found)
        if where:
            matching = naming.find_matching(where, self._runtime.existing())
            limited = selected or [NamedDocuments("filter", tuple(known))]
            return [NamedDocuments("filter", tuple(r for r in one.documents if r.id in matching)) for one in limited]
        return selected

    def acknowledge(self, names: Sequence[str], *, undo: bool = False) -> list[DocumentRecord]:
        """Accept that documents failed or are partial, until their files change; `undo`: report them again.

        Names are those of `select`. Returns the documents that were changed. Raises `QueryError` as `select` does.
        """
        from diptych.pipeline.retry import acknowledge_documents

        return acknowledge_documents(self._runtime.existing(), naming.distinct_documents(self.select(names)), undo=undo)

    def sweep(self) -> SweepReport:
        """Delete points, pictures and editions that no live document needs."""
        return sweep_store(self._runtime.with_pictures(self._runtime.existing()), self._runtime.picture_store)

    def reindex(self, on_document: Callable[[str], None] | None = None) -> int:
        """Encode everything stored with the current encoders and language; return the number of texts encoded.

        Readers keep using the old edition until the new one is complete.
        """
        from diptych.pipeline.reindex import reindex_store

        runtime, store = self._runtime, self._runtime.with_pictures(self._runtime.existing(bound=False))
        spaces, chosen = runtime.spaces.keep_types(store.shapes), runtime.settings
        encoded = reindex_store(store, spaces, chosen.language, runtime.picture_store, on_document)
        runtime.forget_store()  # the next operation opens the new edition
        return encoded

    def export_to(self, folder: Path) -> TransferReport:
        """Write the whole store to a new folder, as files that people can read."""
        from diptych.pipeline.transfer.transfer import export_store

        return export_store(self._runtime.with_pictures(self._runtime.existing()), self._runtime.picture_store, folder)

    def import_from(self, folder: Path) -> TransferReport:
        """Add what `export_to` wrote with the same encoders; a new store with `language = auto` gets its language."""
        from diptych.pipeline.transfer.transfer import exported_config, import_store

        runtime = self._runtime
        runtime.spaces.adopt(exported_config(folder))  # a new store is bound to it
        store = runtime.store(bound=runtime.settings.language != AUTO)
        report = import_store(folder, runtime.with_pictures(store), runtime.picture_store, runtime.spaces.encoders)
        naming.rename_documents(store, runtime.root)
        runtime.forget_store()
        return report

    def propose_questions(self, count: int = 50, seed: int = 0, known: Sequence[Question] = ()) -> Proposals:
        """At most `count` questions with known answers, for `evaluate`; written by the `answerer` if one is set.

        They are about other places than the `known` questions, and continue the numbers of their ids.
        Stops before a request would exceed the budget; `stopped` then says so. Raises `ProviderError`.
        """
        from diptych.library.proposed_questions import propose

        return propose(self._runtime, count, seed, known)
