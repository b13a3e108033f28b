"""Extract the next documents while earlier ones are processed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from extractors.errors import ExtractionError
from extractors.types import Extraction, Source


def extract_ahead(
    sources: Iterable[Source], extract: Callable[[Source], Extraction], workers: int
) -> Iterator[tuple[Source, Extraction | ExtractionError]]:
    """Each document in order, with its extraction or the error; up to `workers` are extracted at the same time."""
    rest = iter(sources)
    with ThreadPoolExecutor(workers, thread_name_prefix="diptych-extract") as pool:
        ahead: deque[tuple[Source, Future[Extraction]]] = deque()
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
