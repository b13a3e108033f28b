"""Workbooks of Excel in binary formats (XLS, XLSB): their values."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError, error_summary, panics_as_errors
from extractors.sheets.number_format import display_value, plain_number
from extractors.sheets.types import (
    ADVICE,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_SHEETS,
    TOO_LARGE,
    Cell,
    Cells,
    Sheet,
    Workbook,
    number_cell,
    text_cell,
)  # fmt: skip


def read_binary(path: Path, name: str) -> Workbook:
    """Read a workbook of a binary format. Raises `ExtractionError`."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    sheets = []
    try:
        with panics_as_errors(), CalamineWorkbook.from_path(path) as book:
            for one in book.sheets_metadata[:MAX_SHEETS]:
                if one.typ == SheetTypeEnum.WorkSheet:
                    cells = _read_binary_cells(book.get_sheet_by_name(one.name))
                    problem = TOO_LARGE if len(cells) > MAX_CELLS else ""
                    hidden = one.visible != SheetVisibleEnum.Visible
                    sheets.append(Sheet(one.name, {} if problem else cells, hidden=hidden, problem=problem))
    except PasswordError as error:
        raise ExtractionError(f"{name}: is encrypted; save it without a password") from error
    except (CalamineError, OSError, ValueError) as error:
        raise ExtractionError(f"{name}: cannot be read as a workbook ({error_summary(error)}); {ADVICE}") from error
    unread = "number formats, comments, text boxes, charts and pictures"
    note = f"{unread} of this kind of workbook are not read; save it as .xlsx for them"
    return Workbook(sheets, notes=(note,))


def _read_binary_cells(sheet: Any) -> Cells:
    top, left = sheet.start or (0, 0)
    cells: dict[tuple[int, int], Cell] = {}
    for row, values in enumerate(sheet.to_python(), top):
        for column, value in enumerate(values, left):
            if isinstance(value, float):
                cells[row, column] = number_cell(plain_number(value), value)
            elif text := display_value(value):
                cells[row, column] = text_cell(text) if isinstance(value, str | bool) else Cell(text, "date")
    for (row, column), (last_row, last_column) in sheet.merged_cell_ranges or ():
        if cell := cells.get((row, column)):
            rows, columns = min(last_row - row + 1, MAX_CELLS), min(last_column - column + 1, MAX_COLUMNS)
            cells[row, column] = replace(cell, rows=rows, columns=columns)
    return cells
