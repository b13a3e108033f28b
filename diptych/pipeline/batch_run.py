"""Batch endpoints: what a backfill needs is asked all at once, at half the price, some hours before it is needed.

A `Job` (captions, vectors) says what documents lack and how it is sent; here it is packed within the provider's limits
and the budget, sent, waited for, and taken in. Answers go to the ledger, where the ordinary run finds them. The id of
a batch is kept before anybody waits for it, so a run that dies finds its batches again and pays for none twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from diptych.errors import BudgetReached, ProviderError
from diptych.models.ledger import BatchKind, Ledger, OpenBatch
from diptych.models.meter import Meter
from diptych.prices import Usage
from extractors.errors import ExtractionError
from extractors.types import Extraction, Source

T = TypeVar("T")
MOST_BYTES = 100_000_000
"""Of a batch, whatever its provider allows: so much is held in memory while it is written."""
TRIES = 2
"""How often one item is sent in batches before it is left to ordinary requests."""
SLOWER = 1.5
"""Each look at batches that are under way comes so much later than the one before, up to ten times the first pause."""
PATIENCE = 1800.0
"""Seconds for which a provider may fail to tell how its batches are doing."""
LONGEST = 26 * 3600.0
"""Seconds after which a batch that has not ended is given up: providers end theirs after 24 hours."""


@dataclass(frozen=True, slots=True)
class BatchRequest(Generic[T]):
    """One thing that is not in the ledger."""

    key: str
    """Under which the ledger will have it."""
    content: T
    bytes: int
    """That it adds to a batch."""
    most: Usage


class BatchJob(Protocol[T]):
    """One kind of thing that a provider makes in batches."""

    kind: BatchKind
    model: str
    """As the settings write it."""
    max_requests: int
    max_bytes: int

    def wanted(self, extraction: Extraction) -> Iterable[BatchRequest[T]]:
        """What a document lacks, one by one."""
        ...

    def send(self, items: Sequence[BatchRequest[T]]) -> tuple[str, Mapping[str, Sequence[str]]]:
        """The id of a new batch, and its item ids with the keys that each answer fills."""
        ...

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """(has it ended, answered so far, of how many)."""
        ...

    def take(self, batch: OpenBatch) -> dict[str, str]:
        """Keep a batch's answers in the ledger and count them; key -> why it has none."""
        ...


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far the batches of a job are."""

    kind: BatchKind
    model: str
    batches: int
    """That have not ended."""
    answered: int
    total: int


@dataclass(frozen=True, slots=True)
class PrefillResult:
    """What came of a job."""

    kind: BatchKind
    model: str
    sent: int = 0
    """Items sent by this run, second attempts included."""
    batches: int = 0
    resumed: int = 0
    """Batches that an earlier run had sent."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Key -> why no batch gave it; ordinary requests will try again."""
    stopped: str = ""
    """The budget's sentence, when not everything was sent."""
    note: str = ""
    """Why nothing was sent at all."""


