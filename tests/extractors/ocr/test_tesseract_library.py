"""Tesseract's library next to its program."""

import shutil

import pytest
from PIL import Image, ImageDraw, ImageFont

from extractors.errors import ExtractionError
from extractors.ocr import engines
from extractors.ocr.tesseract_library import open_library

pytestmark = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")


def figure() -> Image.Image:
    image = Image.new("L", (600, 200), "white")
    draw = ImageDraw.Draw(image)
    draw.text((20, 20), "Boiler feed pump", font=ImageFont.load_default(40), fill="black")
    draw.text((220, 120), "Condenser", font=ImageFont.load_default(40), fill="black")
    return image


@pytest.mark.parametrize("sparse", [True, False])
def test_library_reads_what_the_program_reads(sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_library("eng")
    words = engines.tesseract_words(figure(), "eng", sparse=sparse)
    assert [word.text for word in words] == ["Boiler", "feed", "pump", "Condenser"]
    monkeypatch.setattr(engines, "open_library", lambda languages: None)
    assert engines.tesseract_words(figure(), "eng", sparse=sparse) == words


def test_library_stops_at_its_time_limit_and_reads_the_next_image() -> None:
    library = open_library("eng")
    assert library
    page = Image.new("L", (1200, 1600), "white")
    for row in range(10):
        page.paste(figure(), (0, 160 * row))
    with pytest.raises(ExtractionError, match=r"more than 0.001 s") as caught:
        library.read(page, 3, {}, 0.001)
    assert caught.value.transient
    assert "Condenser" in library.read(figure(), 11, {}, 30)


def test_languages_without_data_are_left_to_the_program() -> None:
    assert open_library("xyz") is None


def test_program_without_the_library_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: __file__)
    assert open_library("eng") is None
