"""What of an image OCR did not read, by its sharp edges: letters that were not found, or pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from extractors.ocr.engines import Word

if TYPE_CHECKING:
    from PIL import Image

MIN_EDGE = 60  # difference of adjacent pixels (of 255) at a sharp edge; paper grain and shading stay below


def unread_share(words: Sequence[Word], image: Image.Image) -> float:
    """Share of the sharp edges that lie outside of all words: letters that were not found, or pictures."""
    import numpy as np

    # Every second pixel each way is enough.
    edges = np.abs(np.diff(np.asarray(image, dtype=np.int16)[::2, ::2], axis=1)) > MIN_EDGE
    total = int(edges.sum())
    for word in words:
        x0, y0, x1, y1 = (max(0, int(value / 2)) for value in word.box)
        edges[max(0, y0 - 1) : y1 + 2, max(0, x0 - 1) : x1 + 2] = False
    return float(edges.sum()) / total if total else 0.0


def erase_words(image: Image.Image, words: Sequence[Word]) -> Image.Image:
    """Paint over words in the shade behind them, so that they are not read twice."""
    import numpy as np
    from PIL import Image

    pixels = np.array(image)
    for word in words:
        x0, y0, x1, y1 = (max(0, int(value)) for value in word.box)
        part = pixels[y0 : y1 + 1, x0 : x1 + 1]
        if part.size:
            part[...] = np.median(part)  # letters cover less than half of their box
    return Image.fromarray(pixels)
