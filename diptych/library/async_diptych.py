"""The same for code that awaits: a `Diptych` behind threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from diptych.answering.answer import Answer
from diptych.errors import StoreError
from diptych.library.diptych import OPTIMIZE_AFTER, Diptych
from diptych.library.searchable import EVIDENCE
from diptych.pipeline.ingest import Outcome
from diptych.search.groups import By, Group
from diptych.search.hits import Hit
from diptych.search.query import Query
from diptych.settings import Settings
from diptych.store.register import DocumentRecord
from diptych.where import Expression

P = ParamSpec("P")
T = TypeVar("T")
QUESTIONS = 4
"""Questions that are answered at the same time; they never wait for an ingest."""


class AsyncDiptych:
    """A `Diptych` whose methods are awaited; an async context manager. What each does and raises stands there.

    Whoever is cancelled stops waiting at once. What has begun in a thread ends there: a document is stored whole or not
    at all, what has not begun is never begun, and this object stays usable.
    """

    def __init__(self, settings: Settings | None = None, *, budget: float | None = None) -> None:
        self.sync = Diptych.open(settings, budget=budget)
        """The one that does the work; its methods block."""
        self._asking = ThreadPoolExecutor(QUESTIONS, thread_name_prefix="diptych-ask")
        self._writing = ThreadPoolExecutor(self.sync.settings.workers + 1, thread_name_prefix="diptych-ingest")

    @classmethod
    def open(cls, settings: Settings | None = None, *, budget: float | None = None) -> AsyncDiptych:
        """Open with `settings`, by default those of diptych.toml and the environment; nothing is awaited yet."""
        return cls(settings, budget=budget)

    async def __aenter__(self) -> AsyncDiptych:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """For good, also when whoever waits for it is cancelled: a thread still at work here gets a `StoreError`."""
        await asyncio.shield(asyncio.to_thread(self._close))

    async def ingest(
        self, paths: Sequence[str | Path], on_outcome: Callable[[Outcome], None] | None = None
    ) -> list[Outcome]:
        """Bring the store up to date with everything below `paths`; `on_outcome` is called in the event loop."""
        found = await self._run(self._writing, self.sync.sources, paths)
        loop = asyncio.get_running_loop()
        running = [loop.run_in_executor(self._writing, self.sync.ingest_one, source) for source in found.sources]
        outcomes = []
        try:
            for future in asyncio.as_completed(running):
                outcomes.append(await future)
                if on_outcome:
                    on_outcome(outcomes[-1])
        finally:
            for left in running:
                left.cancel()
        if sum(outcome.encoded for outcome in outcomes) >= OPTIMIZE_AFTER:
            await self._run(self._writing, self.sync.optimize)
        return outcomes

    async def search(self, query: Query | str, limit: int = 10, offset: int = 0) -> list[Hit]:
        """At most `limit` hits of both collections, best first, after the first `offset`."""
        return await self._run(self._asking, self.sync.search, query, limit, offset)

    async def search_groups(
        self, query: Query | str, by: By = "document", limit: int = 10, each: int = 3
    ) -> list[Group]:
        """At most `limit` documents, or pages, by their best hit."""
        return await self._run(self._asking, self.sync.search_groups, query, by, limit, each)

    async def like(self, hit_id: str, limit: int = 10, where: Expression | None = None) -> list[Hit]:
        """At most `limit` hits that say or show what the hit with this id does."""
        return await self._run(self._asking, self.sync.like, hit_id, limit, where)

    async def ask(
        self, question: Query | str, limit: int = EVIDENCE, on_text: Callable[[str], None] | None = None
    ) -> Answer:
        """What the documents say to a question; every citation checked. `on_text` is called in the event loop.

        It is told no more once whoever waits for the answer is cancelled.
        """
        loop, awaited = asyncio.get_running_loop(), True

        def hear(text: str) -> None:
            if on_text and awaited:
                on_text(text)

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(hear, text)

        try:
            return await self._run(self._asking, self.sync.ask, question, limit, tell if on_text else None)
        finally:
            awaited = False

    async def documents(self) -> list[DocumentRecord]:
        """The documents register, by name."""
        return await self._run(self._asking, self.sync.documents)

    async def delete(self, names: Sequence[str]) -> list[DocumentRecord]:
        """Remove documents by name, path or URI."""
        return await self._run(self._writing, self.sync.delete, names)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            running = asyncio.get_running_loop().run_in_executor(pool, partial(work, *args, **kwargs))
        except RuntimeError as error:
            raise StoreError(f"{self.sync.settings.store}: this AsyncDiptych was closed; open another") from error
        return await running

    def _close(self) -> None:
        for pool in (self._asking, self._writing):
            pool.shutdown(wait=False, cancel_futures=True)
        self.sync.close()
        for pool in (self._asking, self._writing):
            pool.shutdown(wait=True)
