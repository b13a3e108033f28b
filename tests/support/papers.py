"""Small documents made for the tests."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from extractors.pdf.render import pymupdf
from extractors.types import FileState, Source

LEAFLET_PAGES = [
    "1 The pump\n\nThe circulation pump keeps the water in the red loop moving. It runs at two speeds, and its bearing "
    "is greased once a year. Figure 1 shows where the valve sits.",
    "2 The valve\n\nThe green valve opens to the left. Close it before the filter is cleaned, and wait until the gauge "
    "reads zero.",
]


def write_library(folder: Path) -> Path:
    """A leaflet of two pages with one drawing, a photo, and a catalogue of two products."""
    write_leaflet(folder / "leaflet.pdf")
    write_photo(folder / "poster.png", "MIND THE STEAM")
    write_photo(folder / "pictures" / "jacket.png", "")
    write_photo(folder / "pictures" / "boots.png", "")
    (folder / "products.csv").write_text(
        "id,name,price,category,image,description\n"
        "1,Rain jacket,129.5,jackets,pictures/jacket.png,A light jacket for heavy rain.\n"
        "2,Hill boots,210,shoes,pictures/boots.png,Boots with a stiff sole for steep ground.\n"
    )
    return folder


def write_leaflet(path: Path, pages: int = 2) -> Path:
    """A PDF with text on every page, and on the first a vector drawing with a caption."""
    with pymupdf().open() as document:
        for number in range(pages):
            page = document.new_page(width=420, height=595)
            page.insert_textbox((40, 40, 380, 200), LEAFLET_PAGES[number % len(LEAFLET_PAGES)], fontsize=11)
            if number == 0:
                _draw_figure(page)
        document.save(path)
    return path


def _draw_figure(page: Any) -> None:
    shape = page.new_shape()
    for step in range(5):
        shape.draw_circle((120 + 40 * step, 300), 18)
        shape.draw_line((120 + 40 * step, 282), (140 + 40 * step, 330))
    shape.draw_rect((90, 260, 320, 345))
    shape.finish(color=(0.1, 0.3, 0.5), fill=(0.85, 0.9, 0.95), width=1.2)
    shape.commit()
    page.insert_text((90, 368), "Figure 1: The green valve beside the pump.", fontsize=10)


def write_paper(path: Path, sentence: str) -> Path:
    """A PDF of one page with one sentence."""
    with pymupdf().open() as document:
        document.new_page(width=420, height=595).insert_textbox((40, 40, 380, 200), sentence, fontsize=11)
        document.save(path)
    return path


def write_locked(path: Path, text: str, password: str) -> Path:
    """An encrypted PDF of one page."""
    module = pymupdf()
    with module.open() as document:
        document.new_page().insert_text((72, 300), text)
        document.save(path, encryption=module.PDF_ENCRYPT_AES_256, user_pw=password, owner_pw=f"{password}!")
    return path


def write_photo(path: Path, words: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (320, 200), "#a33022")
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 60, 150, 170), fill="#f2c14e")
    draw.text((30, 15), words, fill="white", font_size=28)
    image.save(path)
    return path


def write_rows(path: Path, *numbers: int) -> Path:
    """A JSONL catalogue without pictures, with one row for each number."""
    path.write_text("".join(json.dumps({"id": n, "description": f"A pump of size {n}."}) + "\n" for n in numbers))
    return path


def pdf_source(path: Path, size: int = 1) -> Source:
    """A source for a file of `size` bytes, which is not a real PDF."""
    path.write_bytes(b"x" * size)
    return Source(path, path.as_uri(), path.name, path.name, "application/pdf", state=FileState(size))


def png_bytes(width: int, height: int) -> bytes:
    """A red image without words."""
    data = BytesIO()
    Image.new("RGB", (width, height), "red").save(data, "PNG")
    return data.getvalue()
