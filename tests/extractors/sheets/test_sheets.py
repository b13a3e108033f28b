"""Workbooks: tables, captions, charts, pictures, comments, and what is refused."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.drawing.image import Image as SheetImage
from PIL import Image

from extractors.errors import ExtractionError
from extractors.sheets import chart_images, extractor, types
from extractors.sheets.extractor import extract
from extractors.slides.libreoffice import find_libreoffice
from extractors.types import Extraction, Options, Source


def extract_file(path: Path) -> Extraction:
    return extract(Source(path, path.as_uri(), path.name, "0", "x"), Options(ocr="off"), path.parent / "pictures")


def save(folder: Path, *rows: list[Any], **cells: Any) -> tuple[Any, Path]:
    """A workbook with one sheet, to be saved again after changes, and its path."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    for row in rows:
        sheet.append(row)
    for place, value in cells.items():
        sheet[place] = value
    book.save(folder / "a.xlsx")
    return book, folder / "a.xlsx"


def texts(extraction: Extraction, kind: str = "table") -> list[str]:
    return [one.text for one in extraction.passages if one.kind == kind]


def test_table_has_its_caption_headers_and_displayed_values(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Energy of the pumps"],
        [],
        ["Site", "2024", None, "Share"],
        [None, "Q1", "Q2"],
        ["Oslo", 1200.5, 900, 0.25],
    ]
    book, path = save(tmp_path, *rows, ["Bergen", 2401, -7, 0.5])
    sheet = book.active
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("B3:C3")
    for row in ("5", "6"):
        sheet["B" + row].number_format, sheet["C" + row].number_format = '#,##0.0 "kWh"', "#,##0;(#,##0)"
        sheet["D" + row].number_format = "0%"
    book.save(path)
    (table,) = extract_file(path).passages
    assert (table.kind, table.page, table.heading, table.caption) == ("table", 1, ("Sheet",), "Energy of the pumps")
    assert table.text.splitlines() == [
        "| Site | 2024 Q1 | 2024 Q2 | Share |",
        "| --- | --- | --- | --- |",
        "| Oslo | 1,200.5 kWh | 900 | 25% |",
        "| Bergen | 2,401.0 kWh | (7) | 50% |",
    ]
    assert table.table
    assert table.table.header_rows == 2


def test_merged_cells_over_a_whole_sheet_are_not_filled_in(tmp_path: Path) -> None:
    path = save(tmp_path, A1="Pumps", XFD1048576="far away")[1]
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    merged = b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFC1048575"/></mergeCells>'
    members["xl/worksheets/sheet1.xml"] = members["xl/worksheets/sheet1.xml"].replace(b"</sheetData>", merged)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert texts(extract_file(path), "text") == ["Pumps\nfar away"]


def test_empty_rows_and_columns_separate_tables_and_notes(tmp_path: Path) -> None:
    left: dict[str, Any] = {"A1": "Pump", "B1": "kW", "A2": "P1", "B2": 5, "A3": "P2", "B3": 7}
    right = {
        "E1": "Day",
        "F1": "Event",
        "E2": date(2026, 1, 5),
        "F2": "Cleaned",
        "E3": date(2026, 2, 1),
        "F3": "Repaired",
    }
    extraction = extract_file(save(tmp_path, **left, **right, A6="Measured at the meter.")[1])
    assert [text.splitlines()[0] for text in texts(extraction)] == ["| Pump | kW |", "| Day | Event |"]
    assert texts(extraction)[1].splitlines()[2] == "| 2026-01-05 | Cleaned |"
    assert texts(extraction, "text") == ["Measured at the meter."]


def test_parts_behind_a_gap_without_header_or_labels_continue_the_table(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Site", None, "Energy"], ["Oslo", None, 5], [], ["Bergen", None, 7]]
    assert [text.splitlines()[2:] for text in texts(extract_file(save(tmp_path, *rows)[1]))] == [
        ["| Oslo | 5 |", "| Bergen | 7 |"]
    ]


def test_text_alone_in_a_row_is_the_label_of_a_group(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Item", "2025", "2026"],
        ["Income"],
        ["Sales", 5, 6],
        ["Rent", 1, 2],
        ["Costs"],
        ["Wages", 3, 4],
    ]
    (text,) = texts(extract_file(save(tmp_path, *rows)[1]))
    assert "| Costs: Wages | 3 | 4 |" in text


def test_pair_in_a_row_alone_is_a_sentence(tmp_path: Path) -> None:
    extraction = extract_file(save(tmp_path, ["Report"], [], [], [], ["Revenue", "$50,000"])[1])
    assert texts(extraction, "text") == ["Report\nRevenue: $50,000"]


def test_chart_becomes_a_table_and_a_picture(tmp_path: Path) -> None:
    book, path = save(tmp_path, ["Site", "kW"], ["Oslo", 5], ["Bergen", 7])
    chart = BarChart()
    chart.title = "Energy by site"
    chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    chart.set_categories(Reference(book.active, min_col=1, min_row=2, max_row=3))
    book.active.add_chart(chart, "A8")
    book.save(path)
    extraction = extract_file(path)
    table = extraction.passages[1]
    assert (table.caption, table.text.splitlines()[2:]) == ("Energy by site", ["| Oslo | 5 |", "| Bergen | 7 |"])
    if find_libreoffice():
        (picture,) = extraction.pictures
        assert (picture.caption, picture.heading) == ("Energy by site", ("Sheet",))
    else:
        assert any("given as tables only" in note for note in extraction.report.notes)


def test_chart_without_libreoffice_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Path:
        raise ExtractionError("LibreOffice is not installed")

    monkeypatch.setattr(chart_images, "convert_file", fail)
    book, path = save(tmp_path, ["Site", "kW"], ["Oslo", 5])
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=2), titles_from_data=True)
    book.active.add_chart(chart, "A8")
    book.save(path)
    extraction = extract_file(path)
    assert len(texts(extraction)) == 2
    assert extraction.report.notes == ("charts are given as tables only: LibreOffice is not installed",)


