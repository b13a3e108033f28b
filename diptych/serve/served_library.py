"""A `Diptych` as its operator allows it to be used. The page, the API and MCP reach the store only through it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar, TypeVarTuple

from diptych.library.diptych import Diptych
from diptych.search.hits import Hit, Results
from diptych.search.query import Query
from diptych.serve.options import ServeOptions
from diptych.where import all_of

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class ServedLibrary:
    """Awaitable methods that read a store, with the operator's filter added to every query."""

    def __init__(self, library: Diptych, options: ServeOptions) -> None:
        self._library, self.options = library, options
        self._readers = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="diptych-serve")

    def close(self) -> None:
        """End the threads; the `Diptych` stays open."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def search(self, query: Query, limit: int = 10, offset: int = 0) -> Results[Hit]:
        """See `Diptych.search`."""
        return await self._run(self._library.search, self._restricted(query), limit, offset)

    def _restricted(self, query: Query) -> Query:
        return replace(query, where=all_of(self.options.where, query.where))

    async def _run(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work, *arguments)
