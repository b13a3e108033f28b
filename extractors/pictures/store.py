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
from extractors.errors import NO_SPACE, ExtractionError
from extractors.pictures.decode import flatten_image
from extractors.types import ImageFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

MIN_DRAWING_EVENNESS = 0.6
"""Share of horizontally adjacent pixels that are equal: text pages have 0.75 to 0.95, photographs 0.05 to 0.4."""
SAMPLED_ROWS = 60
"""Rows in which `MIN_DRAWING_EVENNESS` is measured."""
JPEG_QUALITY = 90
PNG_LEVEL = 3
"""Of zlib; 6 takes twice as long for files of the same size."""


def image_path(image: ImageFile, folder: Path) -> Path:
    """Return the path of an image in the picture store `folder`."""
    return folder / image.sha256[:2] / f"{image.sha256}{image.suffix}"


def save_image(image: Image.Image, folder: Path, own_bytes: bytes = b"", suffix: str = "") -> ImageFile:
    """Store an image: with the `own_bytes` of its file if their `suffix` is given, else encoded as PNG or JPEG."""
    if not suffix:
        own_bytes, suffix = encode_image(image)
    return save_image_bytes(own_bytes, suffix, image.size, folder)


def save_image_bytes(data: bytes, suffix: str, size: tuple[int, int], folder: Path) -> ImageFile:
    """Store encoded image bytes; `size` is (width, height) in pixels. Equal bytes share one file.

    Raises `ExtractionError`, transient, when the disk is full.
    """
    image = ImageFile(hashlib.sha256(data).hexdigest(), suffix, *size)
    target = image_path(image, folder)
    if target.exists():
        os.utime(target)  # a sweep spares recent files, which a running ingest may be about to refer to
    else:
        try:
            write_file(target, data)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            reason = f"{folder}: a picture cannot be stored ({error.strerror}); free some space"
            raise ExtractionError(reason, transient=True) from error
    return image


def encode_image(image: Image.Image) -> tuple[bytes, str]:
    """Return an image as encoded bytes and their suffix; transparent parts become white.

    Drawings, text and screenshots become PNG, photographs JPEG. PNG takes several times as long (20 ms for a page at
    150 dpi) but is no larger for text.
    """
    flat = flatten_image(image)
    if not _is_photograph(flat):
        return _encode_png(flat), ".png"
    file = BytesIO()
    flat.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue(), ".jpg"


def _encode_png(image: Image.Image) -> bytes:
    """PNG without filters. Pillow tries five on every row, and even areas compress as well without any."""
    import cv2
    import numpy as np

    pixels = np.asarray(image)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    settings = {
        cv2.IMWRITE_PNG_COMPRESSION: PNG_LEVEL,
        cv2.IMWRITE_PNG_FILTER: cv2.IMWRITE_PNG_FILTER_NONE,
        cv2.IMWRITE_PNG_STRATEGY: cv2.IMWRITE_PNG_STRATEGY_DEFAULT,
    }
    flags = [part for setting in settings.items() for part in setting]
    encoded: NDArray[np.uint8] = cv2.imencode(".png", pixels, flags)[1]
    return encoded.tobytes()


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
