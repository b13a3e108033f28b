"""Extract the next documents while earlier ones are processed."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from extractors.errors import ExtractionError
from extractors.types import Source

T = TypeVar("T")


def extract_ahead(
    sources: Iterable[Source], extract: Callable[[Source], T], workers: int
) -> Generator[tuple[Source, T | ExtractionError]]:
    """Each document in order, with its extraction or the error; up to `workers` are extracted at the same time.

    If this ends early, extractions under way are not waited for: an interrupted command closes their sandbox next.
    """
    rest, pool = iter(sources), ThreadPoolExecutor(workers, thread_name_prefix="diptych-extract")
    ahead: deque[tuple[Source, Future[T]]] = deque()
    try:
        while True:
            free = workers + 1 - len(ahead)
            ahead.extend((source, pool.submit(extract, source)) for source in islice(rest, free))
            if not ahead:
                return
            source, future = ahead.popleft()
            try:
                yield source, future.result()
            except ExtractionError as error:
                yield source, error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