class BatchRun(Generic[T]):
    """One job over the documents of a backfill."""

    def __init__(
        self,
        job: BatchJob[T],
        extracted: Callable[[Sequence[Source]], Iterator[tuple[Source, Extraction | ExtractionError]]],
        ledger: Ledger,
        meter: Meter,
        poll_seconds: float,
        on_wait: Callable[[BatchProgress], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`extracted`: documents -> each with its parts. `on_wait` is told after every look at batches under way."""
        self._job, self._extracted = job, extracted
        self._ledger, self._meter, self._poll = ledger, meter, poll_seconds
        self._on_wait, self._sleep = on_wait, sleep
        self._tries = Counter[str]()
        self._owners: dict[str, Source] = {}
        self._failed: dict[str, str] = {}
        self._reserved: dict[str, ExitStack] = {}
        """Batch -> its room in the budget."""
        self._lost: set[str] = set()
        """Keys of batches that failed as a whole since the last sending."""
        self._fruitful = False
        """Whether any batch was answered since then."""
        self._sent = self._batches = self._ended = 0
        self._stopped = ""

    def __call__(self, sources: Sequence[Source]) -> PrefillResult:
        """Send what the documents lack, wait, take in the answers; what failed is sent once more.

        Raises `ProviderError` for what concerns every request (key, account, a provider that is silent for long) and
        `StoreError`; batches that are under way are found again by the next run.
        """
        resumed = len(self._open())
        try:
            if self._meter.budget is not None:
                self._finish()  # what earlier runs have sent is paid first; only then is known what is left
            due = list(sources)
            while due:
                before = self._batches, self._ended
                self._send_all(due)
                self._finish()
                if (self._batches, self._ended) == before:
                    break
                self._forgive()
                again = {key for key in self._failed if self._tries[key] < TRIES}
                owners = {self._owners[key].uri: self._owners[key] for key in again if key in self._owners}
                # Real usage is below what was reserved, so there may be room in the budget now.
                due = list(sources) if self._stopped else list(owners.values())
            return self._result(resumed)
        finally:
            for stack in self._reserved.values():
                stack.close()

    def _result(self, resumed: int) -> PrefillResult:
        sent, batches, failed = self._sent, self._batches, self._failed
        return PrefillResult(self._job.kind, self._job.model, sent, batches, resumed, failed, self._stopped)

    def _forgive(self) -> None:
        """A batch that failed as a whole while others were answered met a full queue: it has not been tried."""
        if self._fruitful:
            for key in self._lost:
                self._tries[key] = max(self._tries[key] - 1, 0)
        self._lost, self._fruitful = set(), False

    def _open(self) -> list[OpenBatch]:
        return [batch for batch in self._ledger.open_batches(self._job.model) if batch.kind == self._job.kind]

    def _send_all(self, sources: Sequence[Source]) -> None:
        """Pack what is wanted into batches and send them, as far as the budget goes."""
        self._stopped = ""
        packed: list[BatchRequest[T]] = []
        room, size = ExitStack(), 0
        with ExitStack() as unsent:
            unsent.callback(lambda: room.close())
            for item in self._wanted(sources):
                limit = min(self._job.max_bytes, MOST_BYTES)
                if packed and (len(packed) >= self._job.max_requests or size + item.bytes > limit):
                    self._send(packed, room)
                    packed, room, size = [], ExitStack(), 0
                try:
                    room.enter_context(self._meter.reserve(self._job.model, replace(item.most, batched=True)))
                except BudgetReached as error:
                    self._stopped = str(error)
                    break
                packed.append(item)
                size += item.bytes
            if packed:
                self._send(packed, room)
                room = ExitStack()

    def _wanted(self, sources: Sequence[Source]) -> Iterator[BatchRequest[T]]:
        """Each key once, without those that are under way or have failed too often.

        A document that cannot be read wants nothing; the ordinary run will tell why.
        """
        seen = {key for batch in self._open() for key in _keys(batch)}
        for source, parts in self._extracted(sources):
            for item in () if isinstance(parts, ExtractionError) else self._job.wanted(parts):
                self._owners.setdefault(item.key, source)
                if item.key not in seen and self._tries[item.key] < TRIES:
                    seen.add(item.key)
                    yield item

    def _send(self, packed: Sequence[BatchRequest[T]], room: ExitStack) -> None:
        id, items = self._job.send(packed)
        self._ledger.add_batch(OpenBatch(id, self._job.model, self._job.kind, items))
        self._reserved[id] = room
        self._tries.update(item.key for item in packed)
        self._batches += 1
        self._sent += len(packed)

    def _finish(self) -> None:
        """Wait until every batch has ended, and take in its answers."""
        pause, heard = self._poll, time.monotonic()
        while batches := self._open():
            looks = [self._look(batch) for batch in batches]
            left = self._open()
            if self._on_wait:
                answered, total = (sum(numbers) for numbers in zip(*(look.counts for look in looks), strict=True))
                self._on_wait(BatchProgress(self._job.kind, self._job.model, len(left), answered, total))
            if not left:
                return
            trouble = next((look.trouble for look in looks if look.trouble), None)
            if trouble is None:
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                raise ProviderError(
                    f"{self._job.model}: {trouble}; its batches are kept in mind, run again to wait for them",
                    transient=True,
                ) from trouble
            self._sleep(pause)
            pause = self._poll if len(left) < len(batches) else min(pause * SLOWER, 10 * self._poll)

    def _look(self, batch: OpenBatch) -> _Look:
        """See how a batch is, and take it in when it has ended."""
        counts = 0, len(batch.items)
        try:
            ended, answered, total = self._job.progress(batch.id)
            counts = answered, total
            if ended:
                self._take(batch)
            elif _age(batch) > LONGEST:
                self._lose(batch, f"batch {batch.id} has not ended after {_age(batch) / 3600:.0f} hours")
        except ProviderError as error:
            if error.transient:
                return _Look(counts, error)
            if error.about == "account":
                raise
            self._lose(batch, str(error))  # the provider does not know it, so it never will have results
        return _Look(counts)

    def _take(self, batch: OpenBatch) -> None:
        if room := self._reserved.pop(batch.id, None):
            room.close()  # first: what it really used is counted now
        self._failed = {key: why for key, why in self._failed.items() if key not in _keys(batch)}
        failed = self._job.take(batch)
        self._failed |= failed
        self._fruitful |= len(failed) < len(_keys(batch))
        self._close(batch)

    def _lose(self, batch: OpenBatch, why: str) -> None:
        if room := self._reserved.pop(batch.id, None):
            room.close()
        self._failed |= dict.fromkeys(_keys(batch), why)
        self._lost |= _keys(batch)
        self._close(batch)

    def _close(self, batch: OpenBatch) -> None:
        self._ledger.close_batch(batch.id)
        self._ended += 1


class _Look(NamedTuple):
    counts: tuple[int, int]
    """(answered so far, of how many)."""
    trouble: ProviderError | None = None
    """Why the provider could not tell."""


def _keys(batch: OpenBatch) -> set[str]:
    return {key for keys in batch.items.values() for key in keys}


def _age(batch: OpenBatch) -> float:
    """Seconds."""
    return (datetime.now(UTC) - datetime.fromisoformat(batch.at)).total_seconds()