def test_pictures_comments_and_hidden_sheets_are_read(tmp_path: Path) -> None:
    book, path = save(tmp_path, ["Site", "kW"], ["Oslo", 5])
    picture = BytesIO()
    Image.effect_noise((120, 90), 60).convert("RGB").save(picture, "PNG")
    book.active.add_image(SheetImage(picture), "A5")
    book.active["B2"].comment = Comment("Checked twice.", "Ada")
    hidden = book.create_sheet("Rates")
    hidden["A1"], hidden.sheet_state = "One rate only.", "hidden"
    book.save(path)
    extraction = extract_file(path)
    assert [(one.page, one.heading) for one in extraction.pictures] == [(1, ("Sheet",))]
    assert texts(extraction, "notes") == ["Ada: Checked twice."]
    assert [(one.page, one.heading) for one in extraction.passages if one.kind == "text"] == [(2, ("Rates",))]
    assert extraction.report.notes == ("hidden sheets were read as well: Rates",)


def test_formulas_give_their_values_and_missing_ones_are_said(tmp_path: Path) -> None:
    extraction = extract_file(save(tmp_path, ["Site", "kW"], ["Oslo", 5], ["Sum", "=SUM(B2:B2)"])[1])
    assert "SUM(" not in texts(extraction)[0]
    assert extraction.report.notes[0].startswith("1 formula has no stored value")


def test_sheet_too_large_is_refused_and_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book, path = save(tmp_path, *([i, i, i] for i in range(9)))
    from extractors.sheets import excel

    monkeypatch.setattr(excel, "MAX_CELLS", 20)
    with pytest.raises(ExtractionError, match=r"a\.xlsx: the sheet Sheet has more than .* export it as a CSV"):
        extract_file(path)
    book.create_sheet("Small")["A1"] = "Summary of all rows."
    book.save(path)
    extraction = extract_file(path)
    assert texts(extraction, "text") == ["Summary of all rows."]
    assert extraction.report.problems[0].page == 1
    assert types.MAX_CELLS == 100_000


def test_opendocument_sheet_has_displayed_values(tmp_path: Path) -> None:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Energy")
    for row in (["Site", "Share"], ["Oslo", ("0.256", "25.6%")]):
        line = TableRow()
        for value in row:
            shown = value if isinstance(value, str) else value[1]
            cell = TableCell() if isinstance(value, str) else TableCell(valuetype="percentage", value=value[0])
            cell.addElement(P(text=shown))
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    document.save(tmp_path / "a.ods")
    (passage,) = extract_file(tmp_path / "a.ods").passages
    assert (passage.heading, passage.text.splitlines()[::2]) == (("Energy",), ["| Site | Share |", "| Oslo | 25.6% |"])


def test_encrypted_binary_workbook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import python_calamine

    def refuse(path: Path) -> None:
        raise python_calamine.PasswordError("Workbook is password protected")

    monkeypatch.setattr(python_calamine, "CalamineWorkbook", SimpleNamespace(from_path=refuse))
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(ExtractionError, match=r"^a\.xls: is encrypted; save it without a password$"):
        extract_file(tmp_path / "a.xls")


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods", "a.xls"])
def test_damaged_workbook_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("xl/workbook.xml", "<broken")
    with pytest.raises(ExtractionError, match=rf"{re.escape(name)}: cannot be read as a workbook"):
        extract_file(tmp_path / name)


@pytest.mark.parametrize("number", ["2147483647", "1e308"])
def test_row_beyond_the_last_one_is_refused_before_somebody_counts_to_it(tmp_path: Path, number: str) -> None:
    _, path = save(tmp_path, ["Part", "Price"], ["Hose", 3])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"]
    members["xl/worksheets/sheet1.xml"] = sheet.replace(b'<row r="2"', f'<row r="{number}"'.encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ExtractionError, match=f"cannot be read as a workbook .*a row has the number {number}"):
        extract_file(path)


def test_sheet_names_are_headings() -> None:
    sheet = types.Sheet("Notes", {(0, 0): types.Cell("All good.")})
    heading, text = extractor.sheet_blocks(sheet, 3)
    assert (heading.page, text.page) == (3, 3)
