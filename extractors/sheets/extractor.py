"""Workbooks: every sheet is a page with its tables, notes, pictures and charts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from extractors.blocks.assembly import extract_blocks
from extractors.blocks.types import BlockDocument, Content, Heading, Image, Table, Text
from extractors.errors import ExtractionError
from extractors.sheets.chart_images import MAX_CHARTS, draw_charts
from extractors.sheets.excel import read_excel
from extractors.sheets.opendocument import read_opendocument
from extractors.sheets.tables import SheetTable, find_tables
from extractors.sheets.types import Drawing, Sheet, Workbook
from extractors.table_grid import SpannedText
from extractors.types import Extraction, Options, Problem, Source

SHEET_LEVEL = 2
"""Of headings: the name of a single sheet is not the title of the workbook."""


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract a workbook. Raises `ExtractionError` when it cannot be read, and when it has nothing to read."""
    is_opendocument = source.path.suffix.lower() == ".ods"
    book = (read_opendocument if is_opendocument else read_excel)(source.path, source.name)
    problems = [
        Problem(f"the sheet {one.name} {one.problem}", at) for at, one in enumerate(book.sheets, 1) if one.problem
    ]
    if problems and not any(one.cells or one.drawings for one in book.sheets):
        raise ExtractionError(f"{source.name}: {problems[0].reason}")
    book, notes = _with_charts(book, options)
    if hidden := [one.name for one in book.sheets if one.hidden]:
        notes.append(f"hidden sheets were read as well: {', '.join(hidden)}")
    blocks = [block for at, sheet in enumerate(book.sheets, 1) for block in sheet_blocks(sheet, at)]
    document = BlockDocument(
        blocks, book.title, pages=len(book.sheets), problems=tuple(problems), notes=(*book.notes, *notes)
    )
    return extract_blocks(source, document, options, pictures)


def sheet_blocks(sheet: Sheet, number: int) -> list[Content]:
    """Return the parts of a sheet from top to bottom; its name is their heading, and `number` their page."""
    placed: list[tuple[int, int, Content]] = []
    for one in find_tables(sheet.cells):
        if isinstance(one, SheetTable):
            rows = [
                [SpannedText(cell.text, cell.rows, cell.columns, at < one.header_rows) for cell in row]
                for at, row in enumerate(one.rows)
            ]
            table = Table(rows, one.caption, one.header_rows, page=number)
            placed.append((one.row, one.column, table))
        else:
            placed.append((one.row, one.column, Text(one.text, page=number)))
    placed += [(row, column, Text(text, kind="notes", page=number)) for row, column, text in sheet.comments]
    for drawing in sheet.drawings:
        placed += [(drawing.row, drawing.column, block) for block in _drawing_blocks(drawing, number)]
    placed.sort(key=lambda one: one[:2])
    blocks = [block for _, _, block in placed]
    return [Heading(sheet.name, SHEET_LEVEL, page=number), *blocks] if blocks and sheet.name else blocks


def _drawing_blocks(drawing: Drawing, number: int) -> Iterator[Content]:
    yield from (Text(text, page=number) for text in drawing.texts)
    if drawing.read_image:
        caption, alt = (drawing.caption, "") if drawing.data else ("", drawing.caption)
        yield Image(drawing.read_image, caption, alt, page=number)
    if drawing.data:
        yield Table(drawing.data, drawing.caption, page=number)


def _with_charts(book: Workbook, options: Options) -> tuple[Workbook, list[str]]:
    """The workbook with images of its charts, and notes about those that were not drawn."""
    charts = [one for sheet in book.sheets for one in sheet.drawings if one.chart is not None]
    if not charts:
        return book, []
    try:
        images = draw_charts([one.chart for one in charts], options.dpi)
    except ExtractionError as error:
        return book, [f"charts are given as tables only: {error}"]
    drawn = {id(one): image for one, image in zip(charts, images, strict=False)}
    sheets = [
        replace(sheet, drawings=[_drawn(one, drawn.get(id(one))) for one in sheet.drawings]) for sheet in book.sheets
    ]
    more = len(charts) - len(images)
    notes = [f"{more} charts after the first {MAX_CHARTS} are given as tables only"] if more else []
    return replace(book, sheets=sheets), notes


def _drawn(drawing: Drawing, image: bytes | None) -> Drawing:
    return replace(drawing, read_image=lambda: image) if image else drawing
