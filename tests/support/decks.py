"""Build small slide decks with python-pptx, and extract them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from extractors.slides.extractor import extract
from extractors.slides.libreoffice import find_libreoffice
from extractors.types import Extraction, Options, Source

needs_libreoffice = pytest.mark.skipif(find_libreoffice() is None, reason="LibreOffice is not installed")
TEXT_ONLY = Options(page_images="none", ocr="off")


def png_file(size: tuple[int, int] = (120, 80)) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    file.seek(0)
    return file


def write_deck(path: Path, *fill: Callable[[Any], None]) -> Path:
    """Write a deck with one slide (layout: title only) for each function that fills one."""
    from pptx import Presentation

    presentation = Presentation()
    for number, function in enumerate(fill, 1):
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = f"Title {number}"
        function(slide)
    presentation.save(str(path))
    return path


def extract_deck(path: Path, options: Options = TEXT_ONLY) -> Extraction:
    return extract(Source(path, path.as_uri(), path.name, "0", "x"), options, path.parent / "pictures")


def passage_texts(extraction: Extraction, kind: str) -> list[str]:
    return [passage.text for passage in extraction.passages if passage.kind == kind]


def add_bullets(slide: Any) -> None:
    from pptx.util import Pt

    frame = slide.shapes.add_textbox(Pt(72), Pt(144), Pt(300), Pt(100)).text_frame
    frame.text = "Clean the filter weekly."
    inner = frame.add_paragraph()
    inner.text, inner.level = "Use cold water.", 1


def add_notes(slide: Any) -> None:
    slide.notes_slide.notes_text_frame.text = "Mention the warranty."
