"""The documents that need work, found while earlier ones are ingested."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from itertools import islice

from diptych.errors import SettingsError
from diptych.pipeline.discovery.removed_documents import FoundUris
from diptych.pipeline.discovery.skipped_files import SkippedFile
from diptych.pipeline.discovery.sources import Listing
from diptych.pipeline.pipeline import Pipeline, needs_work
from diptych.store.points import document_id
from diptych.store.register import DocumentRecord, load_records
from extractors.addresses import is_elsewhere
from extractors.errors import ExtractionError
from extractors.types import Source

CHUNK = 256
"""Documents that are compared with the register in one request."""

ALWAYS = float("-inf"), float("inf")


class Backlog:
    """The documents of a listing that need work. Iterate over it once; it keeps the addresses of what it found."""

    def __init__(
        self,
        listing: Listing,
        pipeline: Pipeline | None,
        *,
        retry: bool = False,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        """`pipeline`: None for a store that does not exist. `retry`: as for `pending_documents`.

        `since`, `until`: only documents whose file was modified from the first to the last of these days.
        Raises `SettingsError` if the first is after the last.
        """
        self.listing = listing
        self._pipeline, self._retry = pipeline, retry
        if since and until and since > until:
            raise SettingsError(f"since {since} is after until {until}: no file is from both; exchange the days")
        self._from = _start_of(since) if since else ALWAYS[0]
        self._to = _start_of(until + timedelta(days=1)) if until else ALWAYS[1]
        self.found = FoundUris()
        """Everything that was listed."""
        self.is_complete = False
        """Whether everything was listed."""
        self.unchanged = 0
        """Number of documents that need no work, or were not modified in these days."""
        self.new = 0
        """Number of documents that need work and were not in the store."""

    @property
    def skipped(self) -> list[SkippedFile]:
        """Files that are not read, complete after the last document."""
        return self.listing.skipped

    def __iter__(self) -> Iterator[Source]:
        """Raises as `Listing` does."""
        listed = iter(self.listing)
        while chunk := list(islice(listed, CHUNK)):
            for source in chunk:
                self.found.add(source)
            pending = self._check([source for source in chunk if self._is_dated(source)])
            self.unchanged += len(chunk) - len(pending)
            yield from pending
        self.is_complete = True

    def _is_dated(self, source: Source) -> bool:
        return (self._from, self._to) == ALWAYS or self._from <= source.state.modified < self._to

    def _check(self, sources: Sequence[Source]) -> list[Source]:
        if self._pipeline is None:
            self.new += len(sources)
            return list(sources)
        known = _registered(sources, self._pipeline)
        self.new += len(sources) - len(known)  # each of them needs work
        return _pending(sources, known, self._pipeline, self._retry)


def pending_documents(sources: Sequence[Source], pipeline: Pipeline, *, retry: bool = False) -> list[Source]:
    """The sources that are new, changed or failed before; `retry`: permanent failures and partial ones too."""
    return _pending(sources, _registered(sources, pipeline), pipeline, retry)


def _registered(sources: Sequence[Source], pipeline: Pipeline) -> dict[str, DocumentRecord]:
    return load_records(pipeline.store, (document_id(source.uri) for source in sources)) if sources else {}


def _pending(
    sources: Sequence[Source], known: Mapping[str, DocumentRecord], pipeline: Pipeline, retry: bool
) -> list[Source]:
    pending = []
    for source in sources:
        record = known.get(document_id(source.uri))
        if needs_work(source, record, pipeline, retry=retry):
            if record and not source.sha256 and not is_elsewhere(source.uri):
                with suppress(ExtractionError), pipeline.places.opened(source) as source:
                    pass
            if not source.sha256 or needs_work(source, record, pipeline, retry=retry):
                pending.append(source)
    return pending


def _start_of(day: date) -> float:
    """In local time."""
    return datetime.combine(day, time.min).timestamp()
