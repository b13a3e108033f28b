"""A workbook as plain data, whatever file it came from. Rows and columns count from 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

MAX_CELLS = 100_000
"""Filled cells of a sheet: some two thousand passages, as many as a long book has. More is data, not a document."""
MAX_SHEETS = 500
MAX_COLUMNS = 16_384
"""Of a sheet in Excel."""
ADVICE = "open it in a spreadsheet program and save it again"
TOO_LARGE = (
    f"has more than {MAX_CELLS:,} filled cells, which is data rather than a document; save a summary or a selection of "
    "its rows as a sheet of its own, or export it as a CSV catalogue, of which each row is a document"
)


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    """As displayed."""
    kind: Literal["text", "number", "date", "year"] = "text"
    """`year`: a whole number that may be one."""
    rows: int = 1
    """Rows that a merged cell spans."""
    columns: int = 1
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture or chart on a sheet."""

    row: int
    column: int
    read_image: Callable[[], bytes] | None = None
    """Returns the image file; None for a chart that nothing can draw."""
    caption: str = ""
    """Of a chart, its title and axes; of a picture, the alternative text."""
    data: Sequence[Sequence[str]] = ()
    """The numbers of a chart; the first row is the header."""
    chart: Any = None
    """The `c:chartSpace` element of a chart that can be drawn."""
    texts: Sequence[str] = ()
    """The paragraphs of a text box or diagram."""


Cells = Mapping[tuple[int, int], Cell]
"""(row, column) -> a cell that is not empty; of a merged cell, the first place."""


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    cells: Cells = field(default_factory=dict)
    drawings: Sequence[Drawing] = ()
    hidden: bool = False
    problem: str = ""
    """Why it is missing."""
    comments: Sequence[tuple[int, int, str]] = ()
    """Row, column and text of comments on cells."""


@dataclass(frozen=True, slots=True)
class Workbook:
    sheets: Sequence[Sheet]
    title: str = ""
    notes: tuple[str, ...] = ()


_AMOUNT = re.compile(r"[-+(]?\s?[^\w\s.,()+-]?\s?\d[\d.,' ]*\s?(?:[%€$£¥]|[KMBkm]|bn|mn)?\)?")
"""A number with its unit, as in `$1,200.50`, `(3.5)` or `12 %`."""


def number_cell(text: str, number: float) -> Cell:
    """A cell with a number; `text` is what is displayed."""
    is_year = text.isdigit() and text == f"{number:.0f}" and 1900 <= number <= 2100
    return Cell(text, "year" if is_year else "number", number=number)


def text_cell(text: str) -> Cell:
    """A cell with text, which may be a number that was typed or imported as text."""
    if text.isdigit() and len(text) == 4 and text[:2] in ("19", "20"):
        return Cell(text, "year")
    return Cell(text, "number" if _AMOUNT.fullmatch(text) else "text")
