"""Tables on scanned pages, from the lines that OCR reads."""

from __future__ import annotations

from pathlib import Path

from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.types import Options, Source

ROWS = [("Orchard", "Trees", "Tonnes"), ("North", "1204", "315"), ("South", "986", "270"), ("West", "77", "21")]


def test_scanned_table_between_rules_has_its_rows_and_columns(tmp_path: Path) -> None:
    page = pymupdf().open().new_page(width=420, height=300)
    for number, row in enumerate(ROWS):
        for x, cell in zip((44, 170, 280), row, strict=True):
            page.insert_text((x, 93 + 22 * number), cell, fontsize=13)
    for y in (76, 100, 170):
        page.draw_line((40, y), (380, y), width=1)
    scan = pymupdf().open()
    scan.new_page(width=420, height=300).insert_image((0, 0, 420, 300), stream=page.get_pixmap(dpi=200).tobytes("png"))
    path = tmp_path / "scan.pdf"
    scan.save(path)
    source = Source(path, path.as_uri(), path.name, "", "application/pdf")
    found = extract(source, Options(ocr="tesseract"), tmp_path / "pictures")
    (table,) = [passage for passage in found.passages if passage.kind == "table"]
    assert table.ocr
    assert table.text.splitlines()[0] == "| Orchard | Trees | Tonnes |"
    assert table.text.splitlines()[2:] == [f"| {' | '.join(row)} |" for row in ROWS[1:]]
