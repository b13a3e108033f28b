"""Sets blocks into two-column pages with floating figures and running heads, and records where everything is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from samples.sheet import CORAL, GREY, INK, PALE, SAND, SEA, WHITE, Sheet, width
from samples.typeset import Block, Line, wrap

PAGE = (595.0, 842.0)
LEFT, TOP, BOTTOM = 50.0, 76.0, 784.0
GUTTER = 23.0
COLUMN = (PAGE[0] - 2 * LEFT - GUTTER) / 2
FULL = PAGE[0] - 2 * LEFT
SIZE, LEAD = 9.7, 13.5
TITLE = "Brinewell W40"
SUBTITLE = "Operator and service manual"
CODE = "BW-M-1140 · Edition 3"

Draw = Callable[[Sheet, float, float, float], None]
"""Draws a figure: sheet, left edge, top edge, width."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure that can be placed anywhere: its height in points and how to draw it."""

    height: float
    draw: Draw


@dataclass
class Record:
    """The page of every figure, table and heading."""

    floats: dict[str, int] = field(default_factory=dict)
    """`figure 3` -> page."""
    headings: list[tuple[int, str, int]] = field(default_factory=list)
    """Level, numbered heading, page; as PyMuPDF's table of contents wants it."""


class Flow:
    """Fills pages from left to right; wide floats go to the head of a page, others into the column or the next."""

    def __init__(self, document: Any, drawings: dict[str, Drawing]) -> None:
        self.document = document
        self.drawings = drawings
        self.record = Record()
        self._chapter = ""
        self._waiting: list[Block] = []
        self._open_page()

    def add(self, block: Block, following: Block | None) -> None:
        """Set one block; `following` must stay together with a heading."""
        if block.kind in ("figure", "table"):
            self._waiting.append(block)
            self._place_waiting()
        elif block.kind in ("h1", "h2"):
            self._heading(block, following)
        elif block.kind == "break":
            self._next_column()
        elif block.kind == "notice":
            self._notice(block)
        else:
            self._lines(block)

    def finish(self) -> Record:
        """Place the remaining floats and close the last page."""
        while self._waiting:
            self._next_column()
        self._close_page()
        return self.record

    # Columns and pages

    @property
    def _x(self) -> float:
        return LEFT + self._column * (COLUMN + GUTTER)

    def _open_page(self) -> None:
        self.sheet = Sheet(self.document.new_page(width=PAGE[0], height=PAGE[1]))
        self.number = len(self.document)
        self._top, self._column, self._y = TOP, 0, TOP
        self._place_waiting()

    def _close_page(self) -> None:
        sheet, foot = self.sheet, PAGE[1] - 34
        sheet.text((LEFT, 46), f"{TITLE} · {SUBTITLE}", "sans", 7.5, GREY)
        sheet.text((PAGE[0] - LEFT, 46), self._chapter, "bold", 7.5, SEA, "right")
        sheet.line([(LEFT, 53), (PAGE[0] - LEFT, 53)], SEA, 0.7)
        sheet.text((LEFT, foot), CODE, "sans", 7.5, GREY)
        sheet.text((PAGE[0] - LEFT, foot), str(self.number), "bold", 8.5, SEA, "right")
        sheet.commit()

    def _next_column(self) -> None:
        if self._column == 0:
            self._column, self._y = 1, self._top
            self._place_waiting()
        else:
            self._close_page()
            self._open_page()

    def _need(self, height: float) -> None:
        # A new column may already be full of floats.
        while self._y + height > BOTTOM:
            self._next_column()

    # Text

    def _heading(self, block: Block, following: Block | None) -> None:
        chapter = block.kind == "h1"
        size, lead = (15.0, 18.0) if chapter else (10.8, 14.0)
        lines = wrap(block.text, COLUMN - 24, size, "bold")
        above = 0.0 if self._y == self._top else (20.0 if chapter else 9.0)
        below = 7.0 if chapter else 3.0
        keep = (34.0 if following and following.kind == "h2" else 0.0) + 3 * LEAD
        self._need(above + len(lines) * lead + below + keep)
        above = 0.0 if self._y == self._top else above
        if chapter:
            self._chapter = block.text
        self.record.headings.append((1 if chapter else 2, f"{block.number} {block.text}", self.number))
        self._y += above
        indent = width(block.number + "  ", "bold", size)
        self.sheet.text((self._x, self._y + size), block.number, "bold", size, CORAL)
        for line in lines:
            self._run(line, self._x + indent, self._y + size, size, SEA)
            self._y += lead
        self._y += below

    def _run(self, line: Line, x: float, y: float, size: float, color: Any = INK) -> None:
        for text, name in line:
            x += self.sheet.text((x, y), text, name, size, color)

    def _lines(self, block: Block) -> None:
        indent = {"bullet": 11.0, "step": 15.0}.get(block.kind, 0.0)
        lines = wrap(block.text, COLUMN - indent, SIZE)
        for index, line in enumerate(lines):
            # No single line of a paragraph alone at the foot or the head of a column.
            lonely = len(lines) > 1 and index in (0, len(lines) - 2)
            self._need(LEAD * (2 if lonely else 1))
            if index == 0 and block.kind == "bullet":
                self.sheet.circle((self._x + 4, self._y + SIZE - 3.2), 1.6, fill=CORAL)
            if index == 0 and block.kind == "step":
                self.sheet.text((self._x, self._y + SIZE), block.number + ".", "bold", SIZE, CORAL)
            self._run(line, self._x + indent, self._y + SIZE, SIZE)
            self._y += LEAD
        self._y += 3.0 if indent else 5.5

    def _notice(self, block: Block) -> None:
        lines = wrap(block.text, COLUMN - 22, 8.8)
        height = 27 + len(lines) * 12
        self._need(height + 10)
        x, y = self._x, self._y + 2
        color = SEA if block.number == "NOTE" else CORAL
        self.sheet.rect((x, y, x + COLUMN, y + height), PALE if block.number == "NOTE" else SAND)
        self.sheet.rect((x, y, x + 4, y + height), color)
        self.sheet.text((x + 13, y + 15), block.number, "bold", 8.8, color)
        for index, line in enumerate(lines):
            self._run(line, x + 13, y + 28 + index * 12, 8.8)
        self._y = y + height + 9

    # Floats

    def _place_waiting(self) -> None:
        """Place waiting floats in their order, as far as they fit here."""
        while self._waiting:
            block = self._waiting[0]
            fresh = self._y == self._top
            if block.wide and not (fresh and self._column == 0):
                return
            height = self._height(block)
            if self._y + height > BOTTOM + 6 and not fresh:
                return
            self._waiting.pop(0)
            self._float(block)

    def _height(self, block: Block) -> float:
        room = FULL if block.wide else COLUMN
        caption = len(self._caption(block, room)) * 10.6
        if block.kind == "table":
            return 27 + caption + 15.5 * len(block.rows)
        return 25 + caption + self.drawings[block.name].height

    def _caption(self, block: Block, room: float) -> list[Line]:
        return wrap(f"**{block.number}:** {block.text}", room, 8.2, "sans", "bold")

    def _float(self, block: Block) -> None:
        room = FULL if block.wide else COLUMN
        self.record.floats[block.number.replace("~", " ").lower()] = self.number
        start = self._y + (0 if self._y == self._top else 5)
        if block.kind == "table":
            end = self._table(block, start)
        else:
            drawing = self.drawings[block.name]
            drawing.draw(self.sheet, self._x, start, room)
            end = self._set_caption(block, start + drawing.height + 6, room)
        self._y = end + 11
        if block.wide:
            self._y = self._top = end + 16

    def _set_caption(self, block: Block, y: float, room: float) -> float:
        for line in self._caption(block, room):
            self._run(line, self._x, y + 8.2, 8.2, SEA)
            y += 10.6
        return y

    def _table(self, block: Block, y: float) -> float:
        y = self._set_caption(block, y, COLUMN) + 4
        total = sum(block.ratios)
        edges = [self._x + COLUMN * sum(block.ratios[:index]) / total for index in range(len(block.ratios))]
        for index, row in enumerate(block.rows):
            if index == 0:
                self.sheet.rect((self._x, y, self._x + COLUMN, y + 15.5), SEA)
            elif index % 2 == 0:
                self.sheet.rect((self._x, y, self._x + COLUMN, y + 15.5), PALE)
            for edge, cell in zip(edges, row, strict=True):
                name, color = ("sans", INK) if index else ("bold", WHITE)
                long = self.sheet.text((edge + 5, y + 11), cell, name, 8.2, color)
                if edge + 5 + long > min([other for other in edges if other > edge], default=self._x + COLUMN):
                    raise ValueError(f"{block.number}: {cell!r} is wider than its column")
            y += 15.5
        self.sheet.line([(self._x, y), (self._x + COLUMN, y)], SEA, 0.8)
        return y
