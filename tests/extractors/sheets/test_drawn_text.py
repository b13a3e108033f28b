"""Workbooks: text boxes and diagrams, the strict variant of the format, and incomplete ones."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
from odf.dc import Creator
from odf.draw import CustomShape, Frame, TextBox
from odf.office import Annotation
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl.drawing.image import Image as SheetImage

from extractors.sheets.tables import SheetTable, find_tables
from extractors.sheets.types import Cell
from tests.support.blocks import extract_file, png

A = "http://schemas.openxmlformats.org/drawingml/2006/main"


def workbook(folder: Path) -> Path:
    """A workbook with a table and a picture, so with a drawing."""
    book: Any = openpyxl.Workbook()
    for row in (["Part", "Price"], ["Pump", 12]):
        book.active.append(row)
    book.active.add_image(SheetImage(BytesIO(png())), "D1")
    book.save(folder / "a.xlsx")
    return folder / "a.xlsx"


def rewrite(path: Path, change: Any, **more: str) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, change(name, data.decode()) if name.endswith((".xml", ".rels")) else data)
        for name, text in more.items():
            archive.writestr(name, text)


def test_text_boxes_and_diagrams_on_a_sheet_are_text(tmp_path: Path) -> None:
    words = "<a:p><a:r><a:t>Prices are </a:t></a:r><a:r><a:t>unaudited.</a:t></a:r></a:p>"
    words += "<a:p><a:r><a:t>Ask.</a:t></a:r></a:p>"
    box = f'<sp><txBody xmlns:a="{A}">{words}</txBody></sp>'
    old = '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Fallback>'
    old += box.replace("Ask.", "Not in your version.") + "</mc:Fallback></mc:AlternateContent>"
    diagram = '<d:relIds xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/diagram" r:dm="rId9" '
    diagram += 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"/>'
    relation = '<Relationship Id="rId9" Type="http://x/diagramData" Target="/xl/diagrams/data1.xml"/></Relationships>'

    def change(name: str, text: str) -> str:
        if name.endswith("drawing1.xml"):
            return text.replace("<clientData", box + old + diagram + "<clientData")
        return text.replace("</Relationships>", relation) if name.endswith("drawing1.xml.rels") else text

    path = workbook(tmp_path)
    data = {"xl/diagrams/data1.xml": f'<x xmlns:a="{A}"><a:p><a:r><a:t>Order</a:t></a:r></a:p></x>'}
    rewrite(path, change, **data)
    found = [one.text for one in extract_file(path).passages if one.kind == "text"]
    assert found == ["Prices are unaudited.\nAsk.\nOrder"]


def test_strict_workbook_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    names = r"http://schemas.openxmlformats.org/(spreadsheetml|officeDocument|drawingml)/2006/"
    rewrite(path, lambda _, text: re.sub(names, r"http://purl.oclc.org/ooxml/\1/", text))
    found = extract_file(path)
    assert "| Pump | 12 |" in found.passages[0].text
    assert len(found.pictures) == 1


def test_many_rows_with_an_empty_column_are_one_table_and_take_no_time() -> None:
    cells = {(row, column): Cell(str(row), "number") for row in range(30_000) for column in (0, 2)}
    assert [isinstance(one, SheetTable) for one in find_tables(cells)] == [True]


def test_workbook_without_styles_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    rewrite(path, lambda name, text: re.sub(r"<cellXfs.*</cellXfs>", "", text) if name.endswith("styles.xml") else text)
    assert "| Pump | 12 |" in extract_file(path).passages[0].text


def test_comments_and_text_boxes_of_an_opendocument_sheet_are_read(tmp_path: Path) -> None:
    document, table, row, cell = OpenDocumentSpreadsheet(), Table(name="Energy"), TableRow(), TableCell()
    for author, text in (("Ada", "Check this."), ("Bo", "Bo: agreed.")):
        note = Annotation()
        note.addElement(Creator(text=author))
        note.addElement(P(text=text))
        cell.addElement(note)
    frame, box, shape = Frame(width="3cm", height="1cm"), TextBox(), CustomShape(width="3cm", height="1cm")
    box.addElement(P(text="Prices are unaudited."))
    shape.addElement(P(text="Start"))
    frame.addElement(box)
    for one in (P(text="Oslo"), frame, shape):
        cell.addElement(one)
    row.addElement(cell)
    table.addElement(row)
    document.spreadsheet.addElement(table)
    document.save(tmp_path / "a.ods")
    found = [(one.kind, one.text) for one in extract_file(tmp_path / "a.ods").passages]
    assert found == [
        ("text", "Oslo\nStart\nPrices are unaudited."),
        ("notes", "Ada: Check this."),
        ("notes", "Bo: agreed."),
    ]
