"""Decode image files into what people see: upright, on a white ground, in sRGB with 8 bits per channel."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import inf, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from extractors.errors import ExtractionError, error_summary

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000
"""Larger images are scaled down to this size when they are decoded or rendered; about 120 MB as RGB."""

_DISPLAYABLE_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "MPO": ".jpg"}
"""Pillow's format -> suffix, for formats that browsers and encoders accept without conversion.

An MPO file is a camera's JPEG with more pictures behind the first, which is the one that every program shows.
"""
_STORED_FORMATS = ("PNG", "JPEG", "WEBP")
_FORMATS = (*_STORED_FORMATS, "TIFF", "GIF", "BMP", "DIB", "AVIF", "JPEG2000")
_ORIENTATION = 0x0112  # EXIF tag
_DEPTHS = (255, 4095, 65535)  # white in 8, 12 and 16 bits


# Broken EXIF and ICC data does not affect the pixels.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@contextmanager
def open_image(file: Path | bytes, name: str, *, stored: bool = False) -> Iterator[Image.Image]:
    """Open an image file without decoding its pixels; `name` is used in messages.

    `stored`: it is from the picture store and opened outside of a worker, so only by the decoders of the formats that
    are stored.

    Raises `ExtractionError` when the file is not an image, is damaged, or is too large to decode, also when that
    shows inside the block.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        content = BytesIO(file) if isinstance(file, bytes) else file
        with _decoding():
            opened = Image.open(content, formats=_STORED_FORMATS if stored else (*_FORMATS, *_heif(file)))
        with opened as image:
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = f"more than {Image.MAX_IMAGE_PIXELS:,} pixels, refused as a decompression bomb"
        raise ExtractionError(f"{name}: {reason}; scale it down first") from error
    except UnidentifiedImageError as error:
        raise ExtractionError(f"{name}: not an image of a known format; convert it to PNG or JPEG") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        reason = f"damaged or incomplete ({error_summary(error)})"
        raise ExtractionError(f"{name}: {reason}; copy or download it again") from error


def _heif(file: Path | bytes) -> tuple[str, ...]:
    """Return Pillow's name of the format if the file may be HEIC, and register its decoder then."""
    if isinstance(file, bytes):
        head = file[:8]
    else:
        with file.open("rb") as opened:
            head = opened.read(8)
    if head[4:] != b"ftyp":
        return ()
    import pillow_heif

    pillow_heif.register_heif_opener()
    return ("HEIF",)


@contextmanager
def _decoding() -> Iterator[None]:
    """Raise `ValueError` for the errors of Pillow's decoders that could also be bugs of the code around them."""
    try:
        yield
    except (TypeError, LookupError, RuntimeError, struct.error) as error:
        raise ValueError(str(error)) from error


def count_frames(image: Image.Image) -> int:
    """The number of frames, damaged ones included; `image` stays at its frame, which of HEIC is the main one.

    Of animations, only two are counted: to find a frame, all before it are decoded.
    """
    main, number = image.tell(), 0
    while number < (inf if image.format in ("TIFF", "HEIF", "MPO") else 2):
        try:
            seek_frame(image, number)
        except EOFError:
            break
        except (OSError, SyntaxError, ValueError):
            if image.tell() != number:  # it cannot be passed, to look for others behind it
                number += 1
                break
        number += 1
    image.seek(main)
    return max(number, 1)


def seek_frame(image: Image.Image, index: int) -> None:
    """Go to a frame, from 0. Raises `EOFError` behind the last one, `OSError`, `SyntaxError` or `ValueError`."""
    with _decoding():
        image.seek(index)


def normalise_image(image: Image.Image) -> Image.Image:
    """Decode an image to 8-bit RGB or grey: upright, in sRGB, on white, with at most `MAX_PIXELS` pixels."""
    from PIL import Image, ImageOps

    if image.width * image.height > (Image.MAX_IMAGE_PIXELS or inf):  # Pillow only warns up to twice this number
        raise Image.DecompressionBombError
    profile = image.info.get("icc_profile")
    with _decoding():
        image.load()
        upright: Image.Image = ImageOps.exif_transpose(image) or image
    if upright.mode.startswith(("I", "F")):
        upright = _convert_to_8_bits(upright)
    elif profile and upright.mode in ("RGB", "CMYK", "LAB"):
        upright = _convert_to_srgb(upright, profile)
    flat = flatten_image(upright)
    pixels = flat.width * flat.height
    if pixels > MAX_PIXELS:
        scale = sqrt(MAX_PIXELS / pixels)
        flat = flat.resize((max(1, int(flat.width * scale)), max(1, int(flat.height * scale))))
    return flat


def displayable_suffix(image: Image.Image) -> str:
    """Return the suffix of a file that can be displayed and encoded as it is, or "" if `normalise_image` is needed."""
    is_displayable = (
        image.mode in ("RGB", "L", "1", "P")
        and "transparency" not in image.info
        and image.getexif().get(_ORIENTATION, 1) == 1
        and (image.format == "MPO" or count_frames(image) == 1)
        and image.width * image.height <= MAX_PIXELS
    )
    return _DISPLAYABLE_SUFFIXES.get(image.format or "", "") if is_displayable else ""


def _convert_to_8_bits(image: Image.Image) -> Image.Image:
    """Convert 16- or 32-bit grey to 8 bits.

    Integers are scaled from the smallest of 8, 12 and 16 bits that holds them all; floats from their own range.
    """
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(np.asarray(image).astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I") and low >= 0 and high <= _DEPTHS[-1]:
        low, high = 0.0, float(next(white for white in _DEPTHS if high <= white))
    scaled = (values - low) * (255 / (high - low)) if high > low else values * 0
    return Image.fromarray(np.clip(scaled.round(), 0, 255).astype(np.uint8))


def _convert_to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    from PIL import ImageCms

    try:
        own_profile = ImageCms.ImageCmsProfile(BytesIO(profile))
        converted = ImageCms.profileToProfile(image, own_profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # a broken profile: conversion without it is close enough
        return image
    return converted or image


def flatten_image(image: Image.Image) -> Image.Image:
    """Convert an image to 8-bit RGB or grey, with transparent parts on white."""
    if image.mode in ("RGB", "L"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return composite_on_white(rgba.convert("RGB"), rgba.getchannel("A"))
    return image.convert("RGB")


def composite_on_white(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Lay an image on white through a mask (255 = opaque), at the larger of their two sizes."""
    from PIL import Image

    mask = mask.convert("L")
    if mask.size != image.size:
        size = max(mask.size, image.size, key=lambda size: size[0] * size[1])
        image, mask = image.resize(size), mask.resize(size)
    return Image.composite(image, Image.new(image.mode, image.size, "white"), mask)
