"""A file of 2,000 pages: its memory next to that of a smaller one, and what a kill in the middle costs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.commands import run_command
from bench.incremental import write_book
from bench.measurement import BenchOptions, Measurement

PAGES, FEWER_PAGES = 2000, 200
KILLED_AT = 0.3
"""Share of the time after which the ingest is killed."""


def large(_: BenchOptions) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
        book, chapter = Path(place, "book.pdf"), Path(place, "chapter.pdf")
        write_book(book, PAGES)
        write_book(chapter, FEWER_PAGES)
        smaller = run_command("ingest", chapter, "--store", f"{place}/smaller")
        whole = run_command("ingest", book, "--store", f"{place}/whole")
        killed = run_command("ingest", book, "--store", f"{place}/killed", kill_after=KILLED_AT * whole.seconds)
        resumed = run_command("ingest", book, "--store", f"{place}/killed")
    sizes = [cost.memory / 2**20 for cost in (whole, smaller)]
    yield Measurement(f"peak memory, {PAGES:,} pages", sizes[0], "MiB", f"{FEWER_PAGES:,} pages", sizes[1])
    yield Measurement("ingested again after a kill", resumed.seconds, "s", "in one go", whole.seconds)
    both = killed.seconds + resumed.seconds
    yield Measurement("the killed run and the next one", both, "s", "in one go", whole.seconds)
