"""The image of a page of text, read as a scanned page of a PDF: its paragraphs and tables in reading order."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

from extractors.layout.furniture import Furniture
from extractors.ocr.recognition import choose_engine
from extractors.pdf.page_extractor import PageContext, PageParts, extract_page
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from extractors.temporary_folder import TemporaryFolder
from extractors.timing import StageTimer
from extractors.types import Options

if TYPE_CHECKING:
    from PIL import Image

LONG_SIDE = 842.0  # points of the longer side of A4, which sizes and distances in the layout are made for
JPEG_QUALITY = 92


def read_scanned_page(image: Image.Image, number: int, options: Options) -> tuple[PageParts, int]:
    """Return the parts of page `number`, and the degrees clockwise by which it was turned upright.

    Boxes are in points of a page with a side of `LONG_SIDE`; image files of figures are not kept.
    """
    file = BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=JPEG_QUALITY)
    width, height = (side * LONG_SIDE / max(image.size) for side in image.size)
    with pymupdf().open() as document, TemporaryFolder() as folder:
        page = document.new_page(width=width, height=height)
        page.insert_image(page.rect, stream=file.getvalue(), keep_proportion=False)
        own = replace(options, page_images="none")
        context = PageContext(own, folder, Furniture(), choose_engine(options)[0], StageTimer())
        return extract_page(page, read_page(page, number), context, ()), page.rotation


def words_of(parts: PageParts) -> str:
    """Return the words of a page, line by line: of its paragraphs, tables and figures."""
    lines = [line for paragraph in parts.paragraphs for line in paragraph.lines]
    cells = [cell.text for table in parts.tables for cell in table.grid.cells]
    figures = [
        text for picture in parts.pictures if picture.kind == "figure" for text in (picture.words, picture.caption)
    ]
    return "\n".join(filter(None, [*lines, *cells, *figures]))
