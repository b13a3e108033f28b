"""What a change costs: a document of 100 pages ingested, then the same again, one page changed, one put in front."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.measure import Given, Measure, seconds
from bench.prose import made_text
from diptych.library.diptych import Diptych
from diptych.pipeline.ingest import Outcome
from diptych.settings import load_settings
from extractors.pdf.render import pymupdf

PAGES = 100
FIRST = "the first ingest"
TITLE = "A book of a hundred pages"
"""In the file and on its first page, where it still stands when another page is put in front: what is encoded of a
part begins with its document's title, so a new title encodes everything anew."""


def changes(_: Given) -> Iterator[Measure]:
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
        folder = Path(place) / "documents"
        folder.mkdir()
        book = folder / "book.pdf"
        _write(book, lambda _: None)
        settings = load_settings().model_copy(update={"store": f"{place}/store"})
        with Diptych.open(settings) as library:
            library.ingest([_leaflet(Path(place))])  # starts the worker and loads the model
            first, done = _ingest(library, book)
            again, outcome = _ingest(library, book)
            assert outcome.status == "unchanged"
            yield Measure("nothing changed", again, "s", FIRST, first)
            _write(book, _late)
            changed, outcome = _ingest(library, book)
            yield Measure(f"one page changed, {outcome.encoded} of {done.encoded} encoded", changed, "s", FIRST, first)
            _write(book, _late_and_front)
            moved, outcome = _ingest(library, book)
            yield Measure(f"one page in front, {outcome.encoded} encoded", moved, "s", FIRST, first)
            deleted = seconds(lambda: library.delete(["book.pdf"]))
            yield Measure("the document deleted", deleted, "s", FIRST, first)


def _late(document: Any) -> None:
    document[49].insert_text((60, 780), "A late addition to this page.")


def _front(document: Any) -> None:
    _page(document.new_page(0, width=595, height=842), PAGES + 1)


def _late_and_front(document: Any) -> None:
    _late(document)
    _front(document)


def _ingest(library: Diptych, path: Path) -> tuple[float, Outcome]:
    outcomes: list[Outcome] = []
    took = seconds(lambda: outcomes.extend(library.ingest([path])))
    assert outcomes[0].status in ("complete", "unchanged"), outcomes
    return took, outcomes[0]


def _leaflet(folder: Path) -> Path:
    path = folder / "leaflet.pdf"
    with pymupdf().open() as document:
        document.new_page().insert_text((60, 100), "A leaflet that warms everything up.")
        document.save(path)
    return path


def _write(path: Path, change: Callable[[Any], object]) -> None:
    """The book: every page has a heading, three paragraphs and a bar chart with its caption."""
    with pymupdf().open() as document:
        for number in range(1, PAGES + 1):
            _page(document.new_page(width=595, height=842), number)
        document[0].insert_text((60, 45), TITLE, fontsize=20)
        document.set_metadata({"title": TITLE})
        change(document)
        document.save(path)


def _page(page: Any, number: int) -> None:
    heading = made_text(f"heading {number}", 4)
    page.insert_text((60, 70), heading if number > PAGES else f"{number} {heading}", fontsize=15)
    for at in range(3):
        text = made_text(f"page {number} paragraph {at}", 95)
        page.insert_textbox((60, 90 + 130 * at, 535, 215 + 130 * at), text, fontsize=10)
    _chart(page, number)


def _chart(page: Any, number: int) -> None:
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
    page.insert_text((90, 725), f"Figure {number}: {made_text(f'caption {number}', 9)}", fontsize=9)
