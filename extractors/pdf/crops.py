"""Pixels of what was found: figures, tables and whole pages, kept in the picture store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError
from extractors.geometry import expand_box
from extractors.layout.figures import Figure
from extractors.pdf import render
from extractors.pictures.store import encode_image, save_image_bytes
from extractors.types import Box, ImageFile

if TYPE_CHECKING:
    from PIL import Image

_FLAT = 0.55
"""Least share of a drawn picture that its eight most frequent colours (of 64) cover."""
_MARGIN = 2.0
"""Points around a crop, so that no stroke at its edge is cut."""
_LOOK_DPI = 110
_LONGEST_PAGE = 4000
"""Pixels of a page image's longer side: a poster is looked at as a whole, its figures apart."""


def save_figure(page: Any, figure: Figure, dpi: int, folder: Path) -> ImageFile:
    """A figure: with its own pixels where it is one upright image, else as drawn on the page.

    Raises `ExtractionError` when it cannot be drawn.
    """
    if figure.alone and figure.rasters[0].xref:
        try:
            return save_embedded_image(page.parent, figure.rasters[0].xref, folder)
        except ExtractionError:
            pass  # the page as a whole is drawn by other means, which may know how
    return save_crop(page, figure.box, dpi, folder)


def save_crop(page: Any, box: Box, dpi: int, folder: Path) -> ImageFile:
    image = render.render_page(page, dpi, expand_box(box, _MARGIN))
    data, suffix = encode_image(image)
    return save_image_bytes(data, suffix, image.size, folder)


def save_crop_of_file(path: Path, number: int, box: Box, folder: Path) -> ImageFile:
    """A place on page `number` of a PDF, for a person to look at. Raises `ExtractionError`."""
    try:
        with render.pymupdf().open(path, filetype="pdf") as document:
            if document.needs_pass or not 1 <= number <= len(document):
                raise ExtractionError(f"{path}: has no page {number} that can be read")
            return save_crop(document[number - 1], box, _LOOK_DPI, folder)
    except (RuntimeError, ValueError) as error:  # MuPDF's own are of these kinds
        raise ExtractionError(f"{path}: page {number} cannot be drawn ({error})") from error


def save_embedded_image(document: Any, xref: int, folder: Path) -> ImageFile:
    """An embedded image: the file's own bytes where they are a plain JPEG, else encoded anew."""
    if data := _plain_jpeg(document, xref):
        width, height = (int(document.xref_get_key(xref, key)[1]) for key in ("Width", "Height"))
        return save_image_bytes(data, ".jpg", (width, height), folder)
    image = render.decode_embedded_image(document, xref)
    data, suffix = encode_image(image)
    return save_image_bytes(data, suffix, image.size, folder)


def save_page_image(page: Any, dpi: int, folder: Path) -> ImageFile:
    """The page as it is displayed."""
    longest = max(page.rect.width, page.rect.height) / 72
    image = render.render_page(page, min(dpi, _LONGEST_PAGE / max(longest, 0.1)))
    data, suffix = encode_image(image)
    return save_image_bytes(data, suffix, image.size, folder)


def is_drawn(image: Image.Image) -> bool:
    """True for charts, screenshots, diagrams: a few colours cover most of them, as they never do a photograph."""
    small = image.convert("RGB").resize((160, 160)).quantize(64)
    counts = sorted((count for count, _ in small.getcolors() or []), reverse=True)
    return sum(counts[:8]) > _FLAT * 160 * 160


def _plain_jpeg(document: Any, xref: int) -> bytes | None:
    """The stream itself, if a viewer of JPEG files shows the same as a viewer of the PDF."""
    keys = {key: document.xref_get_key(xref, key) for key in ("Filter", "ColorSpace", "SMask", "Mask", "Decode")}
    if any(keys[key][0] != "null" for key in ("SMask", "Mask", "Decode")):
        return None
    if keys["Filter"][1] not in ("/DCTDecode", "[/DCTDecode]", "[ /DCTDecode ]"):
        return None
    if not _is_plain(document, *keys["ColorSpace"]):
        return None
    data: bytes = document.xref_stream_raw(xref) or b""
    return data if data.startswith(b"\xff\xd8") and document.xref_get_key(xref, "Width")[0] == "int" else None


def _is_plain(document: Any, kind: str, value: str) -> bool:
    """Grey or RGB, calibrated or not: what a JPEG without a profile is taken for."""
    text = document.xref_object(int(value.split()[0])) if kind == "xref" else value
    if profile := re.search(r"/ICCBased\s+(\d+)", text):
        return document.xref_get_key(int(profile[1]), "N")[1] in ("1", "3")
    return text.strip() in ("/DeviceRGB", "/DeviceGray")
