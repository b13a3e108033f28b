"""Pages whose words are partly in the file and partly in the pixels of its images."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from extractors.ocr.recognition import choose_engine
from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.types import Box, Extraction, Options, Source

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


def _extract(page: Any, folder: Path) -> Extraction:
    path = folder / "page.pdf"
    page.parent.save(path)
    return extract(Source(path, path.as_uri(), path.name, "", ""), Options(ocr="tesseract"), folder / "pictures")


def _as_file(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _figures_on(backdrop: Image.Image, points: list[str], folder: Path) -> list[Box | None]:
    document = pymupdf().open()
    page = document.new_page(width=SLIDE[0], height=SLIDE[1])
    for image, box in ((backdrop, (0, 0, *SLIDE)), (_diagram(), DIAGRAM)):
        page.insert_image(box, stream=_as_file(image))
    for n, point in enumerate(points):
        page.insert_text((60, 140 + 50 * n), point, fontsize=24)
    made = _extract(page, folder)
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


@needs_tesseract
def test_chinese_text_above_a_diagram_is_no_scan(tmp_path: Path) -> None:
    page = pymupdf().open().new_page(width=420, height=600)
    page.insert_image((0, 300, 420, 560), stream=_as_file(_diagram()), keep_proportion=False)
    for n in range(6):
        page.insert_text((40, 60 + 30 * n), "苹果树在秋天结果农民把它们运到市场", fontname="china-s", fontsize=12)
    found = _extract(page, tmp_path)
    assert (found.report.ocr_pages, found.report.notes) == ((), ())
    assert "苹果树在秋天" in found.passages[0].text


@needs_tesseract
def test_words_under_a_stamp_on_a_scan_stay_text(tmp_path: Path) -> None:
    prose = (
        "The harvest was weighed at the gate in autumn, and the trees were counted again in the spring of that year. "
    )
    stamp = Image.new("RGBA", (600, 150))
    ImageDraw.Draw(stamp).rectangle((6, 6, 593, 143), outline=(200, 30, 40), width=10)
    ImageDraw.Draw(stamp).text((40, 40), "RECEIVED 12 MAR", fill=(200, 30, 40), font_size=60)
    page = pymupdf().open().new_page(width=420, height=560)
    page.insert_textbox((40, 50, 380, 540), 9 * prose, fontsize=11, lineheight=1.6)
    page.insert_image((100, 200, 300, 320), stream=_as_file(stamp.rotate(12, expand=True)))
    scan = pymupdf().open().new_page(width=420, height=560)
    scan.insert_image(scan.rect, pixmap=page.get_pixmap(dpi=150))
    found = _extract(scan, tmp_path)
    assert [picture.kind for picture in found.pictures] == ["page"]
    assert sum(passage.text.count("weighed at") for passage in found.passages) >= 8
