"""The ingest of a folder of PDFs, from the command to its end, next to peers and to what it cannot do without."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.commands import run_command
from bench.floor import measure_floor
from bench.measurement import DATA, BenchOptions, Measurement
from bench.peers import PEERS, run_peer
from diptych.encoders.minilm import find_package
from diptych.errors import SourceError
from extractors.pdf.render import pymupdf

PIPELINE = "LlamaIndex"
"""The peer that encodes and stores; the others extract."""


def whole(options: BenchOptions) -> Iterator[Measurement]:
    """Figures, OCR and BM25 included, while peers read text alone. Their start is not counted, ours is."""
    folder = (options.on or DATA).resolve()
    files = sorted(folder.glob("*.pdf"))
    if not files:
        raise SourceError(f"{folder}: has no PDF files; choose another folder with --on")
    pages = _count_pages(files)
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
        store = f"{place}/store"
        ours = run_command("ingest", *files, "--store", store)
        again = run_command("ingest", *files, "--store", store)
        floor = measure_floor(files, store)
        extracted = run_command("extract", *files, "--out", f"{place}/pictures")
    each, cores = 1000 / pages, len(os.sched_getaffinity(0))
    peers = set(options.peers or PEERS)
    if PIPELINE in peers and (peer := run_peer(PIPELINE, folder, find_package())):
        did = f"{PIPELINE}: {peer.did}"
        yield Measurement(f"ingest of {pages} pages", pages / ours.seconds, "pages/s", did, pages / peer.seconds)
        yield Measurement("ingest, processor time", ours.processor * each, "ms/page", did, peer.processor * each)
    yield Measurement("ingest, processor time", ours.processor * each, "ms/page", str(floor), floor.total * each)
    yield Measurement("ingest, elapsed", ours.seconds, "s", f"the floor on {cores} cores", floor.total / cores)
    yield Measurement("ingested again, unchanged", again.seconds, "s", "the first time", ours.seconds)
    yield Measurement("cores busy", ours.processor / ours.seconds / cores, "share", f"all {cores} cores", 1)
    yield Measurement("ingest, peak memory", ours.memory / 2**20, "MiB", "", 0)
    for name in sorted(peers - {PIPELINE}):
        if peer := run_peer(name, folder):
            did = f"{name}: {peer.did}"
            yield Measurement(
                "extract, processor time", extracted.processor * each, "ms/page", did, peer.processor * each
            )


def _count_pages(files: list[Path]) -> int:
    count = 0
    for file in files:
        with pymupdf().open(file) as document:
            count += len(document)
    return count
