"""What a page costs: processor time, and bytes in the store and the picture store."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.incremental import write_book, write_leaflet
from bench.measurement import BenchOptions, Measurement, processor_seconds
from diptych.library.diptych import Diptych
from diptych.settings import load_settings
from extractors.pdf.render import pymupdf

PAGES, SCANNED_PAGES = 40, 8
SCAN_DPI = 200
BASELINE = "a page with text"


def pages(_: BenchOptions) -> Iterator[Measurement]:
    """Pages with a heading, three paragraphs and a chart; then scans of such pages, which are read by OCR."""
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
        book, scan = Path(place, "book.pdf"), Path(place, "scan.pdf")
        write_book(book, PAGES)
        _write_scan(book, scan)
        text, scanned = _cost(book, PAGES, f"{place}/text"), _cost(scan, SCANNED_PAGES, f"{place}/scanned")
    for name, unit, number in (
        ("pages per hour of a core", "pages/h", 0),
        ("bytes of a page in the store", "KiB", 1),
        ("bytes of a page in the picture store", "KiB", 2),
    ):
        yield Measurement(f"{name}, text", text[number], unit, BASELINE, text[number])
        yield Measurement(f"{name}, OCR", scanned[number], unit, BASELINE, text[number])


def _cost(document: Path, count: int, store: str) -> tuple[float, float, float]:
    """Pages per hour of one core, KiB per page in the store, and in the picture store."""
    settings = load_settings().model_copy(update={"store": store, "workers": 1})
    with Diptych.open(settings) as diptych:
        diptych.ingest([write_leaflet(document.parent)])  # start the worker and load the models
        empty, before = _bytes(Path(store)), processor_seconds()
        (outcome,) = diptych.ingest([document])
        used = processor_seconds() - before
        assert (outcome.status, outcome.pages) == ("complete", count), outcome
        pictures = _bytes(diptych.pictures)
    stored = _bytes(Path(store)) - empty - pictures
    return 3600 * count / used, stored / count / 1024, pictures / count / 1024


def _bytes(folder: Path) -> int:
    """Bytes of the files on the disk, without holes."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def _write_scan(book: Path, scan: Path) -> None:
    with pymupdf().open(book) as source, pymupdf().open() as target:
        for number in range(SCANNED_PAGES):
            image = source[number].get_pixmap(dpi=SCAN_DPI).tobytes("jpeg")
            page = target.new_page(width=source[number].rect.width, height=source[number].rect.height)
            page.insert_image(page.rect, stream=image)
        target.save(scan)
