"""Threads for work that blocks, with a limit on what waits for them."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from diptych.errors import DiptychError

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class ServerBusy(DiptychError):
    """The server does as much at once as it may."""


class Threads:
    """A pool of threads that takes at most `limit` pieces of work at a time, running and waiting."""

    def __init__(self, name: str, count: int, limit: int) -> None:
        self._pool, self._limit = ThreadPoolExecutor(count, thread_name_prefix=f"diptych-serve-{name}"), limit
        self._running, self._lock = 0, threading.Lock()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """What `work` returns. It ends even if the caller does not wait. Raises `ServerBusy`."""
        if self._running >= self._limit:
            raise ServerBusy("the server is busy with as many requests as it may work on; try again in a few seconds")
        self._count(1)
        future = self._pool.submit(work, *arguments)
        future.add_done_callback(lambda done: self._count(-1))
        return await asyncio.wrap_future(future)

    def _count(self, change: int) -> None:
        with self._lock:
            self._running += change
