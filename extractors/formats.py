"""A file in, its parts out. No network, no Prefect, no Qdrant, no models but OCR."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from extractors.errors import ExtractionError
from extractors.signatures import HEAD, mismatch
from extractors.types import Extraction, Options, Source

Extractor = Callable[[Source, Options, Path], Extraction]

EXTRACTORS: dict[str, str] = {
    ".pdf": "pdf",
    ".pptx": "slides", ".ppt": "slides", ".odp": "slides",
    ".png": "photos", ".jpg": "photos", ".jpeg": "photos", ".webp": "photos", ".tif": "photos", ".tiff": "photos",
    ".gif": "photos", ".bmp": "photos",
    ".csv": "catalog", ".jsonl": "catalog",
}  # fmt: skip
"""Suffix -> the module here whose `extract(source, options, pictures)` reads such files; loaded when first needed."""

VERSIONS: dict[str, int] = {"pdf": 4, "slides": 1, "photos": 1, "catalog": 2}
"""Module -> version; raise it when the same bytes give other parts, and stored documents are extracted anew."""


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Read one document; its images go to the folder `pictures`.

    Opens untrusted bytes in this process: `sandbox.Sandbox` runs this in one that can be killed.
    Raises `ExtractionError` when the document gives no parts at all.
    """
    module = EXTRACTORS.get(source.path.suffix.lower())
    if module is None:
        known = " ".join(EXTRACTORS)
        raise ExtractionError(f"{source.path}: no extractor reads {source.path.suffix or 'such'} files; known: {known}")
    if why := mismatch(module, _head(source.path)):
        raise ExtractionError(f"{source.name}: {why}")
    extractor = cast(Extractor, import_module(f"extractors.{module}.extractor").extract)
    return extractor(source, options, pictures)


def is_row(name: str) -> bool:
    """Whether a document's name or address is that of a catalogue's row, such as `products.csv#17`: it has no pages."""
    file, mark, _ = name.rpartition("#")
    return bool(mark) and EXTRACTORS.get(Path(file).suffix.lower()) == "catalog"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise ExtractionError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
