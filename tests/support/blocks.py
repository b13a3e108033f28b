"""Extracting blocks, and what comes out of them, for tests of the readers of structured files."""

from __future__ import annotations

import io
from pathlib import Path

from extractors.blocks.assembly import extract_blocks
from extractors.blocks.types import BlockDocument, Content
from extractors.formats import extract_document
from extractors.types import Extraction, Options, Source

OPTIONS = Options(ocr="off")


def source_of(path: Path) -> Source:
    return Source(path, path.as_uri(), path.name, "0" * 64, "")


def extract_file(path: Path, options: Options = OPTIONS) -> Extraction:
    """Extract a file with the extractor of its suffix; its pictures go to a folder beside it."""
    return extract_document(source_of(path), options, path.parent / "pictures")


def extract_content(folder: Path, *blocks: Content, title: str = "", pages: int = 0) -> Extraction:
    return extract_blocks(source_of(folder / "file"), BlockDocument(blocks, title, pages), OPTIONS, folder / "pictures")


def png(width: int = 200, height: int = 100, colour: str = "navy") -> bytes:
    """A PNG file with a rectangle on white."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((width // 4, height // 4, width // 2, height // 2), fill=colour)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
