"""Pixels of PDF pages and of their images: PyMuPDF first, poppler (pdf2image) when MuPDF fails or draws nothing."""

from __future__ import annotations

import re
import sys
from functools import cache
from math import ceil, log2, sqrt
from types import ModuleType
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError
from extractors.pictures.decode import MAX_PIXELS, composite_on_white, flatten_image
from extractors.types import Box

if TYPE_CHECKING:
    import pymupdf as mupdf_types
    from PIL import Image


_POPPLER_SECONDS = 60
# Operators that put something on the page: text, images and forms, shadings, fills and strokes, inline images.
_PAINTS = re.compile(rb"(?<![A-Za-z*'\"])(?:Tj|TJ|'|\"|Do|sh|f\*?|F|S|s|B\*?|b\*?|BI)(?![A-Za-z*])")


@cache
def pymupdf() -> ModuleType:
    """The pymupdf module, imported once, when first needed.

    Its bundled layout model (2-4 s and some 60 MiB at import) is kept out: figures are found by geometry here.
    Single-threaded by design of MuPDF: one process, one thread.
    """
    sys.modules.setdefault("pymupdf.layout", None)  # type: ignore[arg-type]
    import pymupdf as module

    module.TOOLS.mupdf_display_errors(False)
    module.TOOLS.mupdf_display_warnings(False)
    return module  # type: ignore[no-any-return]


def render_page(page: mupdf_types.Page, dpi: float, clip: Box | None = None) -> Image.Image:
    """The page, or the part of it in `clip` (points, as displayed), as RGB pixels at `dpi`.

    The resolution is lowered where the result would pass `MAX_PIXELS`. When MuPDF fails, or draws nothing though
    the page has content, poppler draws it. Raises `ExtractionError` when neither can.
    """
    shown: Box = tuple(page.rect)
    box = shown if clip is None else _within(clip, shown)
    dpi = _bounded_dpi(dpi, box)
    reason = ""
    drawn: Image.Image | None = None
    try:
        drawn, blank = _draw(page, dpi, box)
        if not blank or not _has_content(page):
            return drawn
    except Exception as error:  # MuPDF raises bare and mapped C++ errors of many classes
        reason = f"MuPDF: {error}"
    try:
        return _poppler(page, dpi, None if clip is None else box)
    except Exception as error:  # poppler missing, timed out, crashed, or wrote nothing
        if drawn is not None:
            return drawn  # blank as MuPDF sees it: white text or an empty form also end here
        raise ExtractionError(
            f"{page.parent.name or 'the document'}: page {page.number + 1} cannot be drawn "
            f"({reason}; poppler: {error}); printing the file to a new PDF often mends it"
        ) from error


def decode_embedded_image(document: mupdf_types.Document, xref: int) -> Image.Image:
    """The embedded image `xref` with its own pixels, as RGB or grey; transparency is laid on white.

    Any colour space and compression that MuPDF reads. Images above `MAX_PIXELS` are decoded at a half, a quarter …
    of their size. Raises `ExtractionError` when the object is no image or broken.
    """
    try:
        pixels = _decode(document, xref)
        mask = document.xref_get_key(xref, "SMask")
        image = _to_pillow(pixels)
        if mask[0] == "xref":
            image = composite_on_white(image, _to_pillow(_decode(document, int(mask[1].split()[0]))))
        return image
    except Exception as error:  # as above: MuPDF's own classes, and Pillow's for impossible sizes
        name = document.name or "the document"
        raise ExtractionError(f"{name}: the embedded image {xref} cannot be read: {error}") from error


def _within(clip: Box, shown: Box) -> Box:
    """`clip` cut to the page and at least a point wide and high, for nothing can be drawn on no area."""
    x0 = min(max(clip[0], shown[0]), shown[2] - 1)
    y0 = min(max(clip[1], shown[1]), shown[3] - 1)
    return x0, y0, max(min(clip[2], shown[2]), x0 + 1), max(min(clip[3], shown[3]), y0 + 1)


