"""Images as they are sent to a model: upright, no larger than useful, and without metadata."""

from io import BytesIO
from pathlib import Path

from diptych.models.vision import ImagePart
from extractors.pictures.decode import normalise_image, open_image

_JPEG_QUALITY = 85


def prepare_image(file: Path, name: str, max_side: int, min_side: int = 1) -> ImagePart:
    """The image scaled down to `max_side` pixels, as PNG or JPEG, whichever is smaller.

    White margins pad sides below `min_side` pixels. The image is always re-encoded from its pixels, so that no
    location, camera, author or thumbnail in the file is sent. Raises `ExtractionError` with `name` when the file cannot
    be decoded.
    """
    from PIL import Image

    with open_image(file, name, stored=True) as opened:
        image = normalise_image(opened)
        scale = min(1.0, max_side / max(image.size))
        if scale < 1:
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            image = image.resize(size, Image.Resampling.LANCZOS)
    if min(image.size) < min_side:
        padded = Image.new(image.mode, (max(image.width, min_side), max(image.height, min_side)), "white")
        padded.paste(image, ((padded.width - image.width) // 2, (padded.height - image.height) // 2))
        image = padded
    pixels = Image.frombytes(image.mode, image.size, image.tobytes())  # without `info`, which encoders would write
    png, jpeg = BytesIO(), BytesIO()
    pixels.save(png, "PNG")
    pixels.save(jpeg, "JPEG", quality=_JPEG_QUALITY)
    if png.tell() <= jpeg.tell():
        return ImagePart(png.getvalue(), "image/png")
    return ImagePart(jpeg.getvalue(), "image/jpeg")
