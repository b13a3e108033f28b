"""How long each stage of an extraction takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class StageTimer:
    """Adds up the seconds spent in each named stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start
