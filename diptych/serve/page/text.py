"""Text of documents as the page shows it: harmless characters, words of the query marked, tables as rows."""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from diptych.store.terms import TOKEN, analyse
from extractors.table_grid import grid_from_rows, split_rows, table_from_json, table_html
from extractors.types import TableGrid

Pieces = list[tuple[str, bool]]
"""Consecutive parts of a text, and whether each is a word of the query."""

MAX_TEXT = 900
"""Characters of a hit's text; more would not be seen."""
MAX_ROWS = 8
"""Of a table among hits; its page shows all of it."""
_CONTROLS = {code: chr(0x2400 + code) for code in range(32) if code not in (9, 10)}
_INVISIBLE = dict.fromkeys([*range(0x80, 0xA0), 0x202D, 0x202E, *range(0xD800, 0xE000)], "\N{REPLACEMENT CHARACTER}")
_HARMLESS = {**_CONTROLS, 0x7F: "\N{SYMBOL FOR DELETE}", 13: " ", **_INVISIBLE}
_EMPTY_HEADER = re.compile(r'<th scope="[a-z]+"([^>]*)></th>')
"""Screen readers would announce a header without a name."""
_CELL_BORDER = re.compile(r"(?<!\\)\|")


def harmless(value: object) -> object:
    """A string with its control characters visible and its overrides of the reading direction replaced.

    Other values are unchanged. Every expression of a template passes through here.
    """
    return value.translate(_HARMLESS) if type(value) is str else value


def mark_words(text: str, query: str, length: int = MAX_TEXT) -> Pieces:
    """The text, from shortly before its first match if it is long, in pieces; words match in whatever form."""
    wanted = set(analyse(query).split())
    pieces: Pieces = []
    end = start = 0
    matches = [match for match in TOKEN.finditer(text) if wanted & set(analyse(match[0]).split())] if wanted else []
    if len(text) > length and matches and matches[0].start() > length // 2:
        start = end = text.rfind(" ", 0, matches[0].start() - length // 4) + 1
        pieces.append(("… ", False))
    stop = start + length
    for match in matches:
        if match.end() > stop:
            break
        pieces += [(text[end : match.start()], False), (match[0], True)]
        end = match.end()
    rest = text[end:stop]
    pieces.append((rest if stop >= len(text) else rest.rsplit(" ", 1)[0] + " …", False))
    return [piece for piece in pieces if piece[0]]


def table_markup(grid: Mapping[str, Any] | None, text: str, most: int = MAX_ROWS) -> Markup:
    """The first rows of a table as HTML with escaped texts, from its stored grid, or else from its Markdown.

    Empty if the text is no table.
    """
    table = table_from_json(grid) if grid else _grid_of_markdown(text)
    if table is None:
        return Markup()
    (shown,) = split_rows(table, [range(table.header_rows, min(table.rows, table.header_rows + most))])
    return Markup(_EMPTY_HEADER.sub(r"<td\1></td>", table_html(shown)).translate(_HARMLESS))


def _grid_of_markdown(text: str) -> TableGrid | None:
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 2 or not all(line.startswith("|") and line.endswith("|") for line in lines):
        return None
    rows = [[cell.strip().replace("\\|", "|") for cell in _CELL_BORDER.split(line[1:-1])] for line in lines]
    body = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    return grid_from_rows(body, header_rows=1)
