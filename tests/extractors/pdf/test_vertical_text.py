"""Vertical Japanese: lines run from top to bottom, and follow each other from right to left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from extractors.ocr.recognition import choose_engine
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from extractors.types import Options
from tests.extractors.pdf.test_extractor import extract_document

UPPER = ("春はあけぼの。やうやう白く", "なりゆく山ぎは、すこしあかりて、", "紫だちたる雲のほそくたなびきたる。")
LOWER = ("夏は夜。月の頃はさらなり、", "闇もなほ、蛍の多く飛びちがひ", "たる。")
DESCRIPTOR = (
    "/FontDescriptor /FontName /A /Flags 4 /FontBBox [0 -120 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120"
)


def _columns(lines: tuple[str, ...], top: float, size: float = 12) -> str:
    """Operators that write lines, the first at the right."""
    shown = (f"{540 - 20 * n} {top} Td <{line.encode('utf-16-be').hex()}>" for n, line in enumerate(lines))
    return " ".join(f"BT /V {size} Tf {one} Tj ET" for one in shown)


def _document(*operators: str) -> Any:
    """A page of 600 by 800 points, drawn with `operators`, and the fonts V (vertical) and H (level)."""
    document = pymupdf().open()
    page = document.new_page(width=600, height=800)
    described, characters, vertical, level, stream = (document.get_new_xref() for _ in range(5))
    document.update_object(described, f"<</Type {DESCRIPTOR} /CapHeight 700 /StemV 80>>")
    system = "<</Registry (Adobe) /Ordering (Japan1) /Supplement 2>>"
    font = f"/Subtype /CIDFontType0 /BaseFont /A /CIDSystemInfo {system} /DW 1000 /FontDescriptor {described} 0 R"
    document.update_object(characters, f"<</Type /Font {font}>>")
    for xref, mode in ((vertical, "V"), (level, "H")):
        encoding = f"/Encoding /UniJIS-UCS2-{mode} /DescendantFonts [{characters} 0 R]"
        document.update_object(xref, f"<</Type /Font /Subtype /Type0 /BaseFont /A {encoding}>>")
    document.xref_set_key(page.xref, "Resources", f"<</Font <</V {vertical} 0 R /H {level} 0 R>>>>")
    document.update_object(stream, "<<>>")
    document.update_stream(stream, "\n".join(operators).encode())
    page.set_contents(stream)
    return document


def test_characters_of_a_vertical_line_are_one_line() -> None:
    first, second, _ = read_page(_document(_columns(UPPER, 760))[0], 1).lines
    assert (first.text, first.vertical, first.horizontal) == (UPPER[0], True, False)
    assert second.box[2] < first.box[0]


def test_tiers_are_read_from_right_to_left_one_after_the_other(tmp_path: Path) -> None:
    made = extract_document(_document(_columns(LOWER, 360), _columns(UPPER, 760)), tmp_path, page_images="all")
    (passage,) = made.passages
    assert "".join(passage.text.split()) == "".join((*UPPER, *LOWER))
    assert passage.box == pytest.approx((494, 51, 546, 619), abs=1)
    assert [picture.image.width < picture.image.height for picture in made.pictures] == [True]  # not turned


def test_upright_numbers_are_part_of_their_line_and_readings_of_characters_are_left_out(tmp_path: Path) -> None:
    number = "BT /H 6 Tf 534 728 Td <00310032> Tj ET"
    readings = "BT /V 6 Tf 550 722 Td <30693061> Tj ET"
    document = _document(_columns(("四月",), 760), number, _columns(UPPER, 724), readings)
    (passage,) = extract_document(document, tmp_path).passages
    assert "".join(passage.text.split()) == "四月12" + "".join(UPPER)


@pytest.mark.slow
@pytest.mark.skipif(choose_engine(Options(ocr="rapidocr"))[0] is None, reason="RapidOCR is not installed")
def test_scanned_vertical_lines_are_read_upright_and_in_order(tmp_path: Path) -> None:
    drawn = _document(_columns((*UPPER, *LOWER) * 3, 760))[0]
    page = pymupdf().open().new_page(width=600, height=800)
    page.insert_image(page.rect, pixmap=drawn.get_pixmap(dpi=150))
    made = extract_document(page.parent, tmp_path, ocr="auto")
    text = "".join(re.findall(r"\w", "".join(passage.text for passage in made.passages)))
    places = [text.find("".join(re.findall(r"\w", line))[:5]) for line in (*UPPER, *LOWER[:2])]
    assert -1 not in places
    assert places == sorted(places)
    assert [picture.image.width < picture.image.height for picture in made.pictures] == [True]
