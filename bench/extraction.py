"""Speed of extraction from PDFs, compared with an earlier version: of text with tables, and of everything."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.measurement import MANUAL, BenchOptions, Measurement

ROUNDS = 5


TEXT = """
import sys, tempfile, time
from pathlib import Path
from extractors import timing
timing.perf_counter = time.process_time
from extractors.pdf.extractor import extract
from extractors.types import Options, Source
path = Path(sys.argv[1])
source = Source(path, path.as_uri(), path.name, "", "application/pdf")
with tempfile.TemporaryDirectory() as pictures:
    for _ in range(2):
        report = extract(source, Options(ocr="off", page_images="none"), Path(pictures)).report
print(sum(report.seconds.get(stage, 0.0) for stage in ("layout", "tables", "passages")) / report.pages)
"""
"""Prints the processor time of text and tables, in seconds a page, the second time a document is extracted."""


EXTRACTION = """
import os, sys, tempfile
from pathlib import Path
from extractors.errors import ExtractionError
from extractors.pdf.extractor import extract
from extractors.types import Options, Source
place = Path(sys.argv[1])
paths = sorted(place.glob("*.pdf")) if place.is_dir() else [place]
sources = [Source(path, path.as_uri(), path.name, "", "application/pdf") for path in paths]
seconds, pages = 0.0, 0
for number, source in enumerate([sources[0], *sources]):
    with tempfile.TemporaryDirectory() as pictures:
        start = sum(os.times()[:4])
        try:
            report = extract(source, Options(), Path(pictures)).report
        except ExtractionError:
            continue
    if number and not report.ocr_pages:  # the first time, libraries are loaded
        seconds, pages = seconds + sum(os.times()[:4]) - start, pages + report.pages
print(seconds / max(pages, 1))
"""
"""Prints the processor time of everything, programs included, in seconds a page of documents without scanned pages."""


def text(options: BenchOptions) -> Iterator[Measurement]:
    """Reading the text and tables of born-digital pages, in processor time, compared with an earlier version."""
    yield _compare("text and tables", TEXT, options)


def extraction(options: BenchOptions) -> Iterator[Measurement]:
    """Extracting born-digital PDFs, with rendering and OCR of pictures, compared with an earlier version."""
    yield _compare("extraction", EXTRACTION, options)


def _compare(name: str, program: str, options: BenchOptions) -> Measurement:
    place = (options.on or MANUAL).resolve()
    ours, theirs = [], []
    for _round in range(ROUNDS if place.is_file() else 1):
        ours.append(_run(program, Path(__file__).parents[1], place))
        theirs.append(_run(program, options.against, place) if options.against else ours[-1])
    peer = str(options.against) if options.against else "itself; name an earlier checkout with --against"
    return Measurement(name, median(ours) * 1000, "ms/page", peer, median(theirs) * 1000)


def _run(program: str, version: Path, place: Path) -> float:
    call = [sys.executable, "-c", program, str(place)]
    environment = {**os.environ, "PYTHONPATH": str(version.resolve())}
    return float(subprocess.run(call, cwd=version, env=environment, capture_output=True, text=True, check=True).stdout)
