"""Speed of extraction from a PDF: figures, and text with tables."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.measurement import BenchOptions, Measurement, time_call
from bench.sample_files import MANUAL
from extractors.types import Options, Source

ROUNDS = 5
FINDING_STAGES = ("layout", "tables", "figures")
"""The stages that find figures, without rendering."""


def figures(_: BenchOptions) -> Iterator[Measurement]:
    """Finding figures and captions, which includes reading the page, compared with only reading its text."""
    from extractors.pdf.extractor import extract

    source = Source(MANUAL, MANUAL.as_uri(), MANUAL.name, "", "application/pdf")
    options = Options(ocr="off", page_images="none")
    finding, reading = [], []
    with tempfile.TemporaryDirectory() as pictures:
        for _round in range(ROUNDS):
            report = extract(source, options, Path(pictures)).report
            finding.append(sum(report.seconds.get(stage, 0.0) for stage in FINDING_STAGES) / report.pages)
            reading.append(time_call(_read_text) / report.pages)
    yield Measurement("find figures", median(finding) * 1000, "ms/page", "page.get_text()", median(reading) * 1000)


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


def text(options: BenchOptions) -> Iterator[Measurement]:
    """Reading the text and tables of born-digital pages, in processor time, compared with an earlier version."""
    document = (options.on or MANUAL).resolve()
    ours, theirs = [], []
    for _round in range(ROUNDS):
        ours.append(_text_seconds(Path(__file__).parents[1], document))
        theirs.append(_text_seconds(options.against, document) if options.against else ours[-1])
    peer = str(options.against) if options.against else "itself; name an earlier checkout with --against"
    yield Measurement("text and tables", median(ours) * 1000, "ms/page", peer, median(theirs) * 1000)


def _text_seconds(version: Path, document: Path) -> float:
    call = [sys.executable, "-c", TEXT, str(document)]
    environment = {**os.environ, "PYTHONPATH": str(version.resolve())}
    return float(subprocess.run(call, cwd=version, env=environment, capture_output=True, text=True, check=True).stdout)


def _read_text() -> None:
    from extractors.pdf.render import pymupdf

    with pymupdf().open(MANUAL) as document:
        for page in document:
            page.get_text()
