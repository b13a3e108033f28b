"""OCR: turned pages, slanted scans, words on pictures, noise, and messages about missing engines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from extractors.errors import ExtractionError
from extractors.ocr import languages, recognition
from extractors.ocr.engines import Word, tesseract_script
from extractors.ocr.recognition import OcrResult, choose_engine, recognise_page, recognise_words
from extractors.sandbox.worker_process import Limits
from extractors.types import Options

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
TESSERACT, RAPIDOCR = Options(ocr="tesseract"), Options(ocr="rapidocr")
SENTENCES = (
    "The pump stands beside the northern gate.",
    "Close both valves before the filter is opened.",
    "Pressure above twelve bar stops the engine.",
    "Oil is changed after four hundred hours.",
    "A red lamp shows that the tank is empty.",
)


def page_image(size: tuple[int, int] = (1000, 1300)) -> Image.Image:
    """A grey page of five printed lines, 34 pixels high, the first at (100, 200)."""
    image = Image.new("L", size, 255)
    pen = ImageDraw.Draw(image)
    for number, sentence in enumerate(SENTENCES):
        pen.text((100, 200 + 60 * number), sentence, fill=0, font=ImageFont.load_default(34))
    return image


def text_of(result: OcrResult) -> str:
    return " ".join(line.text for line in result.lines)


@needs_tesseract
def test_lines_have_boxes_in_pixels_of_the_given_image() -> None:
    result = recognise_page(page_image(), TESSERACT)
    assert [line.text for line in result.lines] == list(SENTENCES)
    assert result.angle == 0
    x0, y0, x1, y1 = result.lines[0].box
    assert x0 == pytest.approx(100, abs=5)
    assert 200 <= y0 < y1 <= 245
    assert 600 < x1 < 900
    assert all(line.ocr and 20 < line.size < 45 for line in result.lines)


@needs_tesseract
@pytest.mark.parametrize(
    ("turn", "angle"),
    [
        (Image.Transpose.ROTATE_90, 90),
        pytest.param(Image.Transpose.ROTATE_180, 180, marks=pytest.mark.slow),
        (Image.Transpose.ROTATE_270, 270),
    ],
)
def test_turned_pages_are_turned_upright(turn: Image.Transpose, angle: int) -> None:
    result = recognise_page(page_image().transpose(turn), TESSERACT)
    assert result.angle == angle
    assert [line.text for line in result.lines] == list(SENTENCES)
    assert result.lines[0].box[0] == pytest.approx(100, abs=5)


@needs_tesseract
def test_slanted_scan_is_readable() -> None:
    assert SENTENCES[1] in text_of(recognise_page(page_image().rotate(2, fillcolor=255), TESSERACT))


@needs_tesseract
def test_light_words_on_a_picture_are_found() -> None:
    image = Image.effect_noise((1000, 700), 40).point(lambda value: value // 3)
    ImageDraw.Draw(image).text((300, 300), "Harvest festival", fill=255, font=ImageFont.load_default(60))
    assert "festival" in text_of(recognise_page(image, TESSERACT))


@needs_tesseract
def test_noise_has_no_words() -> None:
    assert recognise_page(Image.effect_noise((400, 400), 90), TESSERACT).lines == ()


@needs_tesseract
def test_empty_page_has_no_words() -> None:
    assert recognise_page(Image.new("RGB", (600, 800), "white"), TESSERACT).lines == ()


@needs_tesseract
def test_cells_far_apart_are_separate_lines() -> None:
    image = Image.new("L", (1200, 400), 255)
    for row, cells in enumerate([("Orchard", "Tonnes"), ("North slope", "1204"), ("South slope", "986")]):
        for x, cell in zip((100, 800), cells, strict=True):
            ImageDraw.Draw(image).text((x, 100 + 60 * row), cell, fill=0, font=ImageFont.load_default(34))
    lines = recognise_page(image, TESSERACT).lines
    assert {line.text for line in lines} == {"Orchard", "Tonnes", "North slope", "1204", "South slope", "986"}


@needs_tesseract
def test_words_of_a_figure() -> None:
    figure = Image.new("RGBA", (500, 300), (255, 255, 255, 255))
    pen = ImageDraw.Draw(figure)
    pen.rectangle((20, 20, 220, 120), outline="black", width=3)
    pen.text((60, 55), "Boiler", fill="black", font=ImageFont.load_default(28))
    pen.text((300, 220), "Condenser", fill="navy", font=ImageFont.load_default(28))
    assert set(recognise_words(figure, TESSERACT).split()) == {"Boiler", "Condenser"}


def test_tiny_images_start_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "tesseract_words", lambda *_, **__: pytest.fail("an engine ran"))
    assert recognise_words(Image.new("L", (30, 400)), Options()) == ""


def test_rapidocr_is_used_without_tesseract_and_turns_a_sideways_page_upright(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    engine, reason = choose_engine(Options())
    assert engine == "rapidocr"
    assert "Tesseract is not installed" in reason
    page = page_image().crop((80, 180, 900, 530))  # of three sizes tried, the one that is read fastest
    result = recognise_page(page.transpose(Image.Transpose.ROTATE_90), RAPIDOCR)
    assert result.angle == 90
    # It sometimes joins words, so letters are compared without spaces.
    assert "".join(SENTENCES[:2]).replace(" ", "") in text_of(result).replace(" ", "")
    assert result.lines[0].box[0] == pytest.approx(20, abs=8)
    assert capfd.readouterr().out == ""


@needs_tesseract
def test_missing_language_is_reported_with_its_package() -> None:
    options = Options(ocr="tesseract", ocr_languages="eng+xyz")
    engine, reason = choose_engine(options)
    assert engine is None
    assert "'xyz' (apt install tesseract-ocr-xyz; installed: " in reason
    with pytest.raises(ExtractionError, match="xyz"):
        recognise_page(page_image(), options)


def test_missing_tesseract_is_reported_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    engine, reason = choose_engine(TESSERACT)
    assert engine is None
    assert "apt install tesseract-ocr" in reason


def test_no_engine_when_ocr_is_off() -> None:
    assert choose_engine(Options(ocr="off"))[0] is None


@pytest.mark.parametrize(
    ("script", "message", "transient"),
    [("echo 'Error in boxClip' >&2; exit 1", "Error in boxClip", False), ("sleep 20", "more than 1 s", True)],
)
def test_failure_of_tesseract_is_an_extraction_error(
    script: str, message: str, transient: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(f'#!/bin/sh\nif [ "$1" = --list-langs ]; then echo; echo eng; exit; fi\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    choose_engine(TESSERACT)  # caches the languages before the time limit is lowered
    monkeypatch.setattr("extractors.ocr.engines.TIMEOUT", 1)
    with pytest.raises(ExtractionError, match=message) as caught:
        recognise_page(page_image(), TESSERACT)
    assert caught.value.transient is transient


def test_automatic_languages_are_the_installed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "installed_languages", lambda: frozenset({"osd", "fra", "deu", "eng", "jpn_vert"}))
    assert languages.chosen_languages("auto", lambda: pytest.fail("not needed")) == "eng+deu+fra"
    assert languages.chosen_languages("fra", lambda: pytest.fail("not needed")) == "fra"


def test_automatic_languages_are_those_of_the_script_if_many_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    many = frozenset(["osd", "eng", "deu", "fra", "spa", "por", "ita", "nld", "pol", "rus", "ukr", "bul", "ell", "jpn"])
    monkeypatch.setattr(languages, "installed_languages", lambda: many)
    assert languages.chosen_languages("auto", lambda: ("Cyrillic", 30.0)) == "rus+bul+ukr"
    assert languages.chosen_languages("auto", lambda: ("Latin", 40.0)) == "eng+deu+fra+spa+por+ita"
    assert languages.chosen_languages("auto", lambda: ("Greek", 1.3)) == "eng+deu+fra+spa+por+ita"


@needs_tesseract
def test_script_of_a_page_is_detected_and_the_page_is_read_with_automatic_languages() -> None:
    assert tesseract_script(page_image())[0] == "Latin"
    assert SENTENCES[0] in text_of(recognise_page(page_image(), Options(ocr="tesseract", ocr_languages="auto")))


def read_as(words: str, confidence: float) -> list[Word]:
    """What an engine reads: words of one line, all with the same confidence."""
    return [
        Word((60.0 * n, 100, 60.0 * n + 50, 130), word, confidence, (1, 1, 1)) for n, word in enumerate(words.split())
    ]


def let_tesseract_fail(monkeypatch: pytest.MonkeyPatch, other: list[Word], orientation: tuple[int, float]) -> None:
    """Let Tesseract read noise and find this orientation, and RapidOCR read `other`."""
    noise = read_as("Fel CU er Yu Lew Compentn The-skack Whebever", 0.3)
    monkeypatch.setattr(recognition, "choose_engine", lambda options: ("tesseract", ""))
    monkeypatch.setattr(recognition, "tesseract_words", lambda image, languages, sparse: noise)
    monkeypatch.setattr(recognition, "tesseract_orientation", lambda image: orientation)
    monkeypatch.setattr(recognition, "rapidocr_words", lambda image: other)


@pytest.mark.parametrize(
    ("rapidocr", "read", "note"),
    [
        (
            read_as("SE, whatever we have scraped from pages", 0.93),
            "SE, whatever we have scraped from pages",
            "RapidOCR read it",
        ),
        (read_as("Jort mncttenry wnierchange wheis held acee", 0.3), "", "most of it could not be read"),
        ([], "", ""),
    ],
    ids=["read by RapidOCR", "unreadable", "picture"],
)
def test_page_that_tesseract_cannot_read(
    rapidocr: list[Word], read: str, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_tesseract_fail(monkeypatch, rapidocr, orientation=(0, 0.0))
    result = recognise_page(page_image((600, 800)), Options())
    assert text_of(result) == read
    assert note in result.note
    assert bool(note) == bool(result.note)


def test_words_read_with_little_confidence_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*read_as("The pump stands beside the northern", 0.95), Word((400, 100, 450, 130), "gafe", 0.5, (1, 1, 1))]
    monkeypatch.setattr(recognition, "choose_engine", lambda options: ("tesseract", ""))
    monkeypatch.setattr(recognition, "tesseract_words", lambda image, languages, sparse: [] if sparse else words)
    (line,) = recognise_page(page_image((600, 800)), Options()).lines
    assert line.doubtful == ("gafe",)


def test_vertical_lines_are_read_on_a_page_that_stands_upright(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ("春はあけぼのやうやう白くなりゆく", "紫だちたる雲のほそくたなびきたる")
    words = [Word((500 - 40.0 * n, 100, 530 - 40.0 * n, 600), text, 0.98, (n, 1, 1)) for n, text in enumerate(columns)]
    let_tesseract_fail(monkeypatch, words, orientation=(0, 14.0))
    result = recognise_page(page_image((600, 800)), Options())
    assert result.angle == 0
    assert [(line.text, line.vertical) for line in result.lines] == [(text, True) for text in columns]


def test_page_of_text_is_turned_upright_although_its_orientation_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    let_tesseract_fail(monkeypatch, [], orientation=(90, 0.08))
    noise, text = read_as("ieqo wnsoq " * 100, 0.3), read_as("barley wheat " * 100, 0.95)
    monkeypatch.setattr(
        recognition,
        "tesseract_words",
        lambda image, languages, sparse: text if image.width > image.height else noise,
    )
    assert recognise_page(page_image((600, 800)), Options()).angle in (90, 270)


def test_tesseract_on_a_busy_machine_has_more_time_than_a_page_may_use() -> None:
    assert 2 * Limits(seconds=1, memory_mb=1).page_seconds < languages.TIMEOUT
