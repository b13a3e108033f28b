"""The cost of changes: ingest a document of 100 pages, then again unchanged, with a page changed, and one added."""

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.measurement import BenchOptions, Measurement, time_call
from bench.synthetic_text import random_text
from diptych.library.diptych import Diptych
from diptych.pipeline.ingest import Outcome
from diptych.settings import load_settings
from extractors.pdf.render import pymupdf

PAGES = 100
BASELINE = "the first ingest"
TITLE = "A book of a hundred pages"
"""In the metadata and on the first page. The title must not change when a page is added in front, because the encoded
text of every part begins with it."""


def changes(_: BenchOptions) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
        folder = Path(place) / "documents"
        folder.mkdir()
        book = folder / "book.pdf"
        write_book(book)
        settings = load_settings().model_copy(update={"store": f"{place}/store"})
        with Diptych.open(settings) as diptych:
            diptych.ingest([write_leaflet(Path(place))])  # start the worker and load the model
            first, done = _ingest(diptych, book)
            again, outcome = _ingest(diptych, book)
            assert outcome.status == "unchanged"
            yield Measurement("nothing changed", again, "s", BASELINE, first)
            write_book(book, change=_change_page)
            changed, outcome = _ingest(diptych, book)
            yield Measurement(
                f"one page changed, {outcome.encoded} of {done.encoded} encoded", changed, "s", BASELINE, first
            )
            write_book(book, change=_change_and_add_page)
            moved, outcome = _ingest(diptych, book)
            yield Measurement(f"one page in front, {outcome.encoded} encoded", moved, "s", BASELINE, first)
            deleted = time_call(lambda: diptych.delete(["book.pdf"]))
            yield Measurement("the document deleted", deleted, "s", BASELINE, first)


def _change_page(document: Any) -> None:
    document[49].insert_text((60, 780), "A late addition to this page.")


def _add_page(document: Any) -> None:
    _write_page(document.new_page(0, width=595, height=842), PAGES + 1)


def _change_and_add_page(document: Any) -> None:
    _change_page(document)
    _add_page(document)


def _ingest(diptych: Diptych, path: Path) -> tuple[float, Outcome]:
    outcomes: list[Outcome] = []
    took = time_call(lambda: outcomes.extend(diptych.ingest([path])))
    assert outcomes[0].status in ("complete", "unchanged"), outcomes
    return took, outcomes[0]


def write_leaflet(folder: Path) -> Path:
    path = folder / "leaflet.pdf"
    with pymupdf().open() as document:
        document.new_page().insert_text((60, 100), "A leaflet that warms everything up.")
        document.save(path)
    return path


def write_book(
    path: Path, pages: int = PAGES, change: Callable[[Any], object] = lambda _: None, *, first: int = 1
) -> None:
    """Write a PDF whose pages have a heading, three paragraphs and a bar chart with a caption.

    `first`: the number of the first page, on which everything on the pages depends.
    """
    with pymupdf().open() as document:
        for number in range(first, first + pages):
            _write_page(document.new_page(width=595, height=842), number)
        document[0].insert_text((60, 45), TITLE, fontsize=20)
        document.set_metadata({"title": TITLE})
        change(document)
        document.save(path)


def _write_page(page: Any, number: int) -> None:
    heading = random_text(f"heading {number}", 4)
    page.insert_text((60, 70), heading if number > PAGES else f"{number} {heading}", fontsize=15)
    for at in range(3):
        text = random_text(f"page {number} paragraph {at}", 95)
        page.insert_textbox((60, 90 + 130 * at, 535, 215 + 130 * at), text, fontsize=10)
    _draw_chart(page, number)


def _draw_chart(page: Any, number: int) -> None:
    heights = random.Random(number)
    shape = page.new_shape()
    for bar in range(8):
        x, height = 100 + 45 * bar, heights.uniform(20, 180)
        shape.draw_rect((x, 690 - height, x + 30, 690))
        page.insert_text((x, 704), f"Q{bar + 1}", fontsize=8)
    shape.finish(fill=(0.2, 0.4, 0.6), color=(0.1, 0.1, 0.1))
    shape.draw_line((90, 690), (470, 690))
    shape.finish(color=(0, 0, 0))
    shape.commit()
    page.insert_text((90, 725), f"Figure {number}: {random_text(f'caption {number}', 9)}", fontsize=9)
