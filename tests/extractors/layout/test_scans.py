"""Pictures in the pixels of a scanned page of 600 by 400 points, one pixel a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from extractors.geometry import coverage
from extractors.layout.figures import Figure, find_figures
from extractors.layout.furniture import Furniture
from extractors.layout.scans import add_scanned_pictures
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
    for y in (100, 112):
        for x in range(80, 330, 8):
            pixels[y : y + 10, x : x + 3] = 20
    assert not add_scanned_pictures(_SCAN, Image.fromarray(pixels), ()).drawings
