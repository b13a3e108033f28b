"""Pictures as PNG or JPEG bytes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from extractors.pictures import store
from extractors.pictures.decode import KEPT_AS_THEY_ARE, flatten
from extractors.types import ImageFile

if TYPE_CHECKING:
    from PIL import Image


_DRAWN_ALIKE = 0.6
"""Least share of equal neighbours in a drawn picture: pages of text have 0.75 to 0.95, photographs 0.05 to 0.4."""


_JPEG_QUALITY = 90


def encode(image: Image.Image) -> tuple[bytes, str]:
    """The picture as bytes, with the suffix of their format; transparency is laid on white.

    PNG for drawings, text and screenshots, JPEG for photographs. PNG takes about ten times as long (45 ms for a
    page at 150 dpi) and is no larger for text.
    """
    flat = flatten(image)
    file = BytesIO()
    if _is_photograph(flat):
        flat.save(file, "JPEG", quality=_JPEG_QUALITY)
        return file.getvalue(), ".jpg"
    flat.save(file, "PNG", compress_level=3)
    return file.getvalue(), ".png"


def _is_photograph(image: Image.Image) -> bool:
    """Neighbours seldom alike: noise and shades do that, flat ink and paper do not. Looks at some sixty rows."""
    import numpy as np

    rows = np.asarray(image)[:: max(1, image.height // 60)]
    if rows.shape[1] < 2:
        return False
    alike = rows[:, 1:] == rows[:, :-1]
    if alike.ndim == 3:
        alike = alike.all(axis=-1)
    return float(alike.mean()) < _DRAWN_ALIKE


def keep(image: Image.Image, folder: Path, own: bytes | None = None, file_format: str | None = None) -> ImageFile:
    """Store a picture: `own` are the bytes of its file, of `file_format`, where they can stay as they are."""
    if own is not None and file_format in KEPT_AS_THEY_ARE:
        return store.save(own, KEPT_AS_THEY_ARE[file_format], image.size, folder)
    data, suffix = encode(image)
    return store.save(data, suffix, image.size, folder)
