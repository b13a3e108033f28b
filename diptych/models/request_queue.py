"""Patience with paid providers: how many requests at once and a minute, which are tried again, and when to give up.

The SDKs' own retries are switched off, because each of them knows only its own request: here all requests of a process
to one endpoint stand in one `RequestQueue`, which waits as a whole when the provider asks it to.
"""

from __future__ import annotations

import functools
import heapq
import ipaddress
import itertools
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from diptych.errors import ModelError, ProviderError
from diptych.settings import Endpoint

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741

MINUTE = 60.0
TRIES = 8
"""Attempts at one request, however short they are: a server that fails at once is not asked for minutes."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the second attempt, doubled before each further one."""
LEAST = 1.0
"""Seconds that an attempt has, even when its turn came late."""
MAX_LEADING_REFUSALS = 8
"""So many items that failed alone, with none that passed: the rest of the batch is not taken apart further."""


class RequestQueue:
    """The requests of this process to one endpoint. Thread-safe; who came first goes first, also after a retry."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint, self._clock, self._sleep = endpoint, clock, sleep
        self._places = threading.Condition()
        self._tickets = itertools.count()
        self._waiting: list[int] = []
        self._under_way = 0
        self._lock = threading.Lock()
        self._starts: deque[tuple[float, int]] = deque()
        """(time, tokens) of the starts in the last minute and of those already given out, in order of time."""
        self._closed_until = 0.0
        """The provider asked not to be called before."""

    def call(self, request: Callable[[float], T], tokens: int) -> T:
        """What `request` gives: one attempt, told how many seconds it may take, failing with `ProviderError`.

        `tokens`: upper estimate of what it uses. Transient errors are tried again until the endpoint's deadline, which
        runs from the first attempt: standing in line for our own limits is not held against the provider. Raises the
        last `ProviderError` otherwise, permanent ones at once.
        """
        ticket, deadline = next(self._tickets), None
        for attempt in range(1, TRIES + 1):
            with self._turn(ticket, tokens):
                now = self._clock()
                deadline = deadline or now + self._endpoint.seconds
                try:
                    return request(max(deadline - now, min(LEAST, self._endpoint.seconds)))
                except ProviderError as error:
                    pause = self._pause(error, attempt, deadline)
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, error: ProviderError, attempt: int, deadline: float) -> float:
        """Seconds until the next attempt. Raises when there is none."""
        if not error.transient:
            raise error
        asked = error.retry_after
        longest = self._endpoint.longest_wait
        if asked is not None and asked > longest:
            why = f"it asks to wait {asked:.0f} s, longer than the setting `longest_wait` of {longest:g} s"
            raise _given_up(error, why) from error
        backoff = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * random.uniform(0.75, 1.25)
        pause = backoff if asked is None else max(asked, 0.0)
        now = self._clock()
        if attempt == TRIES or now + pause >= deadline:
            spent = now - deadline + self._endpoint.seconds
            why = f"given up after {attempt} attempt{'s' * (attempt > 1)} in {spent:.0f} s"
            raise _given_up(error, why) from error
        if asked is not None:
            with self._lock:
                self._closed_until = max(self._closed_until, now + pause)
        return pause

    @contextmanager
    def _turn(self, ticket: int, tokens: int) -> Iterator[None]:
        """A place among the requests under way, entered at a time that keeps the limits a minute."""
        with self._places:
            heapq.heappush(self._waiting, ticket)
            try:
                self._places.wait_for(
                    lambda: self._under_way < self._endpoint.at_once and self._waiting[0] == ticket,
                )
            finally:  # interrupted, it must not bar the way to those behind it
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
                self._places.notify_all()
            self._under_way += 1
            start = self._start(tokens)
        try:
            # Asked again after each sleep: meanwhile another request may have been told to wait.
            while (pause := max(start, self._closed_until) - self._clock()) > 0:
                self._sleep(pause)
            yield
        finally:
            with self._places:
                self._under_way -= 1
                self._places.notify_all()

    def _start(self, tokens: int) -> float:
        """The earliest time at which a request of so many tokens keeps the limits; it is given out.

        Times are given out in order, so what lies a minute before this one matters to none that follow.
        """
        requests, most = self._endpoint.requests_per_minute, self._endpoint.tokens_per_minute
        tokens = min(tokens, most) if most else 0  # one larger than a minute's tokens has a minute of its own
        with self._lock:
            start = max(self._clock(), self._closed_until, self._starts[-1][0] if self._starts else 0.0)
            while self._starts and self._starts[0][0] <= start - MINUTE:
                self._starts.popleft()
            while self._starts and (
                (requests and len(self._starts) >= requests)
                or (most and sum(n for _, n in self._starts) + tokens > most)
            ):
                start = max(start, self._starts.popleft()[0] + MINUTE)
            if requests or most:
                self._starts.append((start, tokens))
        return start


def _given_up(error: ProviderError, why: str) -> ProviderError:
    return ProviderError(f"{error}; {why}", transient=True, retry_after=error.retry_after, about=error.about)


@functools.cache
def request_queue(endpoint: Endpoint) -> RequestQueue:
    """The one line of this process to that endpoint."""
    return RequestQueue(endpoint)


def api_key(endpoint: Endpoint) -> str:
    """The secret that the endpoint's settings name; `none` for a server in the own network that has none.

    Raises `ModelError` when there is none or it cannot be one. The secret itself is told to nobody.
    """
    secret = os.environ.get(endpoint.key, "").strip() if endpoint.key else ""
    if not secret:
        if is_local(endpoint.base_url):
            return "none"
        section = type(endpoint).__name__.lower()
        if not endpoint.key:
            raise ModelError(f"no key: name the environment variable that holds it in the setting `{section}.key`")
        raise ModelError(f"no key: the environment variable {endpoint.key} is empty (setting `{section}.key` names it)")
    if not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise ModelError(f"the environment variable {endpoint.key} holds no key: it has blanks or odd characters in it")
    return secret


def is_local(base_url: str | None) -> bool:
    """Whether the address is on this machine or in its own network."""
    host = urlsplit(base_url or "").hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name without dots is one of the own network, such as a container's.
        return bool(host) and ("." not in host or host.endswith((".localhost", ".local", ".internal")))
    return address.is_loopback or address.is_private


def call_in_halves(items: Sequence[I], call: Callable[[Sequence[I]], Sequence[T]]) -> list[T | ProviderError]:
    """One result an item, in order; an item that the provider will not take has its error.

    A batch that fails for good is asked again in halves, until the bad item fails alone. What is not about an item
    (transient errors, those `about` the account) is raised at once.
    """
    results: list[T | ProviderError] = []
    rest, alone, passed = [items] if items else [], 0, False
    while rest:
        batch = rest.pop()
        try:
            results += call(batch)
            passed = True
        except ProviderError as error:
            if error.transient or error.about == "account":
                raise
            if len(batch) == 1 or (alone >= MAX_LEADING_REFUSALS and not passed):
                alone += 1
                results += [error] * len(batch)
            else:
                middle = len(batch) // 2
                rest += [batch[middle:], batch[:middle]]
    return results
