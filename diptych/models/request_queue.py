"""The queue of requests to one paid endpoint: concurrency, limits per minute, retries and deadlines.

The SDKs' own retries are switched off because each knows only its own request. Here all requests of a process to one
endpoint share one `RequestQueue`, which pauses as a whole when the provider asks for it.
"""

import functools
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

from diptych.endpoints import Endpoint
from diptych.errors import ProviderError

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741

MINUTE = 60.0
MAX_ATTEMPTS = 8
"""Attempts at one request. A server that fails at once would otherwise be asked for minutes."""
FIRST_PAUSE, MAX_PAUSE = 0.5, 30.0
"""Seconds before the second attempt; doubled before each further one."""
MIN_ATTEMPT = 1.0
"""Seconds that an attempt may take even when its turn comes late."""
MAX_LEADING_REFUSALS = 8
"""If so many items fail alone and none has passed, the rest of a batch is not split further."""

QUERY_RETRY_SECONDS = 10.0
"""How long the requests of a search are retried: somebody waits for it."""
_RETRY_SECONDS: ContextVar[float | None] = ContextVar("retry_seconds", default=None)
"""How long requests are retried, if not until their deadline. Thread pools pass it by `copy_context`."""


@contextmanager
def retried_for(seconds: float) -> Iterator[None]:
    """Requests in this block are retried for so long at most, unless the provider says how long to wait."""
    token = _RETRY_SECONDS.set(seconds)
    try:
        yield
    finally:
        _RETRY_SECONDS.reset(token)


class NotRepeatable(ProviderError):
    """The request must not be retried: it may have been carried out, or part of its answer was passed on."""


