"""Pure: which documents a run does, and how they are dealt out to tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time

from extractors.formats import has_rows
from extractors.types import Source

TASKS = 500
"""Most task runs of a flow run: Prefect's server records some 40 a second, its graph of more is of no use."""

BATCH = 25
"""Documents of a batch of small ones."""

MOST = TASKS * 50
"""Documents of one backfill run: more wait for the next, so that none runs for days."""

SMALL = 256 * 1024
"""Bytes below which a document is small: a photo, a page or a catalogue row rather than a book."""


def batches(sources: Iterable[Source]) -> list[list[Source]]:
    """One task a document; small ones share a task, and more do when there are very many."""
    small: list[Source] = []
    large: list[Source] = []
    for source in sources:
        (small if _bytes(source) < SMALL else large).append(source)
    if len(small) <= BATCH // 5:  # so few that each may show up by its own name
        small, large = [], small + large
    enough = math.ceil((len(small) + len(large)) / TASKS)
    return _split(large, max(1, enough)) + _split(small, max(BATCH, enough))


def changed_since(sources: Iterable[Source], since: date | None) -> list[Source]:
    """Those whose file was written on the day `since` (local time) or later."""
    if since is None:
        return list(sources)
    start = datetime.combine(since, time.min).timestamp()
    return [source for source in sources if _modified(source) >= start]


def _split(sources: Sequence[Source], size: int) -> list[list[Source]]:
    return [list(sources[at : at + size]) for at in range(0, len(sources), size)]


def _bytes(source: Source) -> int:
    """Size of what is opened; 0 when it is gone by now, which extraction will say better."""
    if source.image is None and has_rows(source.path):
        return 0
    path = source.image or source.path
    return path.stat().st_size if path.is_file() else 0


def _modified(source: Source) -> float:
    """Of a catalogue row: its picture's time or the catalogue's, whichever is later."""
    paths = [path for path in (source.path, source.image) if path is not None and path.is_file()]
    return max((path.stat().st_mtime for path in paths), default=0.0)
