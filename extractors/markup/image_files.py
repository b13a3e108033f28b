"""The images that a marked-up file refers to: beside it or within it, never on the web."""

import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from extractors.errors import ExtractionError

MAX_IMAGE_BYTES = 200 << 20


ImageFinder = Callable[[str], Callable[[], bytes]]
"""From the address of an image to a function that reads it, or raises `ExtractionError` with the reason why not."""


def image_finder(read: Callable[[str], bytes]) -> ImageFinder:
    """Finds the images of `data:` addresses; `read` gets all other addresses."""
    return lambda address: lambda: read_data_address(address) if address[:5].lower() == "data:" else read(address)


def images_beside(file: Path) -> ImageFinder:
    """Finds files below the folder of a file."""
    return image_finder(lambda address: _read_below(file.parent, address))


def read_data_address(address: str) -> bytes:
    """Return the content of a `data:` address. Raises `ExtractionError`."""
    kind, comma, content = address[5:].partition(",")
    if not comma:
        raise ExtractionError("the address of an image within the file is cut off")
    if not kind.lower().endswith(";base64"):
        return unquote_to_bytes(content)
    try:
        return base64.b64decode(unquote(content))
    except binascii.Error as error:
        raise ExtractionError("an image within the file is damaged") from error


def _read_below(folder: Path, address: str) -> bytes:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        raise ExtractionError("not fetched from the web; save the page with its images")
    root = folder.resolve()
    path = (root / unquote(parts.path)).resolve()
    if not path.is_relative_to(root):
        raise ExtractionError("outside of the folder of the file, where images are not read")
    try:
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise ExtractionError(f"larger than {MAX_IMAGE_BYTES >> 20} MiB")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ExtractionError("not beside the file; copy the images of the page with it") from error