class RequestQueue:
    """The requests of this process to one endpoint, first come first served, also after a retry. Thread-safe."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint, self._clock, self._sleep = endpoint, clock, sleep
        self._slots = threading.Condition()
        self._tickets = itertools.count()
        self._waiting: set[int] = set()
        self._running = 0
        self._starts: deque[tuple[float, int]] = deque()
        """(time, tokens) of the starts of the last minute and of future starts already assigned, in order of time."""
        self._paused_until = 0.0
        """The provider asked for no requests before this time."""

    def call(self, request: Callable[[float], T], tokens: int) -> T:
        """Return what `request` returns, retrying transient errors until the endpoint's deadline.

        `request` is one attempt: it gets the seconds it may take and raises `ProviderError`. `tokens`: upper estimate
        of its usage. The deadline runs from the first attempt, because waiting for our own limits is not the provider's
        fault. Raises permanent errors at once and the last transient one otherwise.
        """
        ticket, deadline = next(self._tickets), None
        for attempt in range(1, MAX_ATTEMPTS + 1):
            with self._turn(ticket, tokens):
                now = self._clock()
                deadline = deadline or now + self._endpoint.seconds
                try:
                    return request(max(deadline - now, min(MIN_ATTEMPT, self._endpoint.seconds)))
                except ProviderError as error:
                    pause = self._pause_after(error, attempt, deadline)
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pause_after(self, error: ProviderError, attempt: int, deadline: float) -> float:
        """Seconds until the next attempt. Raises if there must not be one."""
        if not error.transient or isinstance(error, NotRepeatable):
            raise error
        asked, longest, why = error.retry_after, self._endpoint.longest_wait, ""
        backoff = min(FIRST_PAUSE * 2 ** (attempt - 1), MAX_PAUSE) * random.uniform(0.75, 1.25)
        pause = backoff if asked is None else max(asked, 0.0)
        now = self._clock()
        if asked is not None and asked > longest:
            why = f"it asks to wait {asked:.0f} s, longer than the setting `longest_wait` of {longest:g} s"
        elif attempt == MAX_ATTEMPTS or now + pause >= (deadline if asked is not None else self._last_try(deadline)):
            spent = now - deadline + self._endpoint.seconds
            why = f"given up after {attempt} attempt{'s' * (attempt > 1)} in {spent:.0f} s"
        if why:
            raise ProviderError(f"{error}; {why}", transient=True, retry_after=asked, about=error.about) from error
        if asked is not None:
            with self._slots:
                self._paused_until = max(self._paused_until, now + pause)
        return pause

    def _last_try(self, deadline: float) -> float:
        """The time after which a request is not retried, if the provider did not ask to wait."""
        patience = _RETRY_SECONDS.get()
        return deadline if patience is None else min(deadline, deadline - self._endpoint.seconds + patience)

    @contextmanager
    def _turn(self, ticket: int, tokens: int) -> Iterator[None]:
        """Wait for a slot and for a start that keeps the limits per minute; hold the slot until the block ends."""
        with self._slots:
            self._waiting.add(ticket)
            try:
                self._slots.wait_for(
                    lambda: self._running < self._endpoint.at_once and min(self._waiting) == ticket,
                )
            finally:  # an interrupted request must not block those behind it
                self._waiting.remove(ticket)
                self._slots.notify_all()
            self._running += 1
            start = self._assign_start(tokens)
        try:
            # Checked again after each sleep: another request may have been asked to wait meanwhile.
            while (pause := max(start, self._paused_until) - self._clock()) > 0:
                self._sleep(pause)
            yield
        finally:
            with self._slots:
                self._running -= 1
                self._slots.notify_all()

    def _assign_start(self, tokens: int) -> float:
        """The earliest time at which a request of so many tokens keeps the limits. The caller holds the lock.

        Starts are assigned in order, so starts a minute before this one no longer matter to later requests.
        """
        max_requests, max_tokens = self._endpoint.requests_per_minute, self._endpoint.tokens_per_minute
        tokens = min(tokens, max_tokens) if max_tokens else 0  # a request above the limit gets a minute of its own
        start = max(self._clock(), self._paused_until, self._starts[-1][0] if self._starts else 0.0)
        while self._starts and self._starts[0][0] <= start - MINUTE:
            self._starts.popleft()
        while self._starts and (
            (max_requests and len(self._starts) >= max_requests)
            or (max_tokens and sum(n for _, n in self._starts) + tokens > max_tokens)
        ):
            start = max(start, self._starts.popleft()[0] + MINUTE)
        if max_requests or max_tokens:
            self._starts.append((start, tokens))
        return start


@functools.cache
def request_queue(endpoint: Endpoint) -> RequestQueue:
    """The one queue of this process for that endpoint."""
    return RequestQueue(endpoint)


def call_in_halves(items: Sequence[I], call: Callable[[Sequence[I]], Sequence[T]]) -> list[T | ProviderError]:
    """One result per item, in order; a `ProviderError` for an item that the provider refuses.

    A batch that is refused is sent again in halves until the refused item fails alone. Transient errors and those
    `about` the account are raised at once.
    """
    results: list[T | ProviderError] = []
    rest, refused, passed = [items] if items else [], 0, False
    while rest:
        batch = rest.pop()
        try:
            results += call(batch)
            passed = True
        except ProviderError as error:
            if error.transient or error.about == "account":
                raise
            if len(batch) == 1 or (refused >= MAX_LEADING_REFUSALS and not passed):
                refused += 1
                results += [error] * len(batch)
            else:
                middle = len(batch) // 2
                rest += [batch[middle:], batch[:middle]]
    return results


def run_concurrently(jobs: Sequence[I], run: Callable[[I], T], at_once: int, thread_name: str) -> list[T]:
    """The result of `run` for each job, from at most `at_once` threads.

    After the first error no further job starts. Requests in flight are paid for anyway, so they run to their end before
    that error is raised.
    """
    if len(jobs) <= 1:
        return [run(job) for job in jobs]
    stopped = threading.Event()

    def run_unless_stopped(job: I) -> T:
        if stopped.is_set():
            raise CancelledError
        try:
            return run(job)
        except BaseException:
            stopped.set()  # at once: this thread would start the next job before the caller sees the error
            raise

    with ThreadPoolExecutor(min(at_once, len(jobs)), thread_name) as pool:
        # The context carries the account that is charged.
        futures = [pool.submit(copy_context().run, run_unless_stopped, job) for job in jobs]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stopped.set()
    return [future.result() for future in futures]  # jobs start in order, so the first error is not a cancellation
