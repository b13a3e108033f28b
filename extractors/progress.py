"""Which page an extractor works on, for the process that limits the time of each page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar

from extractors.types import Problem

MAX_SKIPPED_PAGES = 5
"""Pages of a document that are given up one by one; the pages after them are not tried."""

_listener: ContextVar[Callable[[int], None] | None] = ContextVar("listener", default=None)


def listen_to_pages(listener: Callable[[int], None]) -> None:
    """Call `listener` with every page that is started; 0 is work on the whole document."""
    _listener.set(listener)


def start_page(number: int) -> None:
    """Report that work on a page begins, counted from 1, or on the whole document (0)."""
    if listener := _listener.get():
        listener(number)


def readable_pages(numbers: Sequence[int], skipped: Mapping[int, str], problems: list[Problem]) -> Iterator[int]:
    """Report and yield every page to read. Skipped ones are added to `problems` with their reason."""
    for number in numbers:
        if number in skipped:
            problems.append(Problem(skipped[number], number))
        elif len(skipped) >= MAX_SKIPPED_PAGES and number > max(skipped):
            reason = f"pages {number} to {numbers[-1]} were not read, because {len(skipped)} pages could not be"
            problems.append(Problem(f"{reason}; split the file"))
            break
        else:
            start_page(number)
            yield number
    start_page(0)
