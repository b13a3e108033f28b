"""Counts of headings and tables."""

from __future__ import annotations

from extractors.structure import count_structure
from extractors.table_grid import grid_from_rows
from extractors.types import Passage
from tests.support.fakes import document


def test_headings_and_tables_are_counted_once() -> None:
    with_header = grid_from_rows([("Pump", "bar"), ("A", "12")], header_rows=1)
    without = grid_from_rows([("A", "12"), ("B", "40")])
    found = count_structure(
        document(
            Passage("Text.", 1, heading=("Parts", "Pumps")),
            Passage("| |", 1, (0, 0, 9, 9), ("Parts",), "table", table=with_header),
            Passage("| |", 1, (0, 0, 9, 9), ("Parts",), "table", table=with_header),
            Passage("| |", 2, (0, 0, 9, 9), ("Parts", "Valves"), "table", table=without),
        )
    )
    assert found == (3, 1, 1)
