"""Pictures on a page that is one image, found in its pixels: 600 by 400 points, one pixel a point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from extractors.geometry import coverage
from extractors.layout import figures, scans
from extractors.layout.furniture import Furniture
from extractors.page import Line, PageLayout, Raster
from extractors.types import Box

_SCAN = PageLayout(1, 600, 400, (), (Raster((0, 0, 600, 400), 1200, 800, "scan"),))


def _paper() -> NDArray[np.uint8]:
    return np.full((400, 600, 3), 250, np.uint8)


def _photo(pixels: NDArray[np.uint8], box: tuple[int, int, int, int]) -> None:
    """Shades that never repeat, as in a photograph."""
    x0, y0, x1, y1 = box
    pixels[y0:y1, x0:x1] = np.random.default_rng(3).integers(0, 200, (y1 - y0, x1 - x0, 3), np.uint8)


def _write(pixels: NDArray[np.uint8], text: str, x: int, y: int) -> Line:
    """A row of strokes where the words stand, and the line that OCR would read there."""
    for n, letter in enumerate(text):
        if letter != " ":
            pixels[y : y + 10, x + 7 * n : x + 7 * n + 4] = 20
    return Line((x, y, x + 7 * len(text), y + 10), text, 10, ocr=True)


def _covers(found: Box, wanted: Box) -> bool:
    return coverage(wanted, found) > 0.95 and coverage(found, wanted) > 0.85


def test_a_photo_on_a_scanned_page_is_found_with_its_caption() -> None:
    pixels = _paper()
    _photo(pixels, (200, 60, 420, 240))
    lines = [_write(pixels, "Figure 1. A photograph", 210, 255)]
    lines += [
        _write(pixels, "words that fill the page below the photograph and go on and", 60, 290 + 14 * n)
        for n in range(6)
    ]
    (figure,) = figures.find_figures(scans.add_scanned_pictures(_SCAN, pixels, lines), (), Furniture()).figures
    assert _covers(figure.box, (200, 60, 420, 240))
    assert figure.label == "figure 1"


def test_text_is_no_picture() -> None:
    pixels = _paper()
    lines = [
        _write(pixels, "only words stand on this page, line after line of them, to its end", 60, 40 + 14 * n)
        for n in range(20)
    ]
    layout = scans.add_scanned_pictures(_SCAN, pixels, lines)
    assert layout.rasters == _SCAN.rasters
    assert layout.drawings == ()
    assert layout.lines == tuple(lines)


def test_the_bars_of_a_chart_are_one_figure() -> None:
    pixels = _paper()
    for n, height in enumerate((60, 110, 90, 140)):
        pixels[300 - height : 300, 150 + 60 * n : 190 + 60 * n] = (30, 90, 200)
    lines = [_write(pixels, f"20{n}", 155 + 60 * n, 306) for n in range(10, 14) for n in (n - 10,)]
    (figure,) = figures.find_figures(scans.add_scanned_pictures(_SCAN, pixels, lines), (), Furniture()).figures
    assert coverage((150, 160, 370, 300), figure.box) > 0.95


@pytest.mark.parametrize("noisy", [True, False], ids=["picture", "blank"])
def test_a_page_without_a_plain_background_or_without_ink_gives_nothing(noisy: bool) -> None:
    pixels = _paper()
    if noisy:
        _photo(pixels, (0, 0, 600, 400))
    assert scans.add_scanned_pictures(_SCAN, pixels, []) == _SCAN


def test_pictures_a_hair_apart_are_two() -> None:
    pixels = _paper()
    upper, lower = (300, 40, 560, 180), (300, 184, 560, 340)
    for box in (upper, lower):
        _photo(pixels, box)
    found = figures.find_figures(scans.add_scanned_pictures(_SCAN, pixels, []), (), Furniture()).figures
    assert [_covers(figure.box, box) for figure, box in zip(found, (upper, lower), strict=True)] == [True, True]


def test_a_card_on_a_dark_slide_is_one_picture() -> None:
    pixels = _paper()
    pixels[:] = (30, 40, 80)
    pixels[40:360, 120:480] = 250
    for n in range(3):
        pixels[80 + 90 * n : 130 + 90 * n, 160 : 260 + 60 * n] = (40, 130, 200)
    (figure,) = figures.find_figures(scans.add_scanned_pictures(_SCAN, pixels, []), (), Furniture()).figures
    assert _covers(figure.box, (120, 40, 480, 360))


def test_a_speck_of_drawing_in_a_photo_is_part_of_it() -> None:
    """Else the photo would pass for a drawing, which takes words as its labels from farther away."""
    pixels = _paper()
    _photo(pixels, (300, 60, 560, 340))
    pixels[150:210, 380:440] = 250
    pixels[170:190, 400:420] = (200, 30, 30)
    seen = scans.add_scanned_pictures(_SCAN, pixels, [])
    assert seen.drawings == ()
    assert len(seen.rasters) == 2


def test_print_that_is_higher_than_its_lines_is_text() -> None:
    """The layers of some scanners hold boxes half as high as the letters."""
    pixels = _paper()
    lines = []
    for n in range(12):
        line = _write(pixels, "words that fill the column from its left edge to its right", 60, 60 + 14 * n)
        x0, y0, x1, y1 = line.box
        lines.append(replace(line, box=(x0, y0 + 3, x1, y1 - 2)))
    assert figures.find_figures(scans.add_scanned_pictures(_SCAN, pixels, lines), (), Furniture()).figures == ()


def test_a_band_across_the_slide_is_the_ground_of_its_title() -> None:
    pixels = _paper()
    pixels[:70] = (30, 30, 30)
    pixels[370:] = (30, 30, 30)
    title = Line((40, 20, 400, 50), "What the year has brought", 30, ocr=True)
    assert figures.find_figures(scans.add_scanned_pictures(_SCAN, pixels, [title]), (), Furniture()).figures == ()
