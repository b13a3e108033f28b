"""The picture store: a folder of image files, each kept once under the hash of its bytes.

Extractions and payloads refer to images by hash, so pixels never travel through queues.
"""

from __future__ import annotations

import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from extractors.atomic_write import write_file
from extractors.pictures.decode import flatten_image
from extractors.types import ImageFile

if TYPE_CHECKING:
    from PIL import Image

MIN_DRAWING_EVENNESS = 0.6
"""Share of horizontally adjacent pixels that are equal: text pages have 0.75 to 0.95, photographs 0.05 to 0.4."""
SAMPLED_ROWS = 60
"""Rows in which `MIN_DRAWING_EVENNESS` is measured."""
JPEG_QUALITY = 90


def image_path(image: ImageFile, folder: Path) -> Path:
    """Return the path of an image in the picture store `folder`."""
    return folder / image.sha256[:2] / f"{image.sha256}{image.suffix}"


def save_image(image: Image.Image, folder: Path, own_bytes: bytes = b"", suffix: str = "") -> ImageFile:
    """Store an image: with the `own_bytes` of its file if their `suffix` is given, else encoded as PNG or JPEG."""
    if not suffix:
        own_bytes, suffix = encode_image(image)
    return save_image_bytes(own_bytes, suffix, image.size, folder)


def save_image_bytes(data: bytes, suffix: str, size: tuple[int, int], folder: Path) -> ImageFile:
    """Store encoded image bytes; `size` is (width, height) in pixels. Equal bytes share one file."""
    image = ImageFile(hashlib.sha256(data).hexdigest(), suffix, *size)
    target = image_path(image, folder)
    if target.exists():
        os.utime(target)  # a sweep spares recent files, which a running ingest may be about to refer to
    else:
        write_file(target, data)
    return image


def encode_image(image: Image.Image) -> tuple[bytes, str]:
    """Return an image as encoded bytes and their suffix; transparent parts become white.

    Drawings, text and screenshots become PNG, photographs JPEG. PNG takes about ten times as long (45 ms for a page
    at 150 dpi) but is no larger for text.
    """
    flat = flatten_image(image)
    file = BytesIO()
    if _is_photograph(flat):
        flat.save(file, "JPEG", quality=JPEG_QUALITY)
        return file.getvalue(), ".jpg"
    flat.save(file, "PNG", compress_level=3)
    return file.getvalue(), ".png"


def _is_photograph(image: Image.Image) -> bool:
    """Return True when adjacent pixels are rarely equal, because of noise and gradients."""
    import numpy as np

    rows = np.asarray(image)[:: max(1, image.height // SAMPLED_ROWS)]
    if rows.shape[1] < 2:
        return False
    equal = rows[:, 1:] == rows[:, :-1]
    if equal.ndim == 3:
        equal = equal.all(axis=-1)
    return float(equal.mean()) < MIN_DRAWING_EVENNESS
