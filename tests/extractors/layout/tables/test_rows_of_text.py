"""The rows of tables whose cells hold text, and which of them are labels of groups."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from extractors.layout.tables.cells import read_cells
from extractors.layout.tables.groups import find_group_labels
from extractors.page import Line
from extractors.table_grid import body_rows

COLUMNS = [(0.0, 90.0), (90.0, 190.0), (190.0, 500.0)]
STARTS = (0.0, 100.0, 200.0)


def line(x: float, y: float, text: str, width: float | None = None) -> Line:
    """A line of 10 points whose middle is at `y`."""
    return Line(box=(x, y - 5, x + (5.0 * len(text) if width is None else width), y + 5), text=text, size=10.0)


def rows_of(rows: Sequence[Sequence[str]], distances: Sequence[float]) -> list[list[str]]:
    """The rows of a table whose lines are `rows`, each as far below the last as `distances` say."""
    lines, y = [line(x, 0, head) for x, head in zip(STARTS, ("Week", "Visit", "Tasks"), strict=True)], 0.0
    for row, distance in zip(rows, distances, strict=True):
        y += distance
        lines += [line(x, y, text) for x, text in zip(STARTS, row, strict=True) if text]
    grid = read_cells(lines, [(0, 7, 500, 7)], (), (0, -6, 500, y + 6)).grid
    return [list(row) for row in body_rows(grid).values()]


WIDE = "Trees of the south side and those along the river are counted"


def test_full_lines_that_stand_a_little_closer_than_others_are_rows() -> None:
    rows = [("Week", "Visit", WIDE)] * 10
    assert len(rows_of(rows, [20, *([12, 12, 15] * 3)])) == 10


@pytest.mark.parametrize(
    ("distances", "count"),
    [
        ([20, 12, *([15, 12] * 4)], 5),
        ([20, 12, *([13, 12] * 4)], 10),  # gaps that hardly differ
        ([20, 12, *([15, 12] * 2)], 6),  # too few to tell
    ],
)
def test_lines_that_stand_a_little_closer_than_others_are_of_one_row(distances: list[float], count: int) -> None:
    rows = [("Week", "Visit", WIDE), ("days", "", WIDE)] * (len(distances) // 2)
    assert len(rows_of(rows, distances)) == count


@pytest.mark.parametrize(("visit", "count"), [("of trees", 4), ("", 3)])
def test_texts_apart_from_those_above_begin_a_row_if_there_are_several(visit: str, count: int) -> None:
    week = [("Week", "south", WIDE), ("", "", WIDE), ("", "", WIDE)]
    rows = [*week, ("", visit, "and rows"), *week, *week]
    assert len(rows_of(rows, [20, 12, 12, 15, 15, 12, 12, 15, 12, 12])) == count


@pytest.mark.parametrize(
    ("x", "width", "first", "is_label"),
    [
        (200.0, 100.0, False, False),  # where the third column begins
        (215.0, 70.0, False, True),
        (200.0, 100.0, True, True),  # a title above all rows
        (100.0, 150.0, False, True),  # across two columns
    ],
)
def test_text_in_the_middle_is_a_label_unless_its_column_begins_there(
    x: float, width: float, first: bool, is_label: bool
) -> None:
    rows = [[line(start, 20 * n, "Any text") for start in STARTS] for n in range(1, 5)]
    rows[0][2] = line(215, 20, "Any text")
    rows.insert(0 if first else 2, [line(x, 0 if first else 50, "Rapport", width)])
    assert bool(find_group_labels(rows, COLUMNS, (1,))) is is_label


@pytest.mark.parametrize(("first", "second", "count"), [("Oak", "Both", 12), ("oak", "Both", 3), ("Oak", "", 3)])
def test_short_texts_in_every_column_are_rows_however_close(first: str, second: str, count: int) -> None:
    rows = [("Oak", "Both", WIDE), *[(first, second, WIDE)] * 3] * 3
    assert len(rows_of(rows, [20, 12, 12, 12, *([18, 12, 12, 12] * 2)])) == count
