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
    sources: Iterable[Source], extract: Callable[[Source], T], workers: int, stop: Callable[[], None] | None = None
) -> Generator[tuple[Source, T | ExtractionError]]:
    """Each document in order, with its extraction or the error; up to `workers` are extracted at the same time.

    `stop` ends the extractions under way if this ends early; without it, they are waited for.
    """
    rest = iter(sources)
    with ThreadPoolExecutor(workers, thread_name_prefix="diptych-extract") as pool:
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
        except BaseException:
            if stop:
                stop()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
