"""Image files as people see them: upright, on white, in sRGB with 8 bits, whatever the file holds."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from extractors.errors import ExtractionError

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112
# A JPEG of a camera with more pictures behind it (MPO) is shown by its first one everywhere.
KEPT_AS_THEY_ARE = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "MPO": ".jpg"}
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "DIB")
_TWELVE_BITS = 4095


class _Filters:
    """What Pillow warns of: silence, but an error for a bomb, while any thread has an image open.

    Warning filters belong to the process. Were each thread to set and restore its own, they would undo each other's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        from PIL import Image

        with self._lock:
            if self._inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")  # broken EXIF and ICC parts, which do not touch the pixels
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)


_FILTERS = _Filters()


@contextmanager
def opened(file: Path | bytes, name: str) -> Iterator[Image.Image]:
    """The image file, of which no pixels are decoded yet.

    Raises `ExtractionError`, also from inside the block, when it is no image, cut short, or too large to decode.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with _FILTERS, Image.open(BytesIO(file) if isinstance(file, bytes) else file, formats=_FORMATS) as image:
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ExtractionError(
            f"{name}: more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels; refused as a bomb, scale it down first"
        ) from error
    except UnidentifiedImageError as error:
        known = "PNG, JPEG, WebP, TIFF, GIF or BMP"
        raise ExtractionError(f"{name}: not a {known} picture, whatever its suffix says; convert it to one") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:  # what Pillow's decoders raise
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ExtractionError(f"{name}: broken or cut short ({reason}); copy or download it again") from error


def as_seen(image: Image.Image) -> Image.Image:
    """The frame as RGB or grey with 8 bits: turned as its EXIF data says, transparency on white, colours in sRGB."""
    from PIL import ImageOps

    profile = image.info.get("icc_profile")
    image.load()
    turned: Image.Image = ImageOps.exif_transpose(image) or image
    if turned.mode.startswith(("I", "F")):
        turned = _eight_bits(turned)
    elif profile and turned.mode in ("RGB", "CMYK", "LAB"):
        turned = _in_srgb(turned, profile)
    seen = flatten(turned)
    pixels = seen.width * seen.height
    if pixels > MAX_PIXELS:
        scale = sqrt(MAX_PIXELS / pixels)
        seen = seen.resize((max(1, int(seen.width * scale)), max(1, int(seen.height * scale))))
    return seen


def is_plain(image: Image.Image) -> bool:
    """True when the file itself can be shown and encoded as it is, with its own bytes."""
    return (
        image.format in KEPT_AS_THEY_ARE
        and image.mode in ("RGB", "L", "1", "P")
        and "transparency" not in image.info
        and image.getexif().get(_ORIENTATION, 1) == 1
        and (image.format == "MPO" or getattr(image, "n_frames", 1) == 1)
        and image.width * image.height <= MAX_PIXELS
    )


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits to 8: the least range of 8, 12 or 16 bits that holds it; floats are stretched."""
    import numpy as np
    from PIL import Image

    values = np.asarray(image).astype(np.float64)
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, float(next(full for full in (255, _TWELVE_BITS, 65535) if high <= full))
    scaled = (finite - low) * (255 / (high - low)) if high > low else finite * 0
    return Image.fromarray(np.clip(scaled.round(), 0, 255).astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    from PIL import ImageCms

    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # a broken profile: the plain conversion is near enough
        return image
    return converted or image


MAX_PIXELS = 40_000_000
"""No picture is drawn or decoded larger than this, whatever a file asks for."""


def flatten(image: Image.Image) -> Image.Image:
    """As RGB or grey (8 bit), transparency laid on white."""
    if image.mode in ("RGB", "L"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return on_white(rgba.convert("RGB"), rgba.getchannel("A"))
    return image.convert("RGB")


def on_white(image: Image.Image, mask: Image.Image) -> Image.Image:
    from PIL import Image

    mask = mask.convert("L")
    if mask.size != image.size:  # a mask may be finer than its picture: keep the finer of both
        size = max(mask.size, image.size, key=lambda size: size[0] * size[1])
        image, mask = image.resize(size), mask.resize(size)
    return Image.composite(image, Image.new(image.mode, image.size, "white"), mask)
