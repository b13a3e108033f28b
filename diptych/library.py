"""The whole of Diptych as one object: open, ingest, search, close."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from diptych import encoders, sources
from diptych.errors import QueryError, SourceError, StoreError
from diptych.index import Index, open_index
from diptych.index.versions import DocumentRecord, bind, records, records_of
from diptych.ingest import Outcome, Pipeline, ingest, needed
from diptych.points import Reading, document_id
from diptych.search import Hit, Panels, Query, search
from diptych.settings import Settings, load
from extractors.sandbox import Sandbox
from extractors.types import Options, Source

OPTIMIZE_AFTER = 1000
"""New texts in one run after which search structures are built."""


class Diptych:
    """A store of documents, open for reading and writing; thread-safe; a context manager.

    Everything heavy (engine, model, worker processes) starts when it is first needed.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._opened = threading.RLock()
        self._index: Index | None = None
        self._sandbox: Sandbox | None = None
        self._closed = False

    @classmethod
    def open(cls, settings: Settings | None = None) -> Diptych:
        """Open with `settings`, by default those of diptych.toml and the environment."""
        return cls(settings or load())

    def __enter__(self) -> Diptych:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """For good: a thread that is still at work here gets a `StoreError`, it does not start everything again."""
        with self._opened:
            self._closed = True
            if self._sandbox:
                self._sandbox.close()
            if self._index:
                self._index.close()
            self._sandbox = self._index = None

    @property
    def pictures(self) -> Path:
        """Folder of the picture store."""
        return self.settings.pictures or Path(self.settings.store) / "pictures"

    def sources(self, paths: Sequence[str | Path]) -> sources.Found:
        """Every document below `paths`, catalogues row by row. Raises `SourceError`."""
        return sources.find(paths)

    def pending(self, found: Sequence[Source], *, retry: bool = False) -> list[Source]:
        """Those of `found` that `ingest_one` would work on; the others are as the register has them."""
        pipeline = self._pipeline
        known = records_of(pipeline.index, (document_id(source.uri) for source in found))
        return [s for s in found if needed(s, known.get(document_id(s.uri)), pipeline, retry=retry)]

    def ingest_one(self, source: Source, *, retry: bool = False) -> Outcome:
        """Bring the store up to date with one document; see `diptych.ingest.ingest`."""
        return ingest(source, self._pipeline, retry=retry)

    def ingest(self, paths: Sequence[str | Path], on_outcome: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """Bring the store up to date with everything below `paths`; `on_outcome` is told each document as it ends.

        Raises `SourceError`, `StoreError`, `ModelError`; a bad document is an outcome.
        """
        return self.ingest_all(self.sources(paths).sources, on_outcome)

    def ingest_all(self, found: Sequence[Source], on_outcome: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """`ingest` for sources that were found before. Extraction runs in worker processes while others are encoded."""
        outcomes = []
        with ThreadPoolExecutor(self.settings.workers + 1, thread_name_prefix="diptych-ingest") as pool:
            running = [pool.submit(self.ingest_one, source) for source in found]
            try:
                for future in as_completed(running):
                    outcomes.append(future.result())
                    if on_outcome:
                        on_outcome(outcomes[-1])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._stop_workers()
                raise
        if sum(outcome.encoded for outcome in outcomes) >= OPTIMIZE_AFTER:
            self._pipeline.index.optimize()
        return outcomes

    def search(self, query: Query | str, limit: int = 10) -> list[Hit]:
        """At most `limit` hits of both collections, best first. Raises `QueryError`, `StoreError`."""
        return self.search_many([query if isinstance(query, Query) else Query(query)], limit)[0]

    def search_many(self, queries: Sequence[Query], limit: int = 10) -> list[list[Hit]]:
        """One list of hits a query; the texts are encoded together."""
        index = self._existing()
        ready = [self._described(query) if query.image else query for query in queries]
        return search(ready, Panels(index, self._encoder, self.pictures, self.settings.language), limit)

    def documents(self) -> list[DocumentRecord]:
        """The documents register, by name."""
        return records(self._existing())

    def optimize(self) -> None:
        """Build search structures; worthwhile after large writes."""
        self._pipeline.index.optimize()

    def _described(self, query: Query) -> Query:
        """With no encoder for pixels, the words in the picture are searched, beside the question's own."""
        assert query.image is not None
        try:
            source = sources.find([query.image]).sources[0]
        except SourceError as error:
            raise QueryError(str(error)) from error
        seen = self._workers().extract(source, self._options, self.pictures)
        words = " ".join(picture.words for picture in seen.pictures).strip()
        if not words and not query.text.strip():
            raise QueryError(
                f"{query.image}: holds no words, and no encoder for pixels is set; add a question in words"
            )
        return replace(query, text=f"{query.text} {words}".strip(), image=None)

    def _existing(self) -> Index:
        if self._index is None and "://" not in self.settings.store and not Path(self.settings.store).is_dir():
            raise StoreError(
                f"there is no store at {self.settings.store}; make one with `diptych ingest PATH --store "
                f"{self.settings.store}`"
            )
        return self._open()

    def _open(self) -> Index:
        with self._opened:
            self._check_open()
            if self._index is None:
                index = open_index(self.settings, self._encoder.size)
                try:
                    bind(index, Reading(self._encoder.fingerprint, self.settings.language))
                except BaseException:
                    index.close()
                    raise
                self._index = index
            return self._index

    def _workers(self) -> Sandbox:
        with self._opened:
            self._check_open()
            if self._sandbox is None:
                chosen = self.settings
                self._sandbox = Sandbox(chosen.workers, chosen.document_seconds, chosen.document_memory_mb)
            return self._sandbox

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self.settings.store}: this Diptych was closed; open another")

    def _stop_workers(self) -> None:
        with self._opened:
            if self._sandbox:
                self._sandbox.close()
            self._sandbox = None

    @cached_property
    def _encoder(self) -> encoders.Encoder:
        return encoders.load(self.settings.encoder, self.settings.cache)

    @cached_property
    def _options(self) -> Options:
        return self.settings.options(self._encoder.tokenizer)

    @property
    def _pipeline(self) -> Pipeline:
        chosen = self.settings
        return Pipeline(self._open(), self._encoder, self._workers(), self._options, self.pictures, chosen.language)
