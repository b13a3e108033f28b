"""Pictures in the pixels of a scanned page of 600 by 400 points, one pixel a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from extractors.geometry import coverage
from extractors.layout.figures.figures import Figure, find_figures
from extractors.layout.furniture import Furniture
from extractors.layout.scans.scans import add_scanned_pictures
from extractors.page import Line, PageLayout, Raster
from extractors.types import Box

_SCAN = PageLayout(1, 600, 400, (), (Raster((0, 0, 600, 400), 1200, 800, "scan"),))


def _blank_page() -> NDArray[np.uint8]:
    return np.full((400, 600, 3), 250, np.uint8)


def _draw_photo(pixels: NDArray[np.uint8], box: tuple[int, int, int, int]) -> None:
    """Fill `box` with many different colours, as in a photograph."""
    x0, y0, x1, y1 = box
    pixels[y0:y1, x0:x1] = np.random.default_rng(3).integers(0, 200, (y1 - y0, x1 - x0, 3), np.uint8)


def _write(pixels: NDArray[np.uint8], text: str, x: int, y: int) -> Line:
    """Draw a stroke for every letter, and return the line that OCR would read."""
    for n, letter in enumerate(text):
        if letter != " ":
            pixels[y : y + 10, x + 7 * n : x + 7 * n + 4] = 20
    return Line((x, y, x + 7 * len(text), y + 10), text, 10, ocr=True)


def _find(pixels: NDArray[np.uint8], lines: Sequence[Line] = ()) -> tuple[Figure, ...]:
    return find_figures(add_scanned_pictures(_SCAN, Image.fromarray(pixels), lines), (), Furniture()).figures


def _covers(found: Box, wanted: Box) -> bool:
    return coverage(wanted, found) > 0.95 and coverage(found, wanted) > 0.85


def test_photo_on_a_scanned_page_is_found_with_its_caption() -> None:
    pixels = _blank_page()
    _draw_photo(pixels, (200, 60, 420, 240))
    lines = [_write(pixels, "Figure 1. A photograph", 210, 255)]
    lines += [
        _write(pixels, "words that fill the page below the photograph and go on and", 60, 290 + 14 * n)
        for n in range(6)
    ]
    (figure,) = _find(pixels, lines)
    assert _covers(figure.box, (200, 60, 420, 240))
    assert figure.label == "figure 1"


def test_text_is_no_picture() -> None:
    pixels = _blank_page()
    lines = [
        _write(pixels, "only words stand on this page, line after line of them, to its end", 60, 40 + 14 * n)
        for n in range(20)
    ]
    layout = add_scanned_pictures(_SCAN, Image.fromarray(pixels), lines)
    assert layout.rasters == _SCAN.rasters
    assert layout.drawings == ()
    assert layout.lines == tuple(lines)


def test_title_that_the_file_has_as_text_is_no_picture() -> None:
    pixels = _blank_page()
    pixels[100:160, 60:540] = np.arange(480, dtype=np.uint8)[None, :, None] // 3  # large letters
    title = Line((58, 96, 542, 164), "Architectures", 60)
    layout = add_scanned_pictures(replace(_SCAN, lines=(title,)), Image.fromarray(pixels), ())
    assert (layout.lines, layout.rasters, layout.drawings) == ((title,), _SCAN.rasters, ())


def test_bars_of_a_chart_are_one_figure() -> None:
    pixels = _blank_page()
    for n, height in enumerate((60, 110, 90, 140)):
        pixels[300 - height : 300, 150 + 60 * n : 190 + 60 * n] = (30, 90, 200)
    lines = [_write(pixels, f"20{n}", 155 + 60 * n, 306) for n in range(10, 14) for n in (n - 10,)]
    (figure,) = _find(pixels, lines)
    assert coverage((150, 160, 370, 300), figure.box) > 0.95


@pytest.mark.parametrize("noisy", [True, False], ids=["picture", "blank"])
def test_nothing_is_found_without_a_plain_background_or_without_ink(noisy: bool) -> None:
    pixels = _blank_page()
    if noisy:
        _draw_photo(pixels, (0, 0, 600, 400))
    assert add_scanned_pictures(_SCAN, Image.fromarray(pixels), []) == _SCAN


def test_pictures_a_few_pixels_apart_are_separate() -> None:
    pixels = _blank_page()
    upper, lower = (300, 40, 560, 180), (300, 184, 560, 340)
    for box in (upper, lower):
        _draw_photo(pixels, box)
    found = _find(pixels)
    assert [_covers(figure.box, box) for figure, box in zip(found, (upper, lower), strict=True)] == [True, True]


def test_card_on_a_dark_slide_is_one_picture() -> None:
    pixels = _blank_page()
    pixels[:] = (30, 40, 80)
    pixels[40:360, 120:480] = 250
    for n in range(3):
        pixels[80 + 90 * n : 130 + 90 * n, 160 : 260 + 60 * n] = (40, 130, 200)
    (figure,) = _find(pixels)
    assert _covers(figure.box, (120, 40, 480, 360))


def test_small_drawing_in_a_photo_is_part_of_it() -> None:
    """Otherwise the photo would count as a drawing, which takes in labels from farther away."""
    pixels = _blank_page()
    _draw_photo(pixels, (300, 60, 560, 340))
    pixels[150:210, 380:440] = 250
    pixels[170:190, 400:420] = (200, 30, 30)
    seen = add_scanned_pictures(_SCAN, Image.fromarray(pixels), [])
    assert seen.drawings == ()
    assert len(seen.rasters) == 2


def test_print_larger_than_the_boxes_of_its_lines_is_text() -> None:
    """The text layers of some scanners have boxes half as high as the letters."""
    pixels = _blank_page()
    lines = []
    for n in range(12):
        line = _write(pixels, "words that fill the column from its left edge to its right", 60, 60 + 14 * n)
        x0, y0, x1, y1 = line.box
        lines.append(replace(line, box=(x0, y0 + 3, x1, y1 - 2)))
    assert _find(pixels, lines) == ()


def test_band_across_a_slide_is_the_background_of_its_title() -> None:
    pixels = _blank_page()
    pixels[:70] = (30, 30, 30)
    pixels[370:] = (30, 30, 30)
    title = Line((40, 20, 400, 50), "What the year has brought", 30, ocr=True)
    assert _find(pixels, [title]) == ()


def test_chart_on_a_gradient_is_found() -> None:
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[:] = np.linspace(40, 230, 600, dtype=np.uint8)[None, :, None]
    _draw_photo(pixels, (200, 100, 400, 300))
    (figure,) = _find(pixels, [_write(pixels, "some words", 30, 30)])
    assert _covers(figure.box, (200, 100, 400, 300))


def test_pictures_on_a_card_are_found() -> None:
    pixels = _blank_page()
    pixels[40:390, 10:590] = (25, 25, 60)
    _draw_photo(pixels, (100, 100, 250, 250))
    _draw_photo(pixels, (330, 100, 480, 250))
    found = _find(pixels, [_write(pixels, "A title of the slide", 30, 10)])
    wanted = ((100, 100, 250, 250), (330, 100, 480, 250))
    assert all(_covers(figure.box, box) for figure, box in zip(found, wanted, strict=True))


def test_rows_that_ocr_missed_are_no_picture() -> None:
    pixels = _blank_page()
    for y in (100, 112, 124, 136):
        for x in range(80, 330, 9):
            pixels[y : y + 10, x : x + 2] = 20
            pixels[y : y + 2, x : x + 7] = 20
    seen = add_scanned_pictures(_SCAN, Image.fromarray(pixels), ())
    assert (seen.rasters, seen.drawings) == (_SCAN.rasters, ())


def _draw_in_lines(pixels: NDArray[np.uint8], box: tuple[int, int, int, int]) -> None:
    """Strokes 3 pixels wide, with twice as much white between them."""
    x0, y0, x1, y1 = box
    for x in range(x0, x1 - 2, 9):
        pixels[y0:y1, x : x + 3] = 20
    pixels[y0 : y0 + 3, x0:x1] = 20


def test_small_drawing_in_lines_is_a_figure() -> None:
    pixels = _blank_page()
    _draw_in_lines(pixels, (300, 60, 412, 160))
    (figure,) = _find(pixels)
    assert _covers(figure.box, (300, 60, 412, 160))


def test_bars_beside_their_names_are_no_rows_of_words() -> None:
    pixels = _blank_page()
    for n in range(6):
        pixels[100 + 24 * n : 112 + 24 * n, 200 : 300 + 40 * n] = (30, 90, 200)
    lines = [_write(pixels, f"Name {n}", 140, 101 + 24 * n) for n in range(6)]
    (figure,) = _find(pixels, lines)
    assert coverage((200, 100, 500, 232), figure.box) > 0.95


def test_axis_with_columns_is_no_rule_of_a_section() -> None:
    pixels = _blank_page()
    pixels[300:302, 80:520] = 20
    for n in range(5):
        pixels[200 + 10 * n : 300, 100 + 85 * n : 130 + 85 * n] = (30, 90, 200)
    (figure,) = _find(pixels)
    assert _covers(figure.box, (80, 200, 520, 302))


def test_large_title_that_ocr_missed_is_no_figure() -> None:
    pixels = _blank_page()
    for x in range(60, 360, 10):
        pixels[60:110, x : x + 5] = 20
    assert _find(pixels) == ()


def test_rule_of_a_section_does_not_join_the_drawing_and_the_tab_that_it_touches() -> None:
    pixels = _blank_page()
    lines = [_write(pixels, "words beside the drawing, on it", 60, 120 + 14 * n) for n in range(12)]
    _draw_in_lines(pixels, (360, 120, 460, 220))
    pixels[100:102, 50:560] = 20
    pixels[100:120, 405:408] = 20
    pixels[100:380, 556:590] = 20
    (figure,) = _find(pixels, lines)
    assert _covers(figure.box, (360, 102, 461, 221))


def test_text_among_rules_is_no_figure() -> None:
    pixels = _blank_page()
    lines = [_write(pixels, "words between the rules", 70, 110 + 22 * n) for n in range(8)]
    for n in range(9):
        pixels[100 + 22 * n : 102 + 22 * n, 60:330] = 20
    pixels[100:278, 60:62] = 20
    assert _find(pixels, lines) == ()


def test_wide_frame_around_a_drawing_is_no_rule_of_a_section() -> None:
    pixels = _blank_page()
    for y in (60, 240):
        pixels[y : y + 2, 80:522] = 20
    for x in (80, 520):
        pixels[60:242, x : x + 2] = 20
    _draw_in_lines(pixels, (300, 90, 412, 190))
    (figure,) = _find(pixels)
    assert _covers(figure.box, (80, 60, 522, 242))


def test_title_band_inside_the_margins_is_no_figure() -> None:
    pixels = _blank_page()
    _draw_photo(pixels, (15, 15, 585, 55))
    assert _find(pixels, [Line((30, 22, 200, 48), "What the year has brought", 26, ocr=True)]) == ()


def test_text_that_was_read_in_part_is_no_picture() -> None:
    image = Image.fromarray(_blank_page())
    for x in range(70, 520, 50):  # scratches join the lines
        ImageDraw.Draw(image).line((x, 30, x + 20, 360), fill=(20, 20, 20), width=2)
    pixels = np.array(image)
    text = "only words stand on this page, line after line of them, to its end"
    lines = [_write(pixels, text, 60, 30 + 20 * n) for n in range(17)]
    layout = add_scanned_pictures(_SCAN, Image.fromarray(pixels), lines[1::2])
    assert layout.rasters == _SCAN.rasters


def test_shadow_at_the_fold_of_a_book_is_no_picture() -> None:
    pixels = _blank_page()
    text = "only words stand on this page, line after line of them, to its end"
    lines = [_write(pixels, text, 40, 30 + 20 * n) for n in range(17)]
    shade = 1 - 0.8 * np.exp(-np.arange(600) / 25)
    pixels[:, 30:200:10] = 60  # noise of the shadow reaches into the text
    shadowed = (pixels * shade[None, :, None]).astype(np.uint8)
    layout = add_scanned_pictures(_SCAN, Image.fromarray(shadowed), lines)
    assert layout.rasters == _SCAN.rasters
