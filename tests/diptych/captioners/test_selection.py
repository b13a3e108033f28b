"""Which pictures are sent to a vision model: all except those that clearly need no caption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from diptych.captioners.selection import select_pictures
from extractors.types import Report
from tests.support.scripted_vision import chart, extraction, picture, stored

SMALL = (30.0, 30.0, 130.0, 100.0)  # PDF points: the size of a logo


def photograph(size: tuple[int, int] = (300, 200)) -> Image.Image:
    """Soft gradients in many colours."""
    blots = np.random.default_rng(3).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(blots).resize(size, Image.Resampling.BICUBIC)


def logo() -> Image.Image:
    image = Image.new("RGB", (300, 210), "white")
    ImageDraw.Draw(image).ellipse([40, 20, 250, 190], "navy")
    return image


def page(drawn: bool = False) -> Image.Image:
    """Lines of text, with a diagram of thin lines below them if `drawn`."""
    image = Image.new("RGB", (1240, 1754), "white")
    draw = ImageDraw.Draw(image)
    for line in range(30):
        draw.text((100, 100 + 30 * line), "The pump is switched off before the valve is opened. " * 3, "black")
    for box in range(6 if drawn else 0):
        draw.rectangle([120 + 180 * box, 1200, 240 + 180 * box, 1500], outline="black", width=3)
    return image


def reason(image: Image.Image, folder: Path, **fields: Any) -> str:
    return select_pictures(extraction(picture(stored(image, folder), **fields)), folder)[0].skipped


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (Image.new("RGB", (400, 300), "white"), "blank"),
        (Image.new("RGB", (400, 300), (12, 80, 160)), "blank"),
        (photograph((1200, 40)), "rule"),
        (photograph((400, 28)), "too small"),
        (chart(1), ""),
        (photograph(), ""),
    ],
    ids=["white", "one colour", "rule", "small", "chart", "photograph"],
)
def test_pixels_that_show_nothing_are_skipped(tmp_path: Path, image: Image.Image, why: str) -> None:
    assert reason(image, tmp_path, page=4) == why


def test_thin_line_is_not_blank(tmp_path: Path) -> None:
    image = Image.new("RGB", (2000, 1500), "white")
    ImageDraw.Draw(image).line([(0, 1400), (2000, 100)], "black", 2)
    assert reason(image, tmp_path, page=4) == ""


def test_logo_is_small_and_flat_and_on_the_first_or_last_page(tmp_path: Path) -> None:
    assert reason(logo(), tmp_path, page=1, box=SMALL) == "logo"
    assert reason(logo(), tmp_path, page=9, box=SMALL) == "logo"
    assert reason(logo(), tmp_path, page=4, box=SMALL) == ""  # drawings of small parts in manuals look like logos
    assert reason(logo(), tmp_path, page=1) == ""  # as large as a figure
    assert reason(photograph(), tmp_path, page=1, box=SMALL) == ""


@pytest.mark.parametrize(
    "words", [{"caption": "The float"}, {"label": "figure 1"}, {"context": ("Figure 1 shows the float.",)}]
)
def test_picture_that_the_text_refers_to_is_no_logo(tmp_path: Path, words: dict[str, Any]) -> None:
    assert reason(logo(), tmp_path, page=1, box=SMALL, **words) == ""


def test_icon_and_banner_are_skipped(tmp_path: Path) -> None:
    assert reason(logo(), tmp_path, page=4, box=(10.0, 10.0, 40.0, 31.0)) == "icon"
    assert reason(chart(1, (1000, 100)), tmp_path, page=1, box=(50.0, 20.0, 550.0, 70.0)) == "logo"


def test_photo_without_a_page_is_no_logo(tmp_path: Path) -> None:
    assert reason(logo(), tmp_path, kind="photo", box=None) == ""


def test_page_of_extracted_text_is_skipped(tmp_path: Path) -> None:
    words = "The pump is switched off before the valve is opened. " * 90
    assert reason(page(), tmp_path, kind="page", page=2, words=words) == "text only"
    assert reason(page(), tmp_path, kind="page", page=2, words=words, ocr=True) == "text only"


def test_page_with_drawings_or_without_extracted_text_is_sent(tmp_path: Path) -> None:
    words = "The pump is switched off before the valve is opened. " * 90
    assert reason(page(drawn=True), tmp_path, kind="page", page=2, words=words) == ""
    assert reason(page(), tmp_path, kind="page", page=2) == ""
    assert reason(page(), tmp_path, kind="page", page=2, words="Pump  7", ocr=True) == ""


def test_page_flagged_by_the_extractor_is_sent(tmp_path: Path) -> None:
    one = picture(stored(page(), tmp_path), 2, kind="page", words="The pump is switched off. " * 90)
    flagged = replace(extraction(one), report=Report(9, flagged_pages=(2,)))
    assert [selection.skipped for selection in select_pictures(flagged, tmp_path)] == [""]


def test_same_picture_in_another_format_is_a_duplicate(tmp_path: Path) -> None:
    image = photograph((600, 400))
    one, other = stored(image, tmp_path), stored(image, tmp_path, "JPEG", quality=80)
    assert one.sha256 != other.sha256
    selections = select_pictures(
        extraction(picture(stored(chart(9), tmp_path), 2), picture(one, 3), picture(other, 4)), tmp_path
    )
    assert [(selection.skipped, selection.twin) for selection in selections] == [
        ("", None),
        ("", None),
        ("duplicate", 1),
    ]


def test_charts_of_one_style_are_no_duplicates(tmp_path: Path) -> None:
    one = chart(1)
    other = one.copy()
    ImageDraw.Draw(other).line([(60, 40), (380, 60)], "red", 2)  # an additional curve
    selections = select_pictures(extraction(picture(stored(one, tmp_path)), picture(stored(other, tmp_path))), tmp_path)
    assert [selection.skipped for selection in selections] == ["", ""]


def test_same_shape_in_another_colour_is_no_duplicate(tmp_path: Path) -> None:
    red, green = (Image.new("RGB", (300, 300), "white") for _ in range(2))
    ImageDraw.Draw(red).ellipse([50, 50, 250, 250], (200, 60, 60))
    ImageDraw.Draw(green).ellipse([50, 50, 250, 250], (60, 132, 54))  # as bright as the red
    selections = select_pictures(extraction(picture(stored(red, tmp_path)), picture(stored(green, tmp_path))), tmp_path)
    assert [selection.skipped for selection in selections] == ["", ""]


def test_similar_pictures_with_different_words_are_no_duplicates(tmp_path: Path) -> None:
    image = photograph((600, 400))
    one, other = stored(image, tmp_path), stored(image, tmp_path, "JPEG", quality=80)
    selections = select_pictures(extraction(picture(one, words="2019"), picture(other, words="2020")), tmp_path)
    assert [selection.skipped for selection in selections] == ["", ""]


def test_unreadable_file_is_reported_with_its_page(tmp_path: Path) -> None:
    image = stored(chart(1), tmp_path)
    next(tmp_path.glob("*/*.png")).write_bytes(b"\x89PNG\r\n\x1a\n" + b"junk" * 20)
    (selection,) = select_pictures(extraction(picture(image, 7)), tmp_path)
    assert selection.skipped == "unreadable"
    assert "page 7" in selection.problem
