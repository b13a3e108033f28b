"""Reading a page into plain data: what shows, and where, in coordinates of the page as displayed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import pytest

from extractors.page import Line, PageLayout
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from extractors.pdf.text_lines import BOLD_NAME, ITALIC_NAME


def new_page(width: float = 400, height: float = 600) -> Any:
    return pymupdf().open().new_page(width=width, height=height)


def layout_of(page: Any) -> PageLayout:
    """The layout of a page that has been written to bytes and opened again, as a real document is."""
    document = pymupdf().open("pdf", page.parent.tobytes())
    return read_page(document[0], 1)


def grey_image(width: int, height: int, shade: int = 90) -> Any:
    pixmap = pymupdf().Pixmap(pymupdf().csRGB, pymupdf().IRect(0, 0, width, height))
    pixmap.clear_with(shade)
    return pixmap


def wrap_contents(page: Any, before: bytes, after: bytes) -> None:
    """Add operators around the last content stream of a page."""
    xref = page.get_contents()[-1]
    page.parent.update_stream(xref, before + page.parent.xref_stream(xref) + after)


def test_line_has_its_text_font_and_box() -> None:
    page = new_page()
    page.insert_text((100, 200), "Growth by region", fontsize=14, fontname="hebo", color=(1, 0, 0))
    (line,) = layout_of(page).lines
    assert (line.text, round(line.size), line.bold, line.horizontal, line.visible) == (
        "Growth by region", 14, True, True, True
    )  # fmt: skip
    assert line.box[0] == pytest.approx(100, abs=2)
    assert line.box[1] < 200 < line.box[3]


def test_boxes_are_those_of_the_page_as_displayed() -> None:
    page = new_page()
    page.insert_text((100, 100), "upright")
    page.draw_rect((50, 200, 150, 260), color=None, fill=(1, 0, 0))
    page.insert_image((200, 300, 300, 400), pixmap=grey_image(40, 40))
    page.set_cropbox((20, 30, 380, 530))
    page.set_rotation(90)
    layout = layout_of(page)
    assert (layout.width, layout.height, layout.rotation) == (500, 360, 90)
    # Cropped by (20, 30), then turned clockwise: x = 500 - y, y = x.
    assert layout.drawings[0].box == pytest.approx((270, 30, 330, 130))
    assert layout.rasters[0].box == pytest.approx((130, 180, 230, 280), abs=1)
    assert not layout.rasters[0].upright
    assert not layout.lines[0].horizontal


def test_invisible_text_is_marked() -> None:
    page = new_page()
    page.insert_text((100, 100), "seen")
    page.insert_text((100, 140), "scanned", render_mode=3)
    assert [(line.text, line.visible) for line in layout_of(page).lines] == [("seen", True), ("scanned", False)]


def test_box_of_a_clipped_image_is_the_part_that_shows() -> None:
    page = new_page()
    page.insert_image((50, 50, 350, 350), pixmap=grey_image(60, 60))
    wrap_contents(page, b"q 100 400 100 100 re W n ", b" Q")  # from the bottom: y is 100 to 200 from the top
    (raster,) = layout_of(page).rasters
    assert raster.box == pytest.approx((100, 100, 200, 200))
    assert not raster.upright


def test_box_of_an_image_leaves_out_its_transparent_margins_and_its_shadow() -> None:
    page = new_page()
    alpha = bytearray(200 * 100)
    for y in range(20, 80):
        alpha[200 * y + 50 : 200 * y + 150] = b"\xff" * 100
    for y in range(80, 90):
        alpha[200 * y + 50 : 200 * y + 150] = b"\x30" * 100
    image = pymupdf().Pixmap(grey_image(200, 100), 1)
    image.set_alpha(alpha)
    page.insert_image((100, 100, 300, 200), pixmap=image)
    page.insert_image((100, 300, 120, 310), pixmap=image)  # too small to hide anything
    page.set_rotation(90)
    large, small = layout_of(page).rasters
    assert large.box == pytest.approx((420, 150, 480, 250), abs=1)  # y becomes 600 - x
    assert small.box == pytest.approx((290, 100, 300, 120), abs=1)


def test_clipped_and_transparent_drawings_are_ignored() -> None:
    page = new_page()
    page.draw_rect((50, 50, 80, 80), fill=(0, 0, 1))
    wrap_contents(page, b"q 300 0 50 50 re W n ", b" Q")
    page.draw_rect((200, 200, 250, 250), color=(0, 0, 1), fill=(0, 0, 1), fill_opacity=0, stroke_opacity=0)
    page.draw_circle((300, 300), 20, color=(0, 0, 1))
    (circle,) = layout_of(page).drawings
    assert circle.curved
    assert not circle.rectangle


def test_equal_images_have_equal_digests_and_an_object_number() -> None:
    page = new_page()
    page.insert_image((50, 50, 150, 150), pixmap=grey_image(60, 60))
    page.insert_image((200, 200, 260, 260), pixmap=grey_image(60, 60))
    page.insert_image((200, 300, 260, 360), pixmap=grey_image(90, 60, 200))
    first, second, other = layout_of(page).rasters
    assert first.digest == second.digest != other.digest
    assert first.xref
    assert first.upright


def test_page_with_broken_content_has_the_layout_before_the_break() -> None:
    page = new_page()
    page.insert_text((100, 100), "before the break")
    wrap_contents(page, b"", b" q 1 0 0 BT (((( /Nothing Do")
    assert [line.text for line in layout_of(page).lines] == ["before the break"]


@pytest.mark.parametrize(
    ("font", "bold", "italic"),
    [
        ("HelveticaNeueLTStd-Bd", True, False),
        ("AdvTimes-b", True, False),
        ("ABCDEF+SFBX1000", True, False),
        ("NimbusRomNo9L-Medi", True, False),
        ("AdvTimes-i", False, True),
        ("AdvTT4fa15320.B", True, False),
        ("AdvTT83913201.I", False, True),
        ("Univers-BoldItalic", True, True),
        ("Minion-Regular", False, False),
        ("Bdoni-Book", False, False),
    ],
)
def test_weight_and_slant_are_read_from_the_name_of_a_font(font: str, bold: bool, italic: bool) -> None:
    assert bool(BOLD_NAME.search(font.lower())) is bold
    assert bool(ITALIC_NAME.search(font.lower())) is italic


def write_spaced(page: Any, gap: float) -> None:
    """Write words without blanks, `gap` font sizes apart."""
    font, x = pymupdf().Font("helv"), 50.0
    for word in ("Composition", "of", "the", "pretraining", "mixture"):
        page.insert_text((x, 100), word, fontsize=10)
        x += font.text_length(word, 10) + 10 * gap


def test_tightly_set_words_are_told_apart() -> None:
    page = new_page()
    write_spaced(page, 0.13)
    assert layout_of(page).lines[0].text == "Composition of the pretraining mixture"


def test_narrow_space_between_a_number_and_its_unit_is_read() -> None:
    def read(unit: str, gap: float) -> str:
        page = new_page()
        page.insert_text((50, 100), "for 24", fontsize=10)
        page.insert_text((50 + pymupdf().Font("helv").text_length("for 24", 10) + gap, 100), unit, fontsize=10)
        return layout_of(page).lines[0].text

    assert (read("hours", 1.3), read("hours", 0), read("th", 1.3)) == ("for 24 hours", "for 24hours", "for 24th")


def test_long_word_stays_whole() -> None:
    page = new_page()
    page.insert_text((50, 100), "Donaudampfschifffahrtsgesellschaft", fontsize=10)
    assert layout_of(page).lines[0].text == "Donaudampfschifffahrtsgesellschaft"


def test_large_dash_does_not_reach_into_the_lines_above() -> None:
    page = new_page()
    page.insert_text((50, 100), "any", fontsize=10)
    page.insert_text((68, 100), "-", fontsize=24)
    page.insert_text((78, 100), "was", fontsize=10)
    (line,) = layout_of(page).lines
    assert line.text.replace(" ", "") == "any-was"
    assert line.box[3] - line.box[1] < 16


def test_powers_of_ten_and_formulas_of_chemistry_are_searchable() -> None:
    def write(*pieces: tuple[str, float, float]) -> str:
        page, x = new_page(), 50.0
        for text, size, rise in pieces:
            page.insert_text((x, 100 - rise), text, fontsize=size)
            x += pymupdf().Font("helv").text_length(text, size)
        return layout_of(page).lines[0].text

    assert write(("with 10", 10, 0), ("4", 6, 4), (" cells", 10, 0)) == "with 10^4 cells"
    assert write(("more CO", 10, 0), ("2", 6, -2), (" in air", 10, 0)) == "more CO2 in air"
    assert write(("in 2010", 10, 0), ("4", 6, 4), (" and", 10, 0)) == "in 20104 and"


def test_small_capitals_have_the_size_of_their_capitals() -> None:
    page = new_page()
    page.insert_text((50, 100), "I. I", fontsize=10)
    page.insert_text((50 + pymupdf().get_text_length("I. I", fontsize=10), 100), "NTRODUCTION", fontsize=8)
    (line,) = read_page(page, 1).lines
    assert (line.text, line.size) == ("I. INTRODUCTION", 10)


def test_cells_and_rules_of_one_path_are_its_parts() -> None:
    page = new_page()
    page.insert_text((100, 100), "text")
    wrap_contents(
        page, b"50 500 80 20 re 150 500 80 20 re 50 450 80 20 re f 50 400 m 90 400 l 50 380 m 90 380 l S ", b""
    )
    cells, rules = layout_of(page).drawings
    assert cells.parts[1] == pytest.approx((150, 80, 230, 100))
    assert len(cells.parts) == 3
    assert len(rules.parts) == 2


def test_path_with_a_slope_is_slanted() -> None:
    page = new_page()
    page.insert_text((100, 100), "text")
    wrap_contents(page, b"50 400 m 90 450 l 130 400 l S 50 300 m 90 300 l 90 250 l 130 250 l S ", b"")
    assert [(drawing.items, drawing.slanted) for drawing in layout_of(page).drawings] == [(2, True), (3, False)]


def test_line_with_a_few_plain_words_is_not_bold() -> None:
    page, x = new_page(), 50.0
    for text, font in (("Next meeting: October 7", "hebo"), (" at the airport", "helv")):
        page.insert_text((x, 100), text, fontname=font)
        x += pymupdf().get_text_length(text, fontname=font)
    (line,) = layout_of(page).lines
    assert (line.bold, line.first_font, line.last_font) == (False, "Helvetica-Bold", "Helvetica")


def test_letter_o_in_a_font_of_its_own_is_a_bullet() -> None:
    page = new_page()
    page.insert_text((50, 100), "o", fontname="cour")
    page.insert_text((60, 100), "The first item", fontname="helv")
    assert layout_of(page).lines[0].text.split() == ["○", "The", "first", "item"]


def test_unknown_symbol_before_text_is_a_bullet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _read_spans(monkeypatch, ("\x01", (50, 92, 56, 101)), ("An item", (60, 92, 90, 101))).text == "• An item"


def test_box_of_a_font_with_wrong_metrics_is_on_its_base_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for box in ((50, 100, 90, 221), (50, 100, 90, 103)):  # letters would hang below their base line at 100
        x0, y0, _, y1 = _read_spans(monkeypatch, ("words", box)).box
        assert (x0, y0) == (50, 90)
        assert 100 <= y1 <= 104


def test_two_parts_of_one_font_are_one_font(monkeypatch: pytest.MonkeyPatch) -> None:
    style = {"size": 10, "flags": 0, "char_flags": 16, "alpha": 255}
    spans = [
        {**style, "font": f"Adv1{part}", "text": text, "bbox": (x, 92, x + 20, 101), "origin": (x, 100)}
        for part, text, x in (("", "in", 50), ("+fb", "fl", 70), ("", "ammation", 90))
    ]
    block = {"lines": [{"dir": (1.0, 0.0), "wmode": 0, "spans": spans}]}
    monkeypatch.setattr("extractors.pdf.text_lines.read_blocks", lambda *_: [block])
    (line,) = layout_of(new_page()).lines
    assert (line.font, line.run_in) == ("Adv1", 0)


def test_symbols_in_a_heading_within_a_paragraph_do_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    style = {"size": 10, "flags": 0, "char_flags": 16, "alpha": 255}
    texts = [
        ("Serif-It", "3.4. Levels of IL-1"),
        ("Math", "𝛽"),
        ("Serif-It", ", IL-6."),
        ("Math", " 5"),
        ("Serif", " g"),
    ]
    spans = [
        {
            **style,
            "font": font,
            "text": text,
            "bbox": (50 + 50 * n, 92, 100 + 50 * n, 101),
            "origin": (50 + 50 * n, 100),
        }
        for n, (font, text) in enumerate(texts)
    ]
    block = {"lines": [{"dir": (1.0, 0.0), "wmode": 0, "spans": spans}]}
    monkeypatch.setattr("extractors.pdf.text_lines.read_blocks", lambda *_: [block])
    (line,) = layout_of(new_page()).lines
    assert line.text[: line.run_in] == "3.4. Levels of IL-1𝛽, IL-6."


def _read_spans(
    monkeypatch: pytest.MonkeyPatch, *spans: tuple[str, tuple[float, ...]], sizes: Sequence[int] = (10,)
) -> Line:
    """The only line of a page with these texts and boxes, in 10 points or other `sizes` on a base line at 100."""
    style = {"font": "Type3", "flags": 0, "char_flags": 16, "alpha": 255}
    raw = [
        {**style, "text": text, "bbox": box, "origin": (box[0], 100), "size": size}
        for (text, box), size in zip(spans, cycle(sizes), strict=False)
    ]
    block = {"lines": [{"dir": (1.0, 0.0), "wmode": 0, "spans": raw}]}
    monkeypatch.setattr("extractors.pdf.text_lines.read_blocks", lambda *_: [block])
    (line,) = layout_of(new_page()).lines
    return line


def test_large_mark_before_a_heading_does_not_reach_into_the_lines_above(monkeypatch: pytest.MonkeyPatch) -> None:
    mark, words = ("■", (50.0, 75.0, 60.0, 107.0)), ("RESULTS", (66.0, 92.0, 110.0, 102.0))
    line = _read_spans(monkeypatch, mark, words, sizes=(32, 10))
    assert (line.box[1], line.box[3]) == (92, 102)


@pytest.mark.parametrize(
    ("text", "space", "expected"),
    [
        (b"(FIGURE 3)", 2, "FIGURE 3"),
        (b"[(ARTICLE) -130 (INFO)]", 1.6, "ARTICLE INFO"),  # words without a blank between them are farther apart
        (b"(FIGURE)", 2.9, "F I G U R E"),  # letters that are as far apart as words
        (b"(figure)", 2, "f i g u r e"),
        (b"(A B C)", 0, "A B C"),
        (b"[(IT) -250 (IS) -250 (SO)]", 0, "IT IS SO"),
    ],
)
def test_letterspaced_capitals_are_words(text: bytes, space: float, expected: str) -> None:
    page = new_page()
    page.insert_text((50, 100), "Any", fontname="helv")
    content = b"BT /helv 10 Tf 1 0 0 1 50 500 Tm %.1f Tc %s %s ET" % (space, text, b"TJ" if b"[" in text else b"Tj")
    page.parent.update_stream(page.get_contents()[-1], content)
    assert layout_of(page).lines[0].text == expected


def write_run_in(page: Any, heading: str, gap: float, sentence: str, **style: Any) -> None:
    page.insert_text((50, 100), heading, fontname="hebo", fontsize=11)
    x = 50 + pymupdf().Font("hebo").text_length(heading, 11) + gap
    page.insert_text((x, 100), sentence, fontsize=10, **style)


@pytest.mark.parametrize(
    ("heading", "sentence", "lines"),
    [
        ("Yield of the orchards.", "All trees bear fruit.", 1),
        ("Yield of the orchards", "All trees bear fruit.", 2),
        ("Total.", "12 tonnes", 2),
    ],
)
def test_heading_in_bold_is_part_of_the_line_of_its_paragraph(heading: str, sentence: str, lines: int) -> None:
    page = new_page()
    write_run_in(page, heading, 11, sentence)
    assert len(layout_of(page).lines) == lines


def test_line_that_begins_with_a_heading_has_the_font_of_its_paragraph() -> None:
    page = new_page()
    write_run_in(page, "Yield of the orchards on the south side.", 5, "All trees bear fruit.", fontname="tiro")
    (line,) = layout_of(page).lines
    assert (line.font, line.size, line.bold, line.text[: line.run_in]) == (
        "Times-Roman", 10, False, "Yield of the orchards on the south side."
    )  # fmt: skip


def test_bold_start_of_a_line_may_have_words_in_italics() -> None:
    page, x = new_page(), 50.0
    for text, font in (("Diet of ", "hebo"), ("T. molitor.", "hebi"), (" All larvae eat.", "helv")):
        page.insert_text((x, 100), text, fontname=font, fontsize=10)
        x += pymupdf().Font(font).text_length(text, 10)
    (line,) = layout_of(page).lines
    assert line.text[: line.run_in] == "Diet of T. molitor."


def test_heading_in_another_font_is_part_of_the_line_of_its_paragraph() -> None:
    page = new_page()
    page.insert_text((50, 100), "Data used.", fontname="tiro", fontsize=10)
    page.insert_text((104, 100), "All trees bear fruit.", fontname="helv", fontsize=10)
    (line,) = layout_of(page).lines
    assert line.text[: line.run_in] == "Data used."
