"""Preparing images for OCR: skew, light and scale."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from extractors.ocr.preparation import find_skew, prepare, slope_back, straighten


def _page(width: int = 600, height: int = 800) -> Image.Image:
    """A grey page with rows of strokes as wide as words."""
    page = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(page)
    for y in range(100, height - 100, 24):
        for x in range(80, width - 80, 40):
            draw.rectangle((x, y, x + 30, y + 9), fill=0)
    return page


@pytest.mark.parametrize("skew", [-3.0, 1.5])
def test_skewed_lines_are_made_level(skew: float) -> None:
    page = _page().rotate(-skew, fillcolor=255, resample=Image.Resampling.BICUBIC)
    found = find_skew(page)
    assert found == pytest.approx(skew, abs=0.2)
    assert find_skew(straighten(page, found)) == 0


def test_level_and_sideways_pages_have_no_skew() -> None:
    assert find_skew(_page()) == 0
    assert find_skew(_page().transpose(Image.Transpose.ROTATE_90)) == 0


def test_box_is_where_it_was_before_the_page_was_straightened() -> None:
    page = Image.new("L", (600, 800), 255)
    ImageDraw.Draw(page).rectangle((500, 100, 520, 110), fill=0)
    turned = page.rotate(-3, fillcolor=255)
    ys, xs = np.nonzero(np.asarray(turned) < 128)
    x0, y0, x1, y1 = slope_back((500, 100, 520, 110), 3, (600, 800))
    assert (x0 + x1) / 2 == pytest.approx(xs.mean(), abs=1)
    assert (y0 + y1) / 2 == pytest.approx(ys.mean(), abs=1)


def test_shadow_over_a_page_is_removed_and_a_tint_is_kept() -> None:
    pixels = np.asarray(_page(), np.float64)
    shadow = np.linspace(1.0, 0.5, pixels.shape[1])
    lit, _ = prepare(Image.fromarray((pixels * shadow).astype(np.uint8)).convert("RGB"), 800)
    paper = np.asarray(lit)[20:60]
    assert paper.max() - paper.min() < 40
    tinted = Image.fromarray((pixels * 0.8).astype(np.uint8))
    assert np.asarray(prepare(tinted.convert("RGB"), 800)[0])[40, 40] == pytest.approx(204, abs=2)


def test_dark_page_with_light_letters_is_inverted() -> None:
    dark = Image.fromarray(255 - np.asarray(_page())).convert("RGB")
    assert np.array_equal(np.asarray(prepare(dark, 800)[0]), np.asarray(prepare(_page().convert("RGB"), 800)[0]))


def test_page_with_a_dark_half_is_not_inverted() -> None:
    pixels = np.asarray(_page()).copy()
    pixels[: round(0.6 * len(pixels))] = 20
    prepared = np.asarray(prepare(Image.fromarray(pixels).convert("RGB"), 800)[0])
    assert prepared[: len(prepared) // 2].mean() < 100
