"""What an extraction found of a document's structure: its headings, and its tables with and without a header."""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from extractors.table_grid import column_headers
from extractors.types import Extraction, Passage


class Structure(NamedTuple):
    headings: int
    tables_with_header: int
    tables_without_header: int


def count_structure(extraction: Extraction) -> Structure:
    """The headings of passages and pictures, and the tables, each once however many passages it has."""
    paths = {one.heading for one in extraction.passages} | {one.heading for one in extraction.pictures}
    headings = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
    tables = [next(parts) for _, parts in groupby(_tables(extraction.passages), key=_same_table)]
    with_header = sum(bool(part.table and part.table.header_rows) for part in tables)
    return Structure(len(headings), with_header, len(tables) - with_header)


def _tables(passages: Iterable[Passage]) -> list[Passage]:
    return [passage for passage in passages if passage.kind == "table"]


def _same_table(part: Passage) -> tuple[object, ...]:
    """Equal for parts of one table that follow each other."""
    header = column_headers(part.table) if part.table else ()
    return part.page, part.box, part.label, part.caption, part.heading, *header
