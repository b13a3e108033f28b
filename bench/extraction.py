"""Speed of figure extraction from a PDF."""

from __future__ import annotations

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


def _read_text() -> None:
    from extractors.pdf.render import pymupdf

    with pymupdf().open(MANUAL) as document:
        for page in document:
            page.get_text()
