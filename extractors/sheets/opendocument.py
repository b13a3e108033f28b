"""OpenDocument spreadsheets: cells as the program displayed them when it saved the file, charts and pictures."""

import posixpath
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from extractors.containers import open_zip, read_member
from extractors.errors import ExtractionError, error_summary
from extractors.office_xml import (
    DC,
    DRAW,
    HREF,
    OFFICE,
    OPEN_DOCUMENT,
    TABLE,
    TEXT,
    alternative_text,
    cell_spans,
    hidden_styles,
    parse_xml,
)
from extractors.sheets.types import (
    MAX_CELLS,
    MAX_SHEETS,
    TOO_LARGE,
    Cell,
    Drawing,
    Sheet,
    Workbook,
    number_cell,
    text_cell,
)

_COMMENT = f"{OFFICE}annotation"
_SHAPES = [f"{DRAW}{name}" for name in ("custom-shape", "rect", "ellipse", "g")]
_CHART = OPEN_DOCUMENT % "chart"
_NUMBERS = ("float", "percentage", "currency")
_DATES = ("date", "time")


def read_opendocument(path: Path, name: str) -> Workbook:
    """Read an ODS file. Raises `ExtractionError`."""
    advice = "open it in a spreadsheet program and save it again, without a password"
    try:
        with open_zip(path, name, advice) as archive:
            content = parse_xml(archive.read("content.xml"))
            hidden = hidden_styles(content, f"{TABLE}display", "false")
            tables = list(islice(content.iter(f"{TABLE}table"), MAX_SHEETS))
            sheets = [_read_sheet(table, archive, hidden) for table in tables]
            meta = parse_xml(archive.read("meta.xml")) if "meta.xml" in archive.namelist() else content
            title = meta.findtext(f".//{DC}title")
    except (KeyError, ValueError, RuntimeError, SyntaxError) as error:  # RuntimeError: an encrypted entry
        raise ExtractionError(f"{name}: cannot be read as a workbook ({error_summary(error)}); {advice}") from error
    return Workbook(sheets, title or "")


def _read_sheet(table: Any, archive: zipfile.ZipFile, hidden_styles: set[str | None]) -> Sheet:
    cells: dict[tuple[int, int], Cell] = {}
    drawings: list[Drawing] = []
    comments: list[tuple[int, int, str]] = []
    for shapes in table.findall(f"{TABLE}shapes"):
        drawings += _drawings(shapes, 0, 0, archive)
    row = 0
    problem = ""
    for one in table.iter(f"{TABLE}table-row"):
        column = 0
        repeated = int(one.get(f"{TABLE}number-rows-repeated", 1))
        for place in one.iterchildren(f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
            times = int(place.get(f"{TABLE}number-columns-repeated", 1))
            drawings += _drawings(place, row, column, archive)
            comments += ((row, column, text) for note in place.iterchildren(_COMMENT) if (text := _comment(note)))
            if cell := _read_cell(place):
                if len(cells) + repeated * times > MAX_CELLS:
                    problem = TOO_LARGE
                    break
                cells |= {(row + i, column + j): cell for i in range(repeated) for j in range(times)}
            column += times
        row += repeated
    is_hidden = table.get(f"{TABLE}style-name") in hidden_styles
    return Sheet(table.get(f"{TABLE}name", ""), {} if problem else cells, drawings, is_hidden, problem, comments)


def _comment(note: Any) -> str:
    text = " ".join(_paragraphs(note))
    author = note.findtext(f"{DC}creator") or ""
    return f"{author}: {text}" if text and not text.startswith(author) else text


def _paragraphs(element: Any) -> Iterator[str]:
    return filter(None, (" ".join(_displayed(one).split()) for one in element.iter(f"{TEXT}p")))


def _read_cell(place: Any) -> Cell | None:
    lines = [_displayed(paragraph) for paragraph in place.iterchildren(f"{TEXT}p")]
    text = " ".join(" ".join(lines).split())
    if not text:
        return None
    kind = place.get(f"{OFFICE}value-type", "")
    rows, columns = (min(max(span, 1), 1000) for span in cell_spans(place))
    if kind in _NUMBERS:
        cell = number_cell(text, float(place.get(f"{OFFICE}value", "nan")))
        return Cell(text, cell.kind, rows, columns, cell.number)
    return Cell(text, "date" if kind in _DATES else text_cell(text).kind, rows, columns)


def _displayed(paragraph: Any) -> str:
    for space in paragraph.iter(f"{TEXT}s", f"{TEXT}tab", f"{TEXT}line-break"):
        space.text = " "
    return "".join(paragraph.itertext())


def _drawings(parent: Any, row: int, column: int, archive: zipfile.ZipFile) -> Iterator[Drawing]:
    names = archive.namelist()
    for shape in parent.iterchildren(*_SHAPES):
        if texts := list(_paragraphs(shape)):
            yield Drawing(row, column, texts=texts)
    for frame in parent.iterchildren(f"{DRAW}frame"):
        caption = alternative_text(frame)
        image, embedded = (frame.find(f"{DRAW}{tag}") for tag in ("image", "object"))
        replacement = posixpath.normpath(image.get(HREF, "")) if image is not None else ""
        read = partial(read_member, archive.filename or "", replacement) if replacement in names else None
        if embedded is None:
            texts = list(_paragraphs(frame))  # of a text box
            if read or texts:
                yield Drawing(row, column, read, caption, texts=texts)
            continue
        part = posixpath.join(posixpath.normpath(embedded.get(HREF, "")), "content.xml")
        title, data = read_chart(parse_xml(archive.read(part))) if part in names else ("", [])
        if data:
            is_png = read is not None and read().startswith(b"\x89PNG")
            yield Drawing(row, column, read if is_png else None, title or caption, data)


def read_chart(root: Any) -> tuple[str, list[list[str]]]:
    """Return the title of a chart with its axes, and its table; `root` is the content of an embedded object."""
    chart = root.find(f".//{_CHART}chart")
    return ("", []) if chart is None else (_chart_caption(chart), _chart_rows(chart))


def _chart_caption(chart: Any) -> str:
    title = chart.find(f"{_CHART}title")
    axes = [" ".join("".join(one.itertext()).split()) for one in chart.findall(f".//{_CHART}axis/{_CHART}title")]
    named = "; ".join(filter(None, axes))
    text = " ".join("".join(title.itertext()).split()) if title is not None else ""
    return f"{text} ({named})" if text and named else text or named


def _chart_rows(chart: Any) -> list[list[str]]:
    rows = []
    for row in islice(chart.iter(f"{TABLE}table-row"), 1000):
        rows.append([" ".join("".join(cell.itertext()).split()) for cell in row.iterchildren(f"{TABLE}table-cell")])
    return rows
