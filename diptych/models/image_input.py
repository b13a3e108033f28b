"""Pictures as they are sent to a model: upright, no larger than is of use to it, and nothing in them but pixels."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from diptych.models.vision import ImagePart
from extractors.pictures.decode import normalise_image, open_image

_JPEG_QUALITY = 85


def prepare_image(file: Path, name: str, most: int, least: int = 1) -> ImagePart:
    """The picture with its longer side at most `most` pixels, as PNG or JPEG, whichever has fewer bytes.

    One that is thinner than `least` pixels gets a white margin up to there.
    It is always encoded anew, so that no place, camera, author or preview that the file holds leaves the house.
    Raises `ExtractionError`, which says `name`, when the file is no picture or cannot be decoded.
    """
    from PIL import Image

    with open_image(file, name) as image:
        seen = normalise_image(image)
        scale = min(1.0, most / max(seen.size))
        if scale < 1:
            size = max(1, round(seen.width * scale)), max(1, round(seen.height * scale))
            seen = seen.resize(size, Image.Resampling.LANCZOS)
    if min(seen.size) < least:
        margin = Image.new(seen.mode, (max(seen.width, least), max(seen.height, least)), "white")
        margin.paste(seen, ((margin.width - seen.width) // 2, (margin.height - seen.height) // 2))
        seen = margin
    # A new image of the pixels alone: encoders write what `info` holds.
    bare = Image.frombytes(seen.mode, seen.size, seen.tobytes())
    png, jpeg = BytesIO(), BytesIO()
    bare.save(png, "PNG")
    bare.save(jpeg, "JPEG", quality=_JPEG_QUALITY)
    if png.tell() <= jpeg.tell():
        return ImagePart(png.getvalue(), "image/png")
    return ImagePart(jpeg.getvalue(), "image/jpeg")
