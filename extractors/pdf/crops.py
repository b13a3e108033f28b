"""Images of figures, tables and whole pages, saved in the picture store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError
from extractors.geometry import expand_box
from extractors.layout.figures.figures import Figure
from extractors.pdf.render import decode_embedded_image, open_pdf, render_page, unlock
from extractors.pictures.store import save_image, save_image_bytes
from extractors.types import Box, ImageFile, PageImage

if TYPE_CHECKING:
    from PIL import Image

MARGIN = 2.0  # points around a crop, so that no stroke at its edge is cut
PREVIEW_DPI = 110  # resolution of `save_crop_of_file`
MAX_PAGE_SIDE = 4000  # pixels of a page image's longer side: larger ones take megabytes
GRAPHIC_SAMPLE, GRAPHIC_PALETTE, MAIN_COLOURS = 160, 64, 8
MIN_MAIN_COLOUR_SHARE = 0.55  # of a graphic, in its 8 main colours of 64 at 160 x 160 pixels; a photo's are spread


def save_figure(page: Any, figure: Figure, dpi: int, folder: Path) -> tuple[ImageFile, Image.Image | None]:
    """Save a figure: the embedded image where it is one upright image and nothing else, else as drawn on the page.

    Returns its pixels as well, unless the file has others. Raises `ExtractionError` when it cannot be drawn.
    """
    if figure.alone and figure.rasters[0].xref:
        try:
            return _save_embedded_image(page.parent, figure.rasters[0].xref, folder)
        except ExtractionError:
            pass  # drawing the page may use another decoder
    return _save_pixels(_draw_crop(page, figure.box, dpi), folder)


def save_crop(page: Any, box: Box, dpi: int, folder: Path) -> ImageFile:
    """Save a part of the page, with a margin. Raises `ExtractionError`."""
    return save_image(_draw_crop(page, box, dpi), folder)


def _draw_crop(page: Any, box: Box, dpi: int) -> Image.Image:
    return render_page(page, dpi, expand_box(box, MARGIN))


def _save_pixels(image: Image.Image, folder: Path) -> tuple[ImageFile, Image.Image | None]:
    saved = save_image(image, folder)
    return saved, image if saved.suffix == ".png" else None  # a JPEG file has slightly different ones


def save_page_image(page: Any, dpi: int, folder: Path) -> ImageFile:
    """Save the whole page as displayed. Raises `ExtractionError`."""
    inches = max(page.rect.width, page.rect.height) / 72
    return save_image(render_page(page, min(dpi, MAX_PAGE_SIDE / max(inches, 0.1))), folder)


def save_crop_of_file(
    path: Path, number: int, box: Box, folder: Path, passwords: Sequence[str] = (), *, dpi: int = PREVIEW_DPI
) -> ImageFile:
    """Save a part of page `number` of a PDF, to show to a person. Raises `ExtractionError`."""
    with _open_page(path, number, passwords) as page:
        return save_crop(page, box, dpi, folder)


def save_page_of_file(path: Path, number: int, folder: Path, passwords: Sequence[str] = ()) -> PageImage:
    """Save page `number` of a PDF as displayed, to show to a person. Raises `ExtractionError`."""
    with _open_page(path, number, passwords) as page:
        return PageImage(save_page_image(page, PREVIEW_DPI, folder), page.rect.width, page.rect.height)


@contextmanager
def _open_page(path: Path, number: int, passwords: Sequence[str]) -> Iterator[Any]:
    try:
        with open_pdf(path) as document:
            if not unlock(document, passwords) or not 1 <= number <= len(document):
                raise ExtractionError(f"{path}: has no page {number} that can be read")
            yield document[number - 1]
    except (RuntimeError, ValueError) as error:  # the base classes of MuPDF's errors
        raise ExtractionError(f"{path}: page {number} cannot be drawn ({error})") from error


def is_graphic(image: Image.Image) -> bool:
    """Return True for charts, screenshots and diagrams, and False for photographs."""
    colours = image if image.mode == "L" else image.convert("RGB")  # grey is scaled in a third of the time
    small = colours.resize((GRAPHIC_SAMPLE, GRAPHIC_SAMPLE)).convert("RGB").quantize(GRAPHIC_PALETTE)
    counts = sorted((count for count, _ in small.getcolors() or []), reverse=True)
    return sum(counts[:MAIN_COLOURS]) > MIN_MAIN_COLOUR_SHARE * GRAPHIC_SAMPLE**2


def _save_embedded_image(document: Any, xref: int, folder: Path) -> tuple[ImageFile, Image.Image | None]:
    if data := _plain_jpeg(document, xref):
        width, height = (int(document.xref_get_key(xref, key)[1]) for key in ("Width", "Height"))
        return save_image_bytes(data, ".jpg", (width, height), folder), None
    return _save_pixels(decode_embedded_image(document, xref), folder)


def _plain_jpeg(document: Any, xref: int) -> bytes | None:
    """The image's stream, if JPEG viewers show it as PDF viewers do: no masks, no mapping of colours, grey or RGB."""
    keys = {key: document.xref_get_key(xref, key) for key in ("Filter", "ColorSpace", "SMask", "Mask", "Decode")}
    if any(keys[key][0] != "null" for key in ("SMask", "Mask", "Decode")):
        return None
    if keys["Filter"][1].strip("[] ") != "/DCTDecode" or not _is_grey_or_rgb(document, *keys["ColorSpace"]):
        return None
    data: bytes = document.xref_stream_raw(xref) or b""
    return data if data.startswith(b"\xff\xd8") and document.xref_get_key(xref, "Width")[0] == "int" else None


def _is_grey_or_rgb(document: Any, kind: str, value: str) -> bool:
    text = document.xref_object(int(value.split()[0])) if kind == "xref" else value
    if profile := re.search(r"/ICCBased\s+(\d+)", text):
        return document.xref_get_key(int(profile[1]), "N")[1] in ("1", "3")
    return text.strip() in ("/DeviceRGB", "/DeviceGray")
