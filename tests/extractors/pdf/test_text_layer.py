"""Pages whose words are partly in the file and partly in the pixels of its images."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from extractors.ocr.recognition import choose_engine
from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.types import Box, Options, Source

needs_tesseract = pytest.mark.skipif(choose_engine(Options())[0] != "tesseract", reason="Tesseract is not installed")

SLIDE, SKYLINE, DIAGRAM = (960, 540), (600, 300, 900, 500), (520, 60, 860, 260)
POINTS = ["Agents share one cluster", "Every agent has a quota", "Queues hold what waits", "Nodes start in minutes"]


def _backdrop() -> Image.Image:
    image = Image.new("RGB", SLIDE, "#e8f4ff")
    draw = ImageDraw.Draw(image)
    for n, top in enumerate((340, 300, 380, 320, 360, 310)):
        draw.rectangle((600 + 50 * n, top, 650 + 50 * n, 500), fill=(20 * n, 120, 140 + 15 * n))
    return image


def _diagram() -> Image.Image:
    image = Image.new("RGB", (340, 200), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 140, 180), fill="#c04030")
    draw.rectangle((200, 40, 330, 160), outline="black", width=4)
    draw.text((220, 80), "QUEUE", fill="black", font_size=28)
    return image


def _figures_on(backdrop: Image.Image, points: list[str], folder: Path) -> list[Box | None]:
    document = pymupdf().open()
    page = document.new_page(width=SLIDE[0], height=SLIDE[1])
    for image, box in ((backdrop, (0, 0, *SLIDE)), (_diagram(), DIAGRAM)):
        file = BytesIO()
        image.save(file, "PNG")
        page.insert_image(box, stream=file.getvalue())
    for n, point in enumerate(points):
        page.insert_text((60, 140 + 50 * n), point, fontsize=24)
    path = folder / "slide.pdf"
    document.save(path)
    source = Source(path, path.as_uri(), path.name, "", "application/pdf")
    made = extract(source, Options(ocr="tesseract"), folder / "pictures")
    assert made.report.ocr_pages == (1,)
    return [picture.box for picture in made.pictures if picture.kind == "figure"]


@needs_tesseract
def test_backdrop_of_a_slide_is_no_figure(tmp_path: Path) -> None:
    assert _figures_on(_backdrop(), POINTS, tmp_path) == [pytest.approx(DIAGRAM, abs=2)]


@needs_tesseract
def test_picture_in_a_slide_saved_as_an_image_is_a_figure(tmp_path: Path) -> None:
    slide = _backdrop()
    for n, point in enumerate(POINTS):
        ImageDraw.Draw(slide).text((60, 120 + 50 * n), point, fill="black", font_size=24)
    figures = _figures_on(slide, [], tmp_path)
    assert figures == [pytest.approx(DIAGRAM, abs=2), pytest.approx(SKYLINE, abs=9)]
