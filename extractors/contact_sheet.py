"""An HTML contact sheet of one extraction: each page with its boxes in reading order, its crops and tables beside it.

The sheet is one file with a folder of page images, opened from disk. It has no script, and autoescaping (see
`contact_sheet.html`) keeps the words of a document from becoming markup.
"""

import os
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from extractors.errors import ExtractionError
from extractors.pdf.render import open_pdf, render_page
from extractors.pictures.store import image_path
from extractors.structure import count_structure
from extractors.table_grid import table_html
from extractors.types import WHOLE_KINDS, Box, Extraction

if TYPE_CHECKING:
    from jinja2 import Template

PAGE_DPI = 60.0
"""Resolution of page images that are rendered for the sheet."""
MAX_PAGES = 400
"""Pages on the sheet; with more, browsers become slow and nobody looks at them all."""

_KIND_NAMES = {
    "figure": "figures",
    "panel": "panels of figures",
    "table": "tables",
    "photo": "photos",
    "slide": "slides",
    "page": "page images",
}


class _PageImage(NamedTuple):
    path: Path
    width: float  # in points, as the boxes of the page
    height: float


class _Place(NamedTuple):
    first: int
    number: str
    """`3`, or `3–5` for passages in one place."""
    kind: str
    box: Box


def write_contact_sheet(extraction: Extraction, pictures: Path, out: Path) -> None:
    """Write the contact sheet to the file `out`; `pictures` is the picture store of the extraction.

    Page images go to a folder next to it with the same name. A page that cannot be rendered is shown by its crops.
    """
    from markupsafe import Markup

    images = _page_images(extraction, pictures, out.with_suffix(""))
    tables = (passage.page for passage in extraction.passages if passage.table)
    numbers = sorted({*images, *(p.page for p in extraction.pictures), *tables, *extraction.report.flagged_pages})
    html = _template().render(
        extraction=extraction,
        report=extraction.report,
        address=lambda path: quote(os.path.relpath(path, out.parent)),  # relative, so that the folder can be moved
        crop_path=lambda picture: image_path(picture.image, pictures),
        kinds=Counter(_KIND_NAMES[picture.kind] for picture in extraction.pictures),
        structure=count_structure(extraction),
        places=_places(extraction),
        table_html=lambda passage: Markup(table_html(passage.table, passage.caption)),
        pages=numbers[:MAX_PAGES],
        images=images,
        omitted=max(0, len(numbers) - MAX_PAGES),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(html, encoding="utf-8")


@cache  # compiling it takes longer than writing the sheet of a row
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("contact_sheet.html")


def _places(extraction: Extraction) -> dict[int, list[_Place]]:
    """Page number -> its passages in reading order, numbered from 1; parts of a table share their place."""
    places: dict[int, list[_Place]] = {}
    numbers = Counter[int]()
    for passage in extraction.passages:
        numbers[passage.page] += 1
        if passage.box:
            on_page = places.setdefault(passage.page, [])
            first, number = numbers[passage.page], str(numbers[passage.page])
            if on_page and on_page[-1].box == passage.box:
                first = on_page.pop().first
                number = f"{first}–{number}"
            on_page.append(_Place(first, number, passage.kind, passage.box))
    return places


def _page_images(extraction: Extraction, pictures: Path, folder: Path) -> dict[int, _PageImage]:
    """Return page number -> its image: the stored one, or (PDF only) one rendered into `folder`."""
    is_pdf = extraction.source.path.suffix.lower() == ".pdf"
    # The stored image of a page read by OCR may be turned upright, while boxes are those of the page as displayed.
    turned = extraction.report.ocr_pages if is_pdf else ()
    images = {
        picture.page: _PageImage(image_path(picture.image, pictures), *picture.box[2:])
        for picture in extraction.pictures
        if picture.kind in WHOLE_KINDS and picture.box and picture.page not in turned
    }
    if not is_pdf:
        return images
    try:
        document = open_pdf(extraction.source.path)
    except Exception:  # the file was moved or changed since: the sheet still shows the crops
        return images
    with document:
        for number in range(1, min(document.page_count, extraction.report.pages, MAX_PAGES) + 1):
            if number not in images:
                with suppress(ExtractionError, RuntimeError, ValueError):
                    page = document[number - 1]
                    image = render_page(page, PAGE_DPI).convert("RGB")
                    folder.mkdir(parents=True, exist_ok=True)
                    image.save(folder / f"{number:04}.jpg", quality=70)
                    images[number] = _PageImage(folder / f"{number:04}.jpg", page.rect.width, page.rect.height)
    return images
