"""Preparing a page's image for OCR: grey, scaled, evenly lit, and with level lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from extractors.types import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

LONG_SIDE = 1800  # pixels of the longer side; on most pages, finer rendering gains nothing
MAX_ENLARGEMENT = 2.0  # enlarging further only takes longer

# Light. Photographed pages are darker at one side, where a global threshold loses the letters.
LIGHT_SIDE = 300  # pixels of the image in which the shade of the paper is measured
PAPER_WINDOW = 31  # of its pixels, wider than strokes and narrower than shadows
MIN_SHADE_RANGE = 60  # levels of 256 between light and dark paper; less is the tint of a page
MAX_DARK_SHARE = 0.3  # share of the page with dark paper; more are pictures and slides

DARK_PAGE, DARK_SHARE = 100, 0.7  # level of 256, and share of a page below it: dark bands and shapes cover less

# Skew, in degrees.
SKEW_SIDE = 800  # pixels of the image in which the slope of the lines is measured
MAX_SKEW, SKEW_STEP, SKEW_FINE_STEP = 5.0, 0.5, 0.1
MIN_SKEW = 0.4  # less does not disturb the reading of lines
MIN_SKEW_GAIN = 1.1  # by how much the rows of a page must stand out better than at 0: others are pictures


def prepare(image: Image.Image, long_side: int = LONG_SIDE) -> tuple[Image.Image, float]:
    """Return the image in grey and evenly lit, its longer side scaled to `long_side`, and the scale factor.

    Dark pages are inverted: Tesseract would read the lines of light letters that it finds, but it finds fewer of them.
    """
    import numpy as np
    from PIL import Image, ImageOps

    from extractors.pictures.decode import flatten_image

    grey = flatten_image(image).convert("L")
    scale = min(long_side / max(grey.size), MAX_ENLARGEMENT)
    size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
    grey = grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    if np.quantile(np.asarray(grey), DARK_SHARE) < DARK_PAGE:
        grey = ImageOps.invert(grey)
    return _even_light(grey), scale


def _even_light(grey: Image.Image) -> Image.Image:
    """The image divided by the shade of its paper, if that changes gradually over the page."""
    import cv2
    import numpy as np
    from PIL import Image

    pixels = np.asarray(grey)
    factor = min(1.0, LIGHT_SIDE / max(grey.size))
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((5, 5), np.uint8)), PAPER_WINDOW)
    dark, light = np.percentile(paper, (5, 95))
    if light - dark < MIN_SHADE_RANGE or float((paper < light / 2).mean()) > MAX_DARK_SHARE:
        return grey
    shade = cv2.resize(paper, (grey.width, grey.height), interpolation=cv2.INTER_LINEAR)
    return Image.fromarray(cv2.divide(pixels, np.maximum(shade, 1), scale=float(light)))


def find_skew(grey: Image.Image) -> float:
    """Return the degrees clockwise by which the lines of text slope, also of a sideways page; 0 for pictures."""
    import cv2
    import numpy as np

    pixels = np.asarray(grey)
    factor = min(1.0, SKEW_SIDE / max(grey.size))
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    _, ink = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)

    def contrast(angle: float) -> float:
        """How much the rows, or the columns, of pixels differ in ink once the page is turned back by `angle`."""
        turned = _turned(np.asarray(ink, np.uint8), -angle, (0,))
        sums = (turned.sum(axis=axis, dtype=np.int64) for axis in (0, 1))
        return max(float((np.diff(ink) ** 2).sum()) for ink in sums)

    best = max(np.arange(-MAX_SKEW, MAX_SKEW + SKEW_STEP, SKEW_STEP), key=contrast)
    best = max(np.arange(best - SKEW_STEP, best + SKEW_STEP, SKEW_FINE_STEP), key=contrast)
    is_skewed = abs(best) >= MIN_SKEW and contrast(best) > MIN_SKEW_GAIN * contrast(0.0)
    return round(float(best), 1) if is_skewed else 0.0


def straighten(image: Image.Image, skew: float) -> Image.Image:
    """Return the image, grey or RGB, of the same size with its lines level."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(image)
    paper = np.median(pixels.reshape(image.height * image.width, -1), axis=0)
    return Image.fromarray(_turned(pixels, -skew, paper.tolist()))


def _turned(pixels: NDArray[np.uint8], angle: float, fill: Sequence[float]) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)  # OpenCV turns anticlockwise
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderValue=fill), np.uint8)


def slope_back(box: Box, skew: float, size: tuple[float, float]) -> Box:
    """Return the box on the skewed image around what a box of the straightened one holds; `size` of both images."""
    cos, sin = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    x, y = (box[0] + box[2] - size[0]) / 2, (box[1] + box[3] - size[1]) / 2
    x, y = x * cos - y * sin + size[0] / 2, x * sin + y * cos + size[1] / 2
    across, down = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    across, down = across * cos + down * abs(sin), down * cos + across * abs(sin)
    return (max(x - across, 0.0), max(y - down, 0.0), min(x + across, size[0]), min(y + down, size[1]))
