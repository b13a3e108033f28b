"""Pixels of PDF pages and embedded images, from PyMuPDF, or from poppler where MuPDF fails or draws nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from math import ceil, log2, sqrt
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError
from extractors.geometry import area
from extractors.pictures.decode import MAX_PIXELS, composite_on_white, flatten_image
from extractors.types import Box

if TYPE_CHECKING:
    import pymupdf as mupdf_types
    from PIL import Image

POPPLER_TIMEOUT = 30  # seconds for one page; half of what the sandbox allows by default

_PAINTING_OPERATOR = re.compile(rb"(?<![A-Za-z*'\"])(?:Tj|TJ|'|\"|Do|sh|f\*?|F|S|s|B\*?|b\*?|BI)(?![A-Za-z*])")
"""Shows text, images or forms, shadings, fills, strokes or inline images."""


@cache
def pymupdf() -> ModuleType:
    """Return the pymupdf module, imported on first use.

    What it imports as well and is not used here is kept out: its layout model, which takes 2 to 4 s and about 60 MiB,
    because `extractors.layout` finds figures by geometry; and pymupdf4llm with ONNX Runtime, half of its other time.
    MuPDF is single-threaded: use one thread per process.
    """
    kept_out = {"pymupdf.layout", "pymupdf4llm"} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]
    import pymupdf as module

    for name in kept_out:
        del sys.modules[name]  # other code of this process may import it
    module.TOOLS.unset_quad_corrections(True)  # boxes as fonts have them; pymupdf4llm does the same
    module.TOOLS.mupdf_display_errors(False)
    module.TOOLS.mupdf_display_warnings(False)
    return module  # type: ignore[no-any-return]


def open_pdf(path: Path) -> mupdf_types.Document:
    """Open a file as a PDF. Raises what MuPDF raises for a file that is none."""
    try:
        str(path).encode()
    except UnicodeEncodeError:  # MuPDF takes names in UTF-8 only
        return pymupdf().open(stream=path.read_bytes(), filetype="pdf")
    return pymupdf().open(path, filetype="pdf")


def unlock(document: mupdf_types.Document, passwords: Sequence[str]) -> bool:
    """Open an encrypted document with the first password that fits. Returns False if none does."""
    return not document.needs_pass or any(document.authenticate(password) for password in ("", *passwords))


def render_page(page: mupdf_types.Page, dpi: float, clip: Box | None = None) -> Image.Image:
    """Return the page, or the part of it in `clip` (points, as displayed), as RGB pixels.

    The resolution is reduced where the image would exceed `MAX_PIXELS`. Poppler draws the page when MuPDF fails, or
    draws nothing though the page has content. Raises `ExtractionError` when neither can draw it.
    """
    displayed: Box = tuple(page.rect)
    box = displayed if clip is None else _limit_clip(clip, displayed)
    pixels = area(box) * (dpi / 72) ** 2
    dpi = dpi if pixels <= MAX_PIXELS else dpi * sqrt(MAX_PIXELS / pixels)
    reason = ""
    drawn: Image.Image | None = None
    try:
        drawn, blank = _draw_with_mupdf(page, dpi, box)
        if not blank or not _has_content(page):
            return drawn
    except Exception as error:  # MuPDF raises C++ errors of many classes
        reason = f"MuPDF: {error}"
    try:
        return _draw_with_poppler(page, dpi, None if clip is None else box)
    except Exception as error:  # poppler is missing, timed out, crashed, or wrote nothing
        if drawn is not None:
            return drawn  # blank to MuPDF: white text or an empty form
        raise ExtractionError(
            f"{page.parent.name or 'the document'}: page {page.number + 1} cannot be drawn "
            f"({reason}; poppler: {error}). Printing the file to a new PDF often fixes it."
        ) from error


def decode_embedded_image(document: mupdf_types.Document, xref: int) -> Image.Image:
    """Return the embedded image `xref` with its own pixels, as RGB or grey on white.

    Images above `MAX_PIXELS` are decoded at a half, a quarter, ... of their size. Raises `ExtractionError` when the
    object is not an image, or broken.
    """
    try:
        image = _to_pillow(_decode(document, xref))
        kind, mask = document.xref_get_key(xref, "SMask")
        if kind == "xref":
            image = composite_on_white(image, _to_pillow(_decode(document, int(mask.split()[0]))))
        return image
    except Exception as error:  # MuPDF's many classes, and Pillow's errors for impossible sizes
        name = document.name or "the document"
        raise ExtractionError(f"{name}: the embedded image {xref} cannot be read: {error}") from error


def _limit_clip(clip: Box, displayed: Box) -> Box:
    """`clip` cut to the page, and at least a point wide and high because an empty area cannot be drawn."""
    x0 = min(max(clip[0], displayed[0]), displayed[2] - 1)
    y0 = min(max(clip[1], displayed[1]), displayed[3] - 1)
    return x0, y0, max(min(clip[2], displayed[2]), x0 + 1), max(min(clip[3], displayed[3]), y0 + 1)


def _draw_with_mupdf(page: mupdf_types.Page, dpi: float, box: Box) -> tuple[Image.Image, bool]:
    """The drawing, and whether it has only one colour."""
    module = pymupdf()
    matrix = module.Matrix(dpi / 72, dpi / 72)
    pixels = page.get_pixmap(matrix=matrix, clip=module.Rect(box), colorspace=module.csRGB, alpha=False)
    image = _to_pillow(pixels)
    return image, image.getcolors(1) is not None  # stops at the second colour; Pixmap.is_unicolor takes 0.1 s a page


def _has_content(page: mupdf_types.Page) -> bool:
    """Return True when the page itself paints something; annotations do not count."""
    try:
        return _PAINTING_OPERATOR.search(page.read_contents() or b"") is not None
    except Exception:  # a broken content stream, which poppler may be able to repair
        return True


def _draw_with_poppler(page: mupdf_types.Page, dpi: float, clip: Box | None) -> Image.Image:
    from pdf2image import convert_from_path
    from pdf2image.exceptions import PDFInfoNotInstalledError

    path = page.parent.name
    if not path:
        raise ValueError("the document is not a file")
    number = page.number + 1
    try:
        drawn = convert_from_path(
            path, dpi=dpi, first_page=number, last_page=number, use_cropbox=True, timeout=POPPLER_TIMEOUT
        )
    except PDFInfoNotInstalledError:
        raise ValueError("not installed; install poppler-utils (apt, dnf) or poppler (brew, conda)") from None
    if not drawn:
        raise ValueError("no image was written")
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
    # Asked for a smaller size, MuPDF halves the image while decoding, so that the full size is never in memory.
    # It stops halving two pixels above what was asked for (fz_get_pixmap_from_image).
    halvings = ceil(log2(width * height / MAX_PIXELS) / 2)
    wanted = ((width >> halvings) - 2, (height >> halvings) - 2)
    mupdf, far = module.mupdf, 1 << 30
    file = mupdf.pdf_document_from_fz_document(document.this)
    image = mupdf.pdf_load_image(file, mupdf.pdf_new_indirect(file, xref, 0))
    everything, matrix = mupdf.FzIrect(-far, -far, far, far), mupdf.FzMatrix(wanted[0], 0, 0, wanted[1], 0, 0)
    return module.Pixmap("raw", mupdf.fz_get_pixmap_from_image(image, everything, matrix)[0])


def _to_pillow(pixels: Any) -> Image.Image:
    from PIL import Image

    module = pymupdf()
    if pixels.colorspace is None:  # a stencil mask, whose samples say where ink goes
        return Image.frombytes("L", (pixels.width, pixels.height), pixels.samples).point(lambda value: 255 - value)
    if pixels.colorspace.n not in (1, 3) or pixels.colorspace.name not in ("DeviceRGB", "DeviceGray"):
        pixels = module.Pixmap(module.csRGB, pixels)
    mode = ("L" if pixels.colorspace.n == 1 else "RGB") + ("A" if pixels.alpha else "")
    return flatten_image(Image.frombytes(mode, (pixels.width, pixels.height), pixels.samples))
