"""Send the requests of a backfill to a provider's batch endpoint, at half the price, and wait for the answers.

A `BatchJob` (captions or text vectors) knows which requests a document needs and how to send them. `BatchRun` packs
them within the limits of the provider and the budget, sends them, waits, and collects the answers. Answers go to the
ledger, where the ordinary run finds them. The id of a batch is recorded before the wait, so an interrupted run finds
its batches again and pays for none twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from diptych.errors import BudgetReached, ProviderError
from diptych.models.ledger import BatchKind, Ledger, OpenBatch
from diptych.models.meter import Meter
from diptych.prices import Usage
from extractors.errors import ExtractionError
from extractors.types import Extraction, Source

T = TypeVar("T")
MAX_BATCH_BYTES = 100_000_000
"""Whatever the provider allows: a batch is held in memory while it is sent."""
MAX_ATTEMPTS = 2
"""Number of batches that may contain a request before it is left to the ordinary run."""
BACKOFF = 1.5
"""Factor between two pauses, up to ten times the first pause."""
MAX_SILENCE_SECONDS = 1800.0
"""How long a provider may fail to report the progress of its batches."""
MAX_BATCH_HOURS = 26.0
"""Age at which an unfinished batch is given up: providers end theirs after 24 hours."""


@dataclass(frozen=True, slots=True)
class BatchRequest(Generic[T]):
    """A request whose answer is not in the ledger."""

    key: str
    """Of its answer in the ledger."""
    content: T
    bytes: int
    """Added to the size of a batch."""
    max_usage: Usage


class BatchJob(Protocol[T]):
    """One kind of request that a provider accepts in batches."""

    kind: BatchKind
    model: str
    """As the settings write it."""
    max_requests: int
    max_bytes: int

    def missing_requests(self, extraction: Extraction) -> Iterable[BatchRequest[T]]: ...

    def send(self, requests: Sequence[BatchRequest[T]]) -> str:
        """The id of a new batch."""
        ...

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """(whether it has ended, number of answers so far, number of requests)."""
        ...

    def collect(self, batch: OpenBatch) -> dict[str, str]:
        """Add a batch's answers to the ledger and count them. Returns key -> reason of those without an answer."""
        ...


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """The progress of all batches of a job."""

    kind: BatchKind
    model: str
    batches: int
    """That have not ended."""
    answered: int
    total: int


@dataclass(frozen=True, slots=True)
class PrefillResult:
    """What one job sent and received."""

    kind: BatchKind
    model: str
    sent: int = 0
    """Requests, including second attempts."""
    batches: int = 0
    resumed: int = 0
    """Batches that an earlier run had sent."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Key -> why it has no answer; the ordinary run asks again."""
    stopped: str = ""
    """The budget's message, if not everything was sent."""
    note: str = ""
    """Why nothing was sent at all."""