def _bounded_dpi(dpi: float, box: Box) -> float:
    pixels = (box[2] - box[0]) * (box[3] - box[1]) * (dpi / 72) ** 2
    return dpi if pixels <= MAX_PIXELS else dpi * sqrt(MAX_PIXELS / pixels)


def _draw(page: mupdf_types.Page, dpi: float, box: Box) -> tuple[Image.Image, bool]:
    """MuPDF's drawing of `box`, and whether all of it has one colour."""
    module = pymupdf()
    matrix = module.Matrix(dpi / 72, dpi / 72)
    pixels = page.get_pixmap(matrix=matrix, clip=module.Rect(box), colorspace=module.csRGB, alpha=False)
    image = _to_pillow(pixels)
    return image, image.getcolors(1) is not None  # Pixmap.is_unicolor takes 0.1 s a page, this stops at once


def _has_content(page: mupdf_types.Page) -> bool:
    """True when the page's own content paints something (annotations apart)."""
    try:
        return _PAINTS.search(page.read_contents() or b"") is not None
    except Exception:  # a broken content stream: poppler may still know how to mend it
        return True


def _poppler(page: mupdf_types.Page, dpi: float, clip: Box | None) -> Image.Image:
    from pdf2image import convert_from_path
    from pdf2image.exceptions import PDFInfoNotInstalledError

    path = page.parent.name
    if not path:
        raise ValueError("the document is not a file")
    number = page.number + 1
    try:
        drawn = convert_from_path(
            path, dpi=dpi, first_page=number, last_page=number, use_cropbox=True, timeout=_POPPLER_SECONDS
        )
    except PDFInfoNotInstalledError:
        raise ValueError("not installed; install poppler-utils (apt, dnf) or poppler (brew, conda)") from None
    if not drawn:
        raise ValueError("it gave no page")
    image: Image.Image = drawn[0].convert("RGB")
    if clip is None:
        return image
    scale = image.width / page.rect.width, image.height / page.rect.height
    return image.crop(tuple(round(value * scale[axis % 2]) for axis, value in enumerate(clip)))


def _decode(document: mupdf_types.Document, xref: int) -> Any:
    """The image object as a Pixmap of at most `MAX_PIXELS`."""
    module = pymupdf()
    width, height = (int(document.xref_get_key(xref, key)[1]) for key in ("Width", "Height"))
    if width * height <= MAX_PIXELS:
        return module.Pixmap(document, xref)
    # Asked for a smaller size, MuPDF halves the image while it decodes, so that the full size is never in memory;
    # it stops halving two pixels above what was asked for (fz_get_pixmap_from_image).
    halvings = ceil(log2(width * height / MAX_PIXELS) / 2)
    wanted = ((width >> halvings) - 2, (height >> halvings) - 2)
    engine, far = module.mupdf, 1 << 30
    file = engine.pdf_document_from_fz_document(document.this)
    image = engine.pdf_load_image(file, engine.pdf_new_indirect(file, xref, 0))
    whole, matrix = engine.FzIrect(-far, -far, far, far), engine.FzMatrix(wanted[0], 0, 0, wanted[1], 0, 0)
    return module.Pixmap("raw", engine.fz_get_pixmap_from_image(image, whole, matrix)[0])


def _to_pillow(pixels: Any) -> Image.Image:
    from PIL import Image

    module = pymupdf()
    if pixels.colorspace is None:  # a stencil: its samples tell where ink goes
        return Image.frombytes("L", (pixels.width, pixels.height), pixels.samples).point(lambda value: 255 - value)
    if pixels.colorspace.n not in (1, 3) or pixels.colorspace.name not in ("DeviceRGB", "DeviceGray"):
        pixels = module.Pixmap(module.csRGB, pixels)
    mode = ("L" if pixels.colorspace.n == 1 else "RGB") + ("A" if pixels.alpha else "")
    return flatten_image(Image.frombytes(mode, (pixels.width, pixels.height), pixels.samples))
