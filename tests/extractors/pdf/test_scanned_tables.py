"""Tables on scanned pages, from the lines that OCR reads and the rules around them."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.types import Extraction, Options, Source

ROWS = [("Orchard", "Trees", "Tonnes"), ("North", "1204", "315"), ("South", "986", "270"), ("West", "77", "21")]
PROSE = "The harvest was weighed at the gate in autumn, and the trees were counted again in the spring of that year. "


def _scan(page: Any, folder: Path, skew: float = 0.0) -> Extraction:
    """What is extracted from the page as a scanner saves it, turned anticlockwise by `skew` degrees."""
    pixels = page.get_pixmap(dpi=150)
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    file = BytesIO()
    image.rotate(skew, Image.Resampling.BICUBIC, fillcolor="white").save(file, "PNG")
    scan = pymupdf().open()
    scan.new_page(width=page.rect.width, height=page.rect.height).insert_image(page.rect, stream=file.getvalue())
    path = folder / "scan.pdf"
    scan.save(path)
    source = Source(path, path.as_uri(), path.name, "", "application/pdf")
    return extract(source, Options(ocr="tesseract"), folder / "pictures")


def _draw_grid(page: Any, xs: tuple[int, ...], ys: tuple[int, ...]) -> None:
    for y in ys:
        page.draw_line((xs[0], y), (xs[-1], y), width=1)
    for x in xs:
        page.draw_line((x, ys[0]), (x, ys[-1]), width=1)


def _write_rows(page: Any, xs: tuple[int, ...], top: int, pitch: int, size: int) -> None:
    for number, row in enumerate(ROWS):
        for x, cell in zip(xs, row, strict=True):
            page.insert_text((x, top + pitch * number), cell, fontsize=size)


def test_scanned_table_between_rules_has_its_rows_and_columns(tmp_path: Path) -> None:
    page = pymupdf().open().new_page(width=420, height=300)
    _write_rows(page, (44, 170, 280), 93, 22, 13)
    for y in (76, 100, 170):
        page.draw_line((40, y), (380, y), width=1)
    found = _scan(page, tmp_path)
    (table,) = [passage for passage in found.passages if passage.kind == "table"]
    assert table.ocr
    assert table.text.splitlines()[0] == "| Orchard | Trees | Tonnes |"
    assert table.text.splitlines()[2:] == [f"| {' | '.join(row)} |" for row in ROWS[1:]]


@pytest.mark.parametrize(("skew", "prose"), [(0.0, True), (0.0, False), (-2.0, True)])
def test_scanned_table_in_a_ruled_grid_keeps_every_cell(tmp_path: Path, skew: float, prose: bool) -> None:
    page = pymupdf().open().new_page(width=420, height=400)
    _draw_grid(page, (40, 160, 270, 380), tuple(range(120, 217, 24)))
    _write_rows(page, (46, 166, 276), 137, 24, 11)
    if prose:
        page.insert_textbox((40, 50, 380, 110), PROSE, fontsize=11)
        page.insert_textbox((40, 240, 380, 300), PROSE, fontsize=11)
    found = _scan(page, tmp_path, skew)
    (table,) = [passage for passage in found.passages if passage.kind == "table"]
    lines = [f"| {' | '.join(row)} |" for row in ROWS]
    assert table.text.splitlines() == [lines[0], "| --- | --- | --- |", *lines[1:]]
    assert [picture.kind for picture in found.pictures if picture.kind not in ("page", "slide")] == ["table"]
    assert sum(passage.text.count("weighed at the gate") for passage in found.passages) == 2 * prose


def test_wide_scanned_table_between_rules_on_a_skewed_page_keeps_its_rows(tmp_path: Path) -> None:
    page = pymupdf().open().new_page(width=842, height=595)
    _write_rows(page, (64, 390, 700), 213, 22, 13)
    for y in (196, 220, 290):
        page.draw_line((60, y), (780, y), width=1)
    page.insert_textbox((60, 50, 780, 180), 4 * PROSE, fontsize=13)
    found = _scan(page, tmp_path, -2)
    (table,) = [passage for passage in found.passages if passage.kind == "table"]
    lines = [f"| {' | '.join(row)} |" for row in ROWS]
    assert table.text.splitlines() == [lines[0], "| --- | --- | --- |", *lines[1:]]
    (picture,) = [picture for picture in found.pictures if picture.kind not in ("page", "slide")]
    assert (picture.kind, picture.box) == ("table", table.box)
    turned = math.radians(2)
    for x, y in ((64, 204), (740, 204), (64, 279), (740, 279)):  # its corners, from the middle of the page
        right, down = x - 421, y - 297.5
        on_x = 421 + right * math.cos(turned) - down * math.sin(turned)
        on_y = 297.5 + right * math.sin(turned) + down * math.cos(turned)
        assert table.box
        assert table.box[0] - 4 < on_x < table.box[2] + 4
        assert table.box[1] - 4 < on_y < table.box[3] + 4


def test_words_of_a_scanned_form_are_kept(tmp_path: Path) -> None:
    page = pymupdf().open().new_page(width=420, height=400)
    page.insert_textbox((40, 50, 380, 110), PROSE, fontsize=11)
    _draw_grid(page, (40, 160, 270, 380), tuple(range(120, 241, 30)))
    for number, label in enumerate(("Name", "Address", "Signature")):
        page.insert_text((46, 140 + 30 * number), label, fontsize=11)
    found = _scan(page, tmp_path)
    kept = [passage.text for passage in found.passages]
    kept += [picture.words for picture in found.pictures if picture.kind not in ("page", "slide")]
    assert all(label in " ".join(kept) for label in ("Name", "Address", "Signature", "weighed"))


def test_scanned_plot_with_grid_lines_stays_a_figure(tmp_path: Path) -> None:
    page = pymupdf().open().new_page(width=420, height=400)
    page.insert_textbox((40, 50, 380, 110), PROSE, fontsize=11)
    _draw_grid(page, tuple(range(80, 381, 50)), tuple(range(130, 331, 40)))
    for number in range(7):
        page.insert_text((70 + 50 * number, 345), str(2015 + number), fontsize=9)
    page.draw_polyline([(80 + 5 * n, 230 + 70 * math.sin(n / 8)) for n in range(61)], width=2, color=(0, 0, 0.8))
    found = _scan(page, tmp_path)
    assert [picture.kind for picture in found.pictures if picture.kind not in ("page", "slide")] == ["figure"]
    assert not [passage for passage in found.passages if passage.kind == "table"]


def test_scanned_table_between_rules_takes_no_text_of_the_column_beside_it(tmp_path: Path) -> None:
    page = pymupdf().open().new_page(width=595, height=500)
    page.insert_textbox((40, 50, 285, 490), 9 * PROSE, fontsize=10)
    page.insert_textbox((310, 50, 555, 240), 3 * PROSE, fontsize=10)
    rows = [*ROWS, *((f"{name}ern", f"{trees}1", f"{tonnes}2") for name, trees, tonnes in ROWS[1:])]
    for n, row in enumerate(rows):
        for x, cell in zip((314, 400, 490), row, strict=True):
            page.insert_text((x, 261 + 22 * n), cell, fontsize=10)
    for y in (246, 267, 401):
        page.draw_line((310, y), (555, y), width=1)
    found = _scan(page, tmp_path)
    (table,) = [passage for passage in found.passages if passage.kind == "table"]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    assert table.text.splitlines() == [lines[0], "| --- | --- | --- |", *lines[1:]]
