"""The whole of Diptych as one object: open, ingest, search, close."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from diptych import captioners, encoders, sources
from diptych.costs import Meter
from diptych.download import Limits, fetcher
from diptych.errors import QueryError, SettingsError, SourceError, StoreError
from diptych.index import Index, open_index
from diptych.index.versions import DocumentRecord, bind, delete, records, records_of
from diptych.ingest import Outcome, Pipeline, ingest, needed
from diptych.maintain import Gone, Swept, gone, reindex, sweep
from diptych.points import document_id
from diptych.search import Hit, Panels, Query, local, search
from diptych.settings import Settings, load
from diptych.spaces import Spaces
from diptych.transfer import Moved, export_store, import_store
from extractors.images import path_of
from extractors.sandbox import Sandbox
from extractors.types import Options, Source

OPTIMIZE_AFTER = 1000
"""New texts in one run after which search structures are built."""


class Diptych:
    """A store of documents, open for reading and writing; thread-safe; a context manager.

    Everything heavy (engine, model, worker processes) starts when it is first needed.
    """

    def __init__(self, settings: Settings, budget: float | None = None) -> None:
        self.settings = settings
        self.meter = Meter(settings.prices, budget)
        """What paid models were asked for through this object."""
        self._opened = threading.RLock()
        self._index: Index | None = None
        self._sandbox: Sandbox | None = None
        self._closed = False

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
        """For good: a thread that is still at work here gets a `StoreError`, it does not start everything again."""
        with self._opened:
            self._closed = True
            # The store first: a document whose worker is killed here must not be registered as one that failed.
            if self._index:
                self._index.close()
            if self._sandbox:
                self._sandbox.close()
            self._sandbox = self._index = None

    @property
    def pictures(self) -> Path:
        """Folder of the picture store: the settings', else in the store's folder, or here beside a server's store."""
        place = Path(".diptych" if "://" in self.settings.store else self.settings.store)
        return self.settings.pictures or place / "pictures"

    def sources(self, paths: Sequence[str | Path]) -> sources.Found:
        """Every document below `paths`, catalogues row by row. Raises `SourceError`."""
        limits = Limits(private=self.settings.private_addresses)
        return sources.find(paths, fetcher(self.settings.cache / "downloads", limits))

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
            self._pipeline.index.optimize()
        return outcomes

    def search(self, query: Query | str, limit: int = 10) -> list[Hit]:
        """At most `limit` hits of both collections, best first. Raises `QueryError`, `StoreError`."""
        return self.search_many([query if isinstance(query, Query) else Query(query)], limit)[0]

    def search_many(self, queries: Sequence[Query], limit: int = 10) -> list[list[Hit]]:
        """One list of hits a query; the texts are encoded together."""
        index = self._existing()
        ready = [self._seen(query) if query.image else query for query in queries]
        return search(ready, Panels(index, self._spaces, self.pictures, self.settings.language), limit)

    def documents(self) -> list[DocumentRecord]:
        """The documents register, by name."""
        return records(self._existing())

    def delete(self, names: Sequence[str]) -> list[DocumentRecord]:
        """Remove documents by name, path or URI. Raises `QueryError` when the store has none of that name."""
        known = self.documents()
        chosen = []
        for name in names:
            place = str(Path(local(name)).absolute())
            matching = [r for r in known if name in (r.name, r.uri) or place == local(r.uri)]
            if not matching:
                raise QueryError(f"{name}: the store has no such document; `diptych status` lists them")
            chosen += matching
        self.remove(chosen)
        return chosen

    def gone(self, paths: Sequence[str | Path], found: Sequence[Source]) -> Gone:
        """Documents of the store whose files below `paths` are no longer there; `found` is what is."""
        return gone(self._open(), paths, found)

    def remove(self, documents: Sequence[DocumentRecord]) -> None:
        """Remove documents, each from both collections at once."""
        for record in documents:
            with self._open().exclusive(record.id):
                delete(self._open(), record)

    def sweep(self) -> Swept:
        """Remove points, pictures and editions that no live document needs."""
        return sweep(self._existing(), self.pictures)

    def reindex(self, on_document: Callable[[str], None] | None = None) -> int:
        """Read what is stored with the encoder that the settings name now; gives the number of texts encoded."""
        self._existing(bound=False)
        index = self._open(bound=False)
        encoded = reindex(index, self._spaces, self.settings.language, self.pictures, on_document)
        self._forget_index()  # the next operation opens the new edition
        return encoded

    def export(self, folder: Path) -> Moved:
        """Write the whole store to a new folder, as files that a person can read."""
        return export_store(self._existing(), self.pictures, folder)

    def import_from(self, folder: Path) -> Moved:
        """Read what `export` wrote, made with the same encoder, into this store."""
        return import_store(folder, self._open(), self.pictures)

    def optimize(self) -> None:
        """Build search structures; worthwhile after large writes."""
        self._pipeline.index.optimize()

    def _seen(self, query: Query) -> Query:
        """The question with its picture as the picture store keeps it, opened where nothing can harm.

        With no encoder of pixels, the words in the picture and its caption are searched, beside the question's own.
        """
        assert query.image is not None
        try:
            source = sources.find([query.image]).sources[0]
        except SourceError as error:
            raise QueryError(str(error)) from error
        encoded = self._spaces.images is not None
        options = replace(self._options, ocr="off") if encoded else self._options
        seen = self._workers().extract(source, options, self.pictures)
        if not seen.pictures:
            raise QueryError(f"{query.image}: holds no picture; give a PNG, JPEG or WebP file")
        if encoded:
            return replace(query, image=path_of(seen.pictures[0].image, self.pictures))
        words = [picture.words for picture in seen.pictures]
        if self._captioner:
            words += [told.text for told in self._captioner.caption(seen, self.pictures).captions]
        text = " ".join(filter(None, [query.text.strip(), *words]))
        if not text:
            raise QueryError(
                f"{query.image}: holds no words, and no encoder for pixels is set; add a question in words"
            )
        return replace(query, text=text, image=None)

    def _existing(self, *, bound: bool = True) -> Index:
        if self._index is None and "://" not in self.settings.store and not Path(self.settings.store).is_dir():
            raise StoreError(
                f"there is no store at {self.settings.store}; make one with `diptych ingest PATH --store "
                f"{self.settings.store}`"
            )
        return self._open(bound=bound)

    def _open(self, *, bound: bool = True) -> Index:
        """The store; `bound`: only if it is read by the encoder that the settings name."""
        with self._opened:
            self._check_open()
            if self._index is None:
                index = open_index(self.settings, self._spaces.shapes)
                try:
                    if bound:
                        bind(index, self._spaces.reading(self.settings.language))
                except BaseException:
                    index.close()
                    raise
                self._index = index
            return self._index

    def _forget_index(self) -> None:
        with self._opened:
            if self._index:
                self._index.close()
            self._index = None

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

    @cached_property
    def _spaces(self) -> Spaces:
        chosen = self.settings
        text = encoders.load(chosen.encoder, chosen, self.meter)
        images = text if text.reads_images else None
        if chosen.image_encoder and chosen.image_encoder != chosen.encoder:
            images = encoders.load(chosen.image_encoder, chosen, self.meter)
            if not images.reads_images:
                raise SettingsError(f"setting `image_encoder` is {chosen.image_encoder}, which reads no pictures")
        return Spaces(text, images, half=chosen.vectors == "float16")

    @cached_property
    def _captioner(self) -> captioners.Captioner | None:
        return None

    @cached_property
    def _options(self) -> Options:
        return replace(self.settings.options(self._spaces.text.tokenizer), pages=self.pictures / "pages")

    @property
    def _pipeline(self) -> Pipeline:
        index, language = self._open(), self.settings.language
        return Pipeline(index, self._spaces, self._workers(), self._options, self.pictures, language, self._captioner)