class BatchRun(Generic[T]):
    """One job over the documents of a backfill."""

    def __init__(
        self,
        job: BatchJob[T],
        extract: Callable[[Sequence[Source]], Iterator[tuple[Source, Extraction | ExtractionError]]],
        ledger: Ledger,
        meter: Meter,
        poll_seconds: float,
        on_wait: Callable[[BatchProgress], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`on_wait` is called after every check of open batches."""
        self._job, self._extract = job, extract
        self._ledger, self._meter, self._poll_seconds = ledger, meter, poll_seconds
        self._on_wait, self._sleep = on_wait, sleep
        self._attempts = Counter[str]()
        self._sources: dict[str, Source] = {}  # key -> the first document that needs it
        self._failed: dict[str, str] = {}
        self._reserved: dict[str, ExitStack] = {}  # batch -> its reservations in the budget
        # Since the last sending: keys of batches that failed as a whole, and whether any request was answered.
        self._rejected: set[str] = set()
        self._any_answered = False
        self._sent = self._batches = self._ended = 0
        self._stopped = ""

    def run(self, sources: Sequence[Source]) -> PrefillResult:
        """Send the missing requests, wait, and collect the answers; failed requests are sent once more.

        Raises `ProviderError` for failures that concern every request (key, account, a provider that is silent for too
        long) and `StoreError`. The next run finds the open batches again.
        """
        resumed = len(self._open_batches())
        try:
            if self._meter.budget is not None:
                self._wait()  # batches of earlier runs count first; only then is the rest of the budget known
            to_send = list(sources)
            while to_send:
                before = self._batches, self._ended
                self._send_all(to_send)
                self._wait()
                if (self._batches, self._ended) == before:
                    break
                self._forgive_full_queue()
                again = [key for key in self._failed if self._attempts[key] < MAX_ATTEMPTS and key in self._sources]
                failed_sources = {self._sources[key].uri: self._sources[key] for key in again}
                # Real usage is below what was reserved, so more requests may fit into the budget now.
                to_send = list(sources) if self._stopped else list(failed_sources.values())
        finally:
            for reservations in self._reserved.values():
                reservations.close()
        job = self._job
        return PrefillResult(job.kind, job.model, self._sent, self._batches, resumed, self._failed, self._stopped)

    def _forgive_full_queue(self) -> None:
        """A batch rejected as a whole while others were answered met a full queue: that is not an attempt."""
        if self._any_answered:
            for key in self._rejected:
                self._attempts[key] = max(self._attempts[key] - 1, 0)
        self._rejected, self._any_answered = set(), False

    def _open_batches(self) -> list[OpenBatch]:
        return [batch for batch in self._ledger.open_batches(self._job.model) if batch.kind == self._job.kind]

    def _send_all(self, sources: Sequence[Source]) -> None:
        """Pack the missing requests into batches and send them, as far as the budget allows.

        One process at a time, because it leaves out what the batches of others contain.
        """
        sending = f"batches of {self._job.kind} to {self._job.model}"
        while True:
            with self._ledger.claims.claimed([sending]) as claimed:
                if claimed:
                    return self._send_missing(sources)
            self._ledger.claims.wait()

    def _send_missing(self, sources: Sequence[Source]) -> None:
        self._stopped = ""
        packed: list[BatchRequest[T]] = []
        reservations, size = ExitStack(), 0
        max_bytes = min(self._job.max_bytes, MAX_BATCH_BYTES)
        try:
            for request in self._missing_requests(sources):
                if packed and (len(packed) >= self._job.max_requests or size + request.bytes > max_bytes):
                    self._send(packed, reservations)
                    packed, reservations, size = [], ExitStack(), 0
                try:
                    max_usage = replace(request.max_usage, batched=True)
                    reservations.enter_context(self._meter.reserve(self._job.model, max_usage, wait=False))
                except BudgetReached as error:
                    self._stopped = str(error)
                    break
                packed.append(request)
                size += request.bytes
            if packed:
                self._send(packed, reservations)
                reservations = ExitStack()
        finally:
            reservations.close()  # of requests that were not sent

    def _missing_requests(self, sources: Sequence[Source]) -> Iterator[BatchRequest[T]]:
        """Each request once, without those in open batches and those that failed too often.

        Documents that cannot be extracted are skipped; the ordinary run reports them.
        """
        seen = {key for batch in self._open_batches() for key in _keys(batch)}
        for source, extraction in self._extract(sources):
            if isinstance(extraction, ExtractionError):
                continue
            for request in self._job.missing_requests(extraction):
                self._sources.setdefault(request.key, source)
                if request.key not in seen and self._attempts[request.key] < MAX_ATTEMPTS:
                    seen.add(request.key)
                    yield request

    def _send(self, requests: Sequence[BatchRequest[T]], reservations: ExitStack) -> None:
        id = self._job.send(requests)
        items = {request.key: [request.key] for request in requests}
        self._ledger.add_batch(OpenBatch(id, self._job.model, self._job.kind, items))
        self._reserved[id] = reservations
        self._attempts.update(items.keys())
        self._batches += 1
        self._sent += len(requests)

    def _wait(self) -> None:
        """Wait until every batch has ended, and collect the answers."""
        pause, last_heard = self._poll_seconds, time.monotonic()
        while batches := self._open_batches():
            checks = [self._check(batch) for batch in batches]
            left = self._open_batches()
            if self._on_wait:
                answered, total = sum(check[0] for check in checks), sum(check[1] for check in checks)
                self._on_wait(BatchProgress(self._job.kind, self._job.model, len(left), answered, total))
            if not left:
                return
            trouble = next((error for *_, error in checks if error), None)
            if trouble is None:
                last_heard = time.monotonic()
            elif time.monotonic() - last_heard > MAX_SILENCE_SECONDS:
                message = f"{self._job.model}: {trouble}. Its batches are recorded; run again to wait for them"
                raise ProviderError(message, transient=True) from trouble
            self._sleep(pause)
            pause = self._poll_seconds if len(left) < len(batches) else min(pause * BACKOFF, 10 * self._poll_seconds)

    def _check(self, batch: OpenBatch) -> tuple[int, int, ProviderError | None]:
        """Collect the answers of a batch if it has ended.

        Returns the numbers of answers and requests, and why the provider could not report the progress.
        """
        answered, total = 0, len(batch.items)
        try:
            ended, answered, total = self._job.progress(batch.id)
            hours = (datetime.now(UTC) - datetime.fromisoformat(batch.at)).total_seconds() / 3600
            if ended:
                self._collect(batch)
            elif hours > MAX_BATCH_HOURS:
                self._give_up(batch, f"batch {batch.id} has not ended after {hours:.0f} hours")
        except ProviderError as error:
            if error.transient:
                return answered, total, error
            if error.about == "account":
                raise
            self._give_up(batch, str(error))  # the provider does not know the batch
        return answered, total, None

    def _collect(self, batch: OpenBatch) -> None:
        self._release(batch)  # first, because the real usage is counted now
        keys, failed = _keys(batch), self._job.collect(batch)
        self._failed = {key: reason for key, reason in self._failed.items() if key not in keys} | failed
        self._any_answered |= len(failed) < len(keys)
        self._close(batch)

    def _give_up(self, batch: OpenBatch, reason: str) -> None:
        self._release(batch)
        self._failed |= dict.fromkeys(_keys(batch), reason)
        self._rejected |= _keys(batch)
        self._close(batch)

    def _release(self, batch: OpenBatch) -> None:
        if reservations := self._reserved.pop(batch.id, None):
            reservations.close()

    def _close(self, batch: OpenBatch) -> None:
        self._ledger.close_batch(batch.id)
        self._ended += 1


def _keys(batch: OpenBatch) -> set[str]:
    return {key for keys in batch.items.values() for key in keys}
