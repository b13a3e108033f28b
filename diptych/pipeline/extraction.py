"""Documents taken apart ahead of whoever reads them, in order, and never many of them at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from extractors.errors import ExtractionError
from extractors.types import Extraction, Source

Extract = Callable[[Source], Extraction]


def extract_ahead(
    sources: Iterable[Source], extract: Extract, workers: int
) -> Iterator[tuple[Source, Extraction | ExtractionError]]:
    """Each document with its parts, or with why it has none; `workers` of them are taken apart at the same time."""
    rest = iter(sources)
    with ThreadPoolExecutor(workers, thread_name_prefix="diptych-extract") as pool:
        ahead: deque[tuple[Source, Future[Extraction]]] = deque()
        try:
            while True:
                ahead.extend(
                    (source, pool.submit(extract, source)) for source in islice(rest, workers + 1 - len(ahead))
                )
                if not ahead:
                    return
                source, future = ahead.popleft()
                try:
                    found: Extraction | ExtractionError = future.result()
                except ExtractionError as error:
                    found = error
                yield source, found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
