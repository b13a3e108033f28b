"""Excel workbooks: values and number formats from openpyxl, charts and pictures from the parts of the package."""

import posixpath
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from io import BytesIO
from itertools import islice, product
from pathlib import Path
from typing import Any, BinaryIO

from extractors.containers import is_ole, open_zip, read_member
from extractors.errors import ExtractionError, error_summary
from extractors.office_xml import CHART, DIAGRAM, MC, A, R, parse_xml, usual_names
from extractors.sheets.binary import read_binary
from extractors.sheets.number_format import display_value, plain_number
from extractors.sheets.types import (
    ADVICE,
    MAX_CELLS,
    MAX_SHEETS,
    TOO_LARGE,
    Cell,
    Cells,
    Drawing,
    Sheet,
    Workbook,
    number_cell,
    text_cell,
)
from extractors.slides.charts import MAX_ROWS, read_chart_space

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_FORMULA_WITHOUT_VALUE = re.compile(rb"</(?:\w+:)?f>\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>")
_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_THREADED = re.compile(r"^\[Threaded comment\].*?Comment: ")
"""What Excel writes before a comment for its older versions."""
_CACHES = {f"{CHART}numRef": f"{CHART}numCache", f"{CHART}strRef": f"{CHART}strCache"}
LAST_ROW = 1_048_576
"""Of a sheet in Excel."""
_ROW_NUMBER = re.compile(rb"<(?:\w+:)?row\s[^>]*?\br=[\"']([^\"']*)")
_REFERENCE = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")


def read_excel(path: Path, name: str) -> Workbook:
    """Read a workbook of Excel 2007 or newer, or of an older one. Raises `ExtractionError`."""
    if is_ole(path, name) or path.suffix.lower() == ".xlsb":
        return read_binary(path, name)
    with open_zip(path, name) as archive, path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about features of Excel that are not kept when writing
        try:
            return _read_package(archive, file)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, SyntaxError) as error:  # invalid parts
            raise ExtractionError(f"{name}: cannot be read as a workbook ({error_summary(error)}); {ADVICE}") from error


def _read_package(archive: zipfile.ZipFile, file: BinaryIO) -> Workbook:
    from openpyxl import load_workbook

    book = load_workbook(_without_strict_names(archive) or file, read_only=True, data_only=True, keep_links=False)
    try:
        parts = _sheet_parts(archive)
        cells_by_sheet: dict[str, Cells] = {}
        sheets, without_value = [], 0
        for name, (part, hidden) in islice(parts.items(), MAX_SHEETS):
            if "/worksheets/" not in part:  # a chart on a sheet of its own
                sheets.append(Sheet(name, hidden=hidden))
                continue
            data = archive.read(part)
            _check_rows(data)
            cells = _read_cells(book[name])
            if cells is None:
                sheets.append(Sheet(name, hidden=hidden, problem=TOO_LARGE))
                continue
            without_value += len(_FORMULA_WITHOUT_VALUE.findall(data))
            cells_by_sheet[name] = _merge(cells, data)
            comments = tuple(_comments(archive, part))
            sheets.append(Sheet(name, cells_by_sheet[name], hidden=hidden, comments=comments))
        drawings = [tuple(_drawings(archive, parts[one.name][0], cells_by_sheet)) for one in sheets]
        sheets = [replace(one, drawings=drawn) for one, drawn in zip(sheets, drawings, strict=True)]
        formulas = "formula has no stored value" if without_value == 1 else "formulas have no stored values"
        notes = [f"{without_value:,} {formulas}; {ADVICE}"] if without_value else []
        if len(parts) > MAX_SHEETS:
            notes.append(f"only the first {MAX_SHEETS} of {len(parts)} sheets were read; split the workbook")
        return Workbook(sheets, str(book.properties.title or ""), tuple(notes))
    finally:
        book.close()


