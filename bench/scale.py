"""A store that grows to thousands of documents on this machine, while another process searches it.

Every thousand is a run of its own, and what is done is kept: started again after an interruption, it continues.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.incremental import write_book
from bench.measurement import BenchOptions, Measurement, percentile, processor_seconds, time_call
from diptych.library.diptych import Diptych
from diptych.settings import load_settings

THOUSAND = 1000
PAGES = 4
"""Of a document: about 20 points."""
SEARCHER = """
import json, sys, threading, time
from bench.synthetic_text import random_text
from diptych.errors import DiptychError
from diptych.library.diptych import Diptych
from diptych.settings import load_settings
stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
taken, failed = [], 0
with Diptych.open(load_settings(sys.argv[1])) as diptych:
    while True:
        start = time.perf_counter()
        try:
            diptych.search(random_text(f"question {len(taken)}", 8))
            taken.append(time.perf_counter() - start)
        except DiptychError:
            failed += 1
        if stopped.wait(0.5):
            break
print(json.dumps([taken, failed]))
"""
"""Searches two times a second until its standard input is closed; prints the seconds of each, and failures."""


def scale(options: BenchOptions) -> Iterator[Measurement]:
    """Processor time of the last thousand documents next to the first, and the searches of the other process."""
    place = options.cache / f"scale-{options.documents}"
    store = options.store or str(place / "store")
    size = min(THOUSAND, -(-options.documents // 4))
    for number in range(-(-options.documents // size)):
        if not (place / f"{number:04}.json").exists():
            folder = _write_documents(place, number, size)
            done = _ingest(folder, store)
            (place / f"{number:04}.json").write_text(json.dumps(done))
            print(f"{(number + 1) * size:,} documents: {done}"[:200], file=sys.stderr)
    runs = [json.loads(file.read_text()) for file in sorted(place.glob("*.json"))]
    first, last = ({**run, "each": 1000 * run["processor"] / max(run["documents"], 1)} for run in (runs[0], runs[-1]))
    count = f"{last['points']:,} points"
    yield Measurement(f"the last {size:,} documents", last["each"], "ms/document", f"the first {size:,}", first["each"])
    for percent in (50, 95):
        found = [1000 * percentile(run["searches"] or [float("inf")], percent) for run in (last, first)]
        name = f"a search meanwhile, {count}, p{percent}"
        yield Measurement(name, found[0], "ms", f"{first['points']:,} points", found[1])
    yield Measurement("searches that failed", sum(run["failed"] for run in runs), "", "", 0)
    yield _add_one(sorted(place.glob("documents-*")), store, size * len(runs))


def _write_documents(place: Path, number: int, count: int) -> Path:
    """A folder of PDFs with a chart on each page, all different."""
    folder, unfinished = place / f"documents-{number:04}", place / "unfinished"
    if not folder.exists():
        unfinished.mkdir(parents=True, exist_ok=True)
        for one in range(number * count, (number + 1) * count):
            write_book(unfinished / f"{one:06}.pdf", PAGES, first=one * PAGES + 1)
        unfinished.rename(folder)
    return folder


def _add_one(folders: list[Path], store: str, count: int) -> Measurement:
    """One more document, with the listing of all, which is deleted again."""
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place, Diptych.open(load_settings(store)) as diptych:
        unchanged = time_call(lambda: diptych.ingest(folders))
        write_book(Path(place, "added.pdf"), PAGES, first=count * PAGES + 1)
        added = time_call(lambda: diptych.ingest([*folders, place]))
        diptych.delete([str(Path(place, "added.pdf"))])
    return Measurement(f"one new document among {count:,}", added, "s", "none, so only the listing", unchanged)


def _ingest(folder: Path, store: str) -> dict[str, Any]:
    """Bring the store up to date with a folder while another process searches it; returns what that took."""
    with Diptych.open(load_settings(store)) as diptych:
        diptych.ingest([folder / next(folder.iterdir()).name])  # loads the models, and creates the store
        with _searcher(store) as searcher:
            before, start = processor_seconds(searcher.pid), time.monotonic()
            outcomes = diptych.ingest([folder])
            processor, seconds = processor_seconds(searcher.pid) - before, time.monotonic() - start
            searches, failed = json.loads(searcher.communicate()[0])
        points = sum(record.passages + record.pictures + record.pages for record in diptych.documents())
    count = sum(outcome.status == "complete" for outcome in outcomes)
    taken = {"documents": count, "processor": processor, "seconds": seconds, "points": points}
    return {**taken, "failed": failed, "searches": searches}


@contextmanager
def _searcher(store: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SEARCHER, store]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
