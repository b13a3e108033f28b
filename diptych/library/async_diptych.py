"""The public face for asyncio: a `Diptych` in threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from diptych.answering.answer import Answer
from diptych.errors import StoreError
from diptych.library.diptych import ANSWER_HITS, Diptych
from diptych.pipeline.ingest import Outcome
from diptych.search.groups import By, Group
from diptych.search.hits import Hit, Results
from diptych.search.query.query import Query
from diptych.settings import Settings
from diptych.store.register import DocumentRecord
from diptych.where import Expression

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")
READ_THREADS = 4
"""Searches and answers that run at the same time; they never wait for an ingest."""


class AsyncDiptych:
    """`Diptych` with awaitable methods; an async context manager. Methods do and raise what those of `Diptych` do.

    Cancelling stops the wait at once. Work that has begun in a thread finishes there, so that a document is stored
    whole or not at all; work that has not begun is dropped. The object stays usable.
    """

    def __init__(self, settings: Settings | None = None, *, budget: float | None = None) -> None:
        self.sync = Diptych.open(settings, budget=budget)
        """The `Diptych` that does the work; its methods block. `sync.maintenance` has the rest."""
        self._readers = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="diptych-ask")
        self._writers = ThreadPoolExecutor(self.sync.settings.workers + 1, thread_name_prefix="diptych-ingest")

    @classmethod
    def open(cls, settings: Settings | None = None, *, budget: float | None = None) -> AsyncDiptych:
        """Open a store as `Diptych.open` does; nothing needs to be awaited yet."""
        return cls(settings, budget=budget)

    async def __aenter__(self) -> AsyncDiptych:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the store for good, even if the caller is cancelled. Threads that still use it get a `StoreError`."""
        await asyncio.shield(asyncio.to_thread(self._close))

    async def ingest(
        self, paths: Sequence[str | Path], on_outcome: Callable[[Outcome], None] | None = None
    ) -> list[Outcome]:
        """See `Diptych.ingest`. `on_outcome` is called in the event loop."""
        maintenance = self.sync.maintenance
        found = await self._run(self._writers, maintenance.find_sources, paths)
        await self._run(self._writers, maintenance.store_skipped, paths, found)
        loop = asyncio.get_running_loop()
        groups = await self._run(self._writers, maintenance.split, found.sources)
        running = [loop.run_in_executor(self._writers, maintenance.ingest_group, group) for group in groups]
        outcomes = []
        try:
            for future in asyncio.as_completed(running):
                ended = await future
                outcomes += ended
                for outcome in ended:
                    if on_outcome:
                        on_outcome(outcome)
        finally:
            for unfinished in running:
                unfinished.cancel()
        await self._run(self._writers, maintenance.optimize_after, outcomes)
        return outcomes

    async def search(self, query: Query | str, limit: int = 10, offset: int = 0) -> Results[Hit]:
        return await self._run(self._readers, self.sync.search, query, limit, offset)

    async def search_groups(
        self, query: Query | str, by: By = "document", limit: int = 10, each: int = 3
    ) -> Results[Group]:
        return await self._run(self._readers, self.sync.search_groups, query, by, limit, each)

    async def like(
        self, hit_id: str, limit: int = 10, where: Expression | str | None = None, split_rows: bool = False
    ) -> list[Hit]:
        return await self._run(self._readers, self.sync.like, hit_id, limit, where, split_rows)

    async def ask(
        self, question: Query | str, limit: int = ANSWER_HITS, on_text: Callable[[str], None] | None = None
    ) -> Answer:
        """See `Diptych.ask`. `on_text` is called in the event loop.

        After the caller was cancelled, it is no longer called, and the next text of the model ends the request to it.
        """
        loop, waiting = asyncio.get_running_loop(), True

        def call(text: str) -> None:
            if on_text and waiting:
                on_text(text)

        def forward(text: str) -> None:
            loop.call_soon_threadsafe(call, text)

        def still_wanted() -> None:
            if not waiting:
                raise CancelledError

        try:
            listener = forward if on_text else None
            return await self._run(self._readers, self.sync.ask, question, limit, listener, still_wanted)
        finally:
            waiting = False

    async def documents(self) -> list[DocumentRecord]:
        return await self._run(self._readers, self.sync.documents)

    async def delete(self, names: Sequence[str] = (), where: Expression | str | None = None) -> list[DocumentRecord]:
        return await self._run(self._writers, self.sync.delete, names, where)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        try:
            running = asyncio.get_running_loop().run_in_executor(pool, work, *arguments)
        except RuntimeError as error:
            raise StoreError(f"{self.sync.settings.store}: this AsyncDiptych is closed; open a new one") from error
        return await running

    def _close(self) -> None:
        for pool in (self._readers, self._writers):
            pool.shutdown(wait=False, cancel_futures=True)
        self.sync.close()
        for pool in (self._readers, self._writers):
            pool.shutdown(wait=True)
