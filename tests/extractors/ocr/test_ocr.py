"""Words from pixels: turned pages, slanted scans, words on pictures, rubbish, and what is said without an engine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from extractors.errors import ExtractionError
from extractors.ocr import recognition as ocr
from extractors.types import Options

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
TESSERACT, RAPIDOCR = Options(ocr="tesseract"), Options(ocr="rapidocr")
SENTENCES = (
    "The pump stands beside the northern gate.",
    "Close both valves before the filter is opened.",
    "Pressure above twelve bar stops the engine.",
    "Oil is changed after four hundred hours.",
    "A red lamp tells that the tank is empty.",
)


def page(size: tuple[int, int] = (1000, 1300)) -> Image.Image:
    """A grey page of five printed lines, 34 pixels high, the first at (100, 200)."""
    image = Image.new("L", size, 255)
    pen = ImageDraw.Draw(image)
    for number, sentence in enumerate(SENTENCES):
        pen.text((100, 200 + 60 * number), sentence, fill=0, font=ImageFont.load_default(34))
    return image


def text(read: ocr.OcrResult) -> str:
    return " ".join(line.text for line in read.lines)


@needs_tesseract
def test_lines_are_read_with_boxes_in_pixels_of_the_given_image() -> None:
    read = ocr.recognise_page(page(), TESSERACT)
    assert [line.text for line in read.lines] == list(SENTENCES)
    assert (read.engine, read.angle) == ("tesseract", 0)
    assert read.confidence > 0.85
    x0, y0, x1, y1 = read.lines[0].box
    assert x0 == pytest.approx(100, abs=5)
    assert 200 <= y0 < y1 <= 245
    assert 600 < x1 < 900
    assert all(line.ocr and 20 < line.size < 45 for line in read.lines)


@needs_tesseract
@pytest.mark.parametrize(
    ("stands", "angle"),
    [(Image.Transpose.ROTATE_90, 90), (Image.Transpose.ROTATE_180, 180), (Image.Transpose.ROTATE_270, 270)],
)
def test_turned_pages_are_turned_back(stands: Image.Transpose, angle: int) -> None:
    read = ocr.recognise_page(page().transpose(stands), TESSERACT)
    assert read.angle == angle
    assert [line.text for line in read.lines] == list(SENTENCES)
    assert read.lines[0].box[0] == pytest.approx(100, abs=5)


@needs_tesseract
def test_a_slanted_scan_is_still_read() -> None:
    read = ocr.recognise_page(page().rotate(2, fillcolor=255), TESSERACT)
    assert SENTENCES[1] in text(read)


@needs_tesseract
def test_light_words_on_a_picture_are_read_too() -> None:
    image = Image.effect_noise((1000, 700), 40).point(lambda value: value // 3)
    ImageDraw.Draw(image).text((300, 300), "Harvest festival", fill=255, font=ImageFont.load_default(60))
    assert "festival" in text(ocr.recognise_page(image, TESSERACT))


@needs_tesseract
def test_noise_gives_no_words() -> None:
    read = ocr.recognise_page(Image.effect_noise((400, 400), 90), TESSERACT)
    assert (read.lines, read.confidence) == ((), 0.0)


@needs_tesseract
def test_an_empty_page_gives_no_words() -> None:
    assert ocr.recognise_page(Image.new("RGB", (600, 800), "white"), TESSERACT).lines == ()


@needs_tesseract
def test_cells_far_apart_are_lines_of_their_own() -> None:
    image = Image.new("L", (1200, 400), 255)
    for row, cells in enumerate([("Orchard", "Tonnes"), ("North slope", "1204"), ("South slope", "986")]):
        for x, cell in zip((100, 800), cells, strict=True):
            ImageDraw.Draw(image).text((x, 100 + 60 * row), cell, fill=0, font=ImageFont.load_default(34))
    lines = ocr.recognise_page(image, TESSERACT).lines
    assert {line.text for line in lines} == {"Orchard", "Tonnes", "North slope", "1204", "South slope", "986"}


@needs_tesseract
def test_words_in_a_figure() -> None:
    figure = Image.new("RGBA", (500, 300), (255, 255, 255, 255))
    pen = ImageDraw.Draw(figure)
    pen.rectangle((20, 20, 220, 120), outline="black", width=3)
    pen.text((60, 55), "Boiler", fill="black", font=ImageFont.load_default(28))
    pen.text((300, 220), "Condenser", fill="navy", font=ImageFont.load_default(28))
    assert set(ocr.recognise_words(figure, TESSERACT).split()) == {"Boiler", "Condenser"}


def test_tiny_pictures_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "tesseract_words", lambda *_, **__: pytest.fail("an engine ran"))
    assert ocr.recognise_words(Image.new("L", (30, 400)), Options()) == ""


def test_rapidocr_reads_without_tesseract(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    engine, reason = ocr.choose_engine(Options())
    assert engine == "rapidocr"
    assert "Tesseract is not installed" in reason
    read = ocr.recognise_page(page().crop((80, 180, 900, 330)), RAPIDOCR)
    assert read.engine == "rapidocr"
    # Its words are joined now and then, so letters count here, not spaces.
    assert "".join(SENTENCES[:2]).replace(" ", "") in text(read).replace(" ", "")
    assert read.lines[0].box[0] == pytest.approx(20, abs=8)
    assert capfd.readouterr().out == ""


def test_rapidocr_turns_a_page_that_stands_on_its_side() -> None:
    read = ocr.recognise_page(page().crop((80, 180, 900, 330)).transpose(Image.Transpose.ROTATE_90), RAPIDOCR)
    assert read.angle == 90
    assert "filter" in text(read)


@needs_tesseract
def test_a_missing_language_is_named_with_its_package() -> None:
    engine, reason = ocr.choose_engine(Options(ocr="tesseract", ocr_languages="eng+xyz"))
    assert engine is None
    assert "'xyz' (apt install tesseract-ocr-xyz; installed: " in reason
    with pytest.raises(ExtractionError, match="xyz"):
        ocr.recognise_page(page(), Options(ocr="tesseract", ocr_languages="eng+xyz"))


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert ocr.choose_engine(TESSERACT)[0] is None
    assert "apt install tesseract-ocr" in ocr.choose_engine(TESSERACT)[1]


def test_switched_off_is_no_engine() -> None:
    assert ocr.choose_engine(Options(ocr="off"))[0] is None


@pytest.mark.parametrize(
    ("script", "message", "transient"),
    [("echo 'Error in boxClip' >&2; exit 1", "Error in boxClip", False), ("sleep 20", "more than 1 s", True)],
)
def test_a_failing_program_is_a_sentence(
    script: str, message: str, transient: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(f'#!/bin/sh\nif [ "$1" = --list-langs ]; then echo; echo eng; exit; fi\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr("extractors.ocr.engines.SECONDS", 1)
    with pytest.raises(ExtractionError, match=message) as caught:
        ocr.recognise_page(page(), TESSERACT)
    assert caught.value.transient is transient