def _without_strict_names(archive: zipfile.ZipFile) -> BinaryIO | None:
    """The XML of a workbook in the strict variant, with the names that openpyxl knows; None for other workbooks."""
    parts = [name for name in archive.namelist() if name.endswith((".xml", ".rels"))]
    if all(usual_names(data := archive.read(name)) == data for name in parts if name.endswith("workbook.xml")):
        return None
    copy = BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as usual:
        for name in parts:
            usual.writestr(name, usual_names(archive.read(name)))
    return copy


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, tuple[str, bool]]:
    """Name of every sheet, in order -> its part, and whether it is hidden."""
    book = next((target for kind, target in _related(archive, "").values() if kind == "officeDocument"), None)
    if book is None:
        raise ValueError("it names no workbook")
    targets, sheets = _related(archive, book), {}
    for sheet in parse_xml(archive.read(book)).iter("{*}sheet"):
        if found := targets.get(sheet.get(f"{R}id", "")):
            sheets[str(sheet.get("name"))] = (found[1], sheet.get("state", "visible") != "visible")
    return sheets


def _related(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Id of everything in the package that a part refers to -> its kind, such as `chart`, and its part."""
    from openpyxl.packaging.relationship import get_dependents, get_rels_path

    relations = get_rels_path(part)
    if relations not in archive.namelist():
        return {}
    found = get_dependents(archive, relations)
    return {one.Id: (posixpath.basename(one.Type), one.target) for one in found if one.TargetMode != "External"}


def _check_rows(sheet: bytes) -> None:
    """Raises `ValueError` for a row that no sheet has: openpyxl would count to it."""
    for found in _ROW_NUMBER.finditer(sheet):
        if not (found[1].isdigit() and int(found[1]) <= LAST_ROW):
            raise ValueError(f"a row has the number {found[1][:20].decode(errors='replace')}")


def _read_cells(sheet: Any) -> dict[tuple[int, int], Cell] | None:
    """The cells that are not empty; None if there are too many."""
    cells: dict[tuple[int, int], Cell] = {}
    sheet.reset_dimensions()  # programs declare wrong ones
    for row in sheet.iter_rows():
        for one in row:
            if one.value is None or one.value == "":
                continue
            text = display_value(one.value, _number_format(one))
            if isinstance(one.value, int | float) and not isinstance(one.value, bool):
                cells[one.row - 1, one.column - 1] = number_cell(text, one.value)
            elif text:
                cells[one.row - 1, one.column - 1] = Cell(text, "date") if one.data_type == "d" else text_cell(text)
        if len(cells) > MAX_CELLS:
            return None
    return cells


def _number_format(cell: Any) -> str:
    try:
        return str(cell.number_format)
    except IndexError:  # some programs refer to styles that they do not write
        return "General"


def _merge(cells: dict[tuple[int, int], Cell], sheet: bytes) -> Cells:
    from openpyxl.utils import range_boundaries

    last_row, last_column = (max((place[axis] for place in cells), default=0) + 1 for axis in (0, 1))
    for match in islice(_MERGED.finditer(sheet), MAX_CELLS):
        left, top, right, bottom = range_boundaries(match[1].decode())
        if cell := cells.get((top - 1, left - 1)):
            rows, columns = min(bottom, last_row) - top + 1, min(right, last_column) - left + 1
            cells[top - 1, left - 1] = replace(cell, rows=max(rows, 1), columns=max(columns, 1))
    return cells


def _drawings(archive: zipfile.ZipFile, part: str, cells: Mapping[str, Cells]) -> Iterator[Drawing]:
    """The pictures and charts of a sheet. Those that cannot be understood are left out."""
    drawing = next((target for kind, target in _related(archive, part).values() if kind == "drawing"), None)
    if drawing is None:
        return
    related = _related(archive, drawing)
    for anchor in parse_xml(archive.read(drawing)):
        row, column = (int(anchor.findtext(f"{_XDR}from/{_XDR}{name}") or 0) for name in ("row", "col"))
        for picture in anchor.iter(f"{_XDR}pic"):
            properties, blip = picture.find(f"{_XDR}nvPicPr/{_XDR}cNvPr"), picture.find(f".//{A}blip")
            found = related.get(blip.get(f"{R}embed", "")) if blip is not None else None
            if found:
                caption = properties.get("descr", "") if properties is not None else ""
                yield Drawing(row, column, partial(read_member, archive.filename or "", found[1]), caption)
        for chart in anchor.iter(f"{CHART}chart"):
            if found := related.get(chart.get(f"{R}id", "")):
                space = parse_xml(archive.read(found[1]))
                fill_caches(space, cells)
                caption, rows = read_chart_space(space)
                yield Drawing(row, column, None, caption, rows, space)
        bodies = [one for one in anchor.iter(f"{_XDR}txBody") if next(one.iterancestors(f"{MC}Fallback"), None) is None]
        for diagram in anchor.iter(f"{DIAGRAM}relIds"):
            if found := related.get(diagram.get(f"{R}dm", "")):
                bodies.append(parse_xml(archive.read(found[1])))
        if texts := [text for body in bodies for text in _paragraphs(body)]:
            yield Drawing(row, column, texts=texts)


def _paragraphs(body: Any) -> Iterator[str]:
    for paragraph in body.iter(f"{A}p"):
        pieces = [one.text or "" if one.tag == f"{A}t" else " " for one in paragraph.iter(f"{A}t", f"{A}br")]
        if text := "".join(pieces).strip():
            yield text


def _comments(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, int, str]]:
    from openpyxl.utils.cell import coordinate_to_tuple

    for kind, target in _related(archive, part).values():
        if kind == "comments" and target in archive.namelist():
            comments = parse_xml(archive.read(target))
            authors = [one.text or "" for one in comments.iter("{*}author")]
            for one in comments.iter("{*}comment"):
                row, column = coordinate_to_tuple(one.get("ref", "A1"))
                text = " ".join("".join(run.text or "" for run in one.iter("{*}t")).split())
                text = _THREADED.sub("", text)
                author = authors[int(one.get("authorId", 0))] if authors else ""
                is_signed = not author or author.startswith("tc={") or text.startswith(author)
                yield row - 1, column - 1, text if is_signed else f"{author}: {text}"


def fill_caches(space: Any, sheets: Mapping[str, Cells]) -> None:
    """Add the values of every reference in a `c:chartSpace` element that has none; `sheets` are the cells by sheet."""
    for reference in space.iter(*_CACHES):
        if reference.find(f".//{CHART}pt") is None:
            texts = _texts(reference.findtext(f"{CHART}f") or "", sheets)
            if texts and reference.tag == f"{CHART}numRef" and not any(map(_is_number, texts)):
                reference.tag = f"{CHART}strRef"  # some programs call names of categories numbers
            cache = reference.makeelement(_CACHES[reference.tag])
            cache.append(cache.makeelement(f"{CHART}ptCount", {"val": str(len(texts))}))
            for index, text in enumerate(texts):
                point = cache.makeelement(f"{CHART}pt", {"idx": str(index)})
                value = cache.makeelement(f"{CHART}v")
                value.text = text
                point.append(value)
                cache.append(point)
            reference.append(cache)


def _texts(reference: str, sheets: Mapping[str, Cells]) -> list[str]:
    from openpyxl.utils import column_index_from_string

    match = _REFERENCE.fullmatch(reference.strip())
    if match is None:
        return []
    cells = sheets.get((match[1] or match[2]).replace("''", "'"), {})
    left, right = (column_index_from_string(one) - 1 for one in (match[3], match[5] or match[3]))
    top, bottom = int(match[4]) - 1, int(match[6] or match[4]) - 1
    places = islice(product(range(top, bottom + 1), range(left, right + 1)), MAX_ROWS)
    return [_plain_text(cells.get(place)) for place in places]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain_text(cell: Cell | None) -> str:
    """Numbers without their format, as Excel writes them."""
    return "" if cell is None else cell.text if cell.number is None else plain_number(cell.number)
