"""Pictures on disk: each stored once, under the hash of its bytes, so that they never travel through a queue."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from extractors.types import ImageFile


def path_of(image: ImageFile, folder: Path) -> Path:
    """Where `image` lies below the picture folder."""
    return folder / image.sha256[:2] / f"{image.sha256}{image.suffix}"


def save(data: bytes, suffix: str, size: tuple[int, int], folder: Path) -> ImageFile:
    """Keep encoded image bytes (`.png`, `.jpg`, `.webp`) of `size` (width, height) pixels; same bytes, same file.

    Written beside its place and renamed, so that a kill leaves no half picture.
    """
    image = ImageFile(hashlib.sha256(data).hexdigest(), suffix, *size)
    target = path_of(image, folder)
    if target.exists():
        os.utime(target)  # young again: a sweep leaves pictures alone that a running ingest may be about to refer to
        return image
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".draft-")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(draft).replace(target)
    return image
