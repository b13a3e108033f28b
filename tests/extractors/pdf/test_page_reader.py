"""Reading a page to plain data: what shows, where it shows, in displayed coordinates."""

from __future__ import annotations

from typing import Any

import pytest

from extractors.page import PageLayout
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf


def _page(width: float = 400, height: float = 600) -> Any:
    return pymupdf().open().new_page(width=width, height=height)


def _read(page: Any) -> PageLayout:
    """Through the file's bytes, as a real document would come."""
    document = pymupdf().open("pdf", page.parent.tobytes())
    return read_page(document[0], 1)


def _pixels(width: int, height: int, shade: int = 90) -> Any:
    pixmap = pymupdf().Pixmap(pymupdf().csRGB, pymupdf().IRect(0, 0, width, height))
    pixmap.clear_with(shade)
    return pixmap


def test_a_line_has_its_words_its_font_and_its_place() -> None:
    page = _page()
    page.insert_text((100, 200), "Growth by region", fontsize=14, fontname="hebo", color=(1, 0, 0))
    (line,) = _read(page).lines
    assert (line.text, round(line.size), line.bold, line.horizontal, line.visible) == (
        "Growth by region", 14, True, True, True
    )  # fmt: skip
    assert line.color == 0xFF0000
    assert line.box[0] == pytest.approx(100, abs=2)
    assert line.box[1] < 200 < line.box[3]


def test_boxes_are_those_of_the_page_as_displayed() -> None:
    page = _page()
    page.insert_text((100, 100), "upright")
    page.draw_rect((50, 200, 150, 260), color=None, fill=(1, 0, 0))
    page.insert_image((200, 300, 300, 400), pixmap=_pixels(40, 40))
    page.set_cropbox((20, 30, 380, 530))
    page.set_rotation(90)
    layout = _read(page)
    assert (layout.width, layout.height, layout.rotation) == (500, 360, 90)
    # Cropped by (20, 30), then turned clockwise: x = 500 - y, y = x.
    assert layout.drawings[0].box == pytest.approx((270, 30, 330, 130))
    assert layout.rasters[0].box == pytest.approx((130, 180, 230, 280), abs=1)
    assert not layout.rasters[0].upright
    assert not layout.lines[0].horizontal


def test_invisible_text_is_told_apart() -> None:
    page = _page()
    page.insert_text((100, 100), "seen")
    page.insert_text((100, 140), "scanned", render_mode=3)
    assert [(line.text, line.visible) for line in _read(page).lines] == [("seen", True), ("scanned", False)]


def test_only_what_a_clip_leaves_of_an_image_counts() -> None:
    page = _page()
    page.insert_image((50, 50, 350, 350), pixmap=_pixels(60, 60))
    document = page.parent
    contents = page.get_contents()[-1]
    # The frame (100, 400)-(200, 500) counts from below: y 100 to 200 from the top.
    document.update_stream(contents, b"q 100 400 100 100 re W n " + document.xref_stream(contents) + b" Q")
    (raster,) = _read(page).rasters
    assert raster.box == pytest.approx((100, 100, 200, 200))
    assert not raster.upright


def test_drawings_that_are_clipped_away_or_transparent_do_not_count() -> None:
    page = _page()
    page.draw_rect((50, 50, 80, 80), fill=(0, 0, 1))
    document = page.parent
    contents = page.get_contents()[-1]
    document.update_stream(contents, b"q 300 0 50 50 re W n " + document.xref_stream(contents) + b" Q")
    page.draw_rect((200, 200, 250, 250), color=(0, 0, 1), fill=(0, 0, 1), fill_opacity=0, stroke_opacity=0)
    page.draw_circle((300, 300), 20, color=(0, 0, 1))
    (circle,) = _read(page).drawings
    assert circle.curved
    assert not circle.rectangle


def test_an_image_names_its_object_and_the_same_image_is_known_again() -> None:
    page = _page()
    page.insert_image((50, 50, 150, 150), pixmap=_pixels(60, 60))
    page.insert_image((200, 200, 260, 260), pixmap=_pixels(60, 60))
    page.insert_image((200, 300, 260, 360), pixmap=_pixels(90, 60, 200))
    first, second, other = _read(page).rasters
    assert first.digest == second.digest != other.digest
    assert first.xref
    assert first.upright


def test_a_page_whose_content_is_broken_still_gives_a_layout() -> None:
    page = _page()
    page.insert_text((100, 100), "before the break")
    document = page.parent
    contents = page.get_contents()[-1]
    document.update_stream(contents, document.xref_stream(contents) + b" q 1 0 0 BT (((( /Nothing Do")
    layout = _read(page)
    assert [line.text for line in layout.lines] == ["before the break"]
