"""Displayed formulas on one line, as a reader says them: fractions, limits and exponents stand above and below.

In: the rows of a column. Out: the same rows, those of a formula as one: `L = (a + b)/(c + d) + ∑ _(i = 1) ^n xi (3)`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from extractors.geometry import height, horizontal_overlap, merge_boxes, vertical_overlap
from extractors.page import Line, middle
from extractors.text.rows import Row, make_row

MIN_OVERLAP = 0.25  # share of a row that reaches into the rows above; less in tight text
MIN_ROWS, MAX_WORDS = 3, 6  # rows of a formula; words of letters in one of its pieces: more are a sentence
MAX_SMALL = 0.8  # size of limits and exponents by that of the formula
MIN_STACKED = 0.5  # share of the narrower part of a fraction that the other covers

_RELATION = re.compile(r"[=≈≡≠≤≥<>≪≫∝∼≅≜→∈]")
_WORD = re.compile(r"[^\W\d_]{3,}")


def join_formulas(rows: Sequence[Row]) -> list[Row]:
    """Return the rows from top to bottom, with those of each displayed formula joined."""
    return [row for group in _overlapping(rows) for row in ([_one_line(group)] if _is_formula(group) else group)]


def _overlapping(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Runs of rows that reach into each other."""
    group: list[Row] = []
    for row in sorted(rows, key=lambda row: row.box[1]):
        if group and vertical_overlap(merge_boxes(one.box for one in group), row.box) < MIN_OVERLAP:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _is_formula(rows: Sequence[Row]) -> bool:
    if len(rows) < MIN_ROWS or not any(_RELATION.search(row.text) for row in rows):
        return False
    if len({round(row.box[1]) for row in rows}) < MIN_ROWS:  # pieces on one line
        return False
    return all(len(_WORD.findall(line.text)) <= MAX_WORDS and not line.ocr for row in rows for line in row.lines)


def _one_line(rows: Sequence[Row]) -> Row:
    """The pieces from left to right; the main line is that of the relation."""
    pieces = [line for row in rows for line in row.lines]
    main = max((line for line in pieces if _RELATION.search(line.text)), key=lambda line: line.size)
    reach, small = MIN_OVERLAP * height(main.box), MAX_SMALL * main.size
    above = [line for line in pieces if middle(line) < middle(main) - reach]
    below = [line for line in pieces if middle(line) > middle(main) + reach]
    numerators = [line for line in above if line.size > small and any(_is_stacked(line, one) for one in below)]
    texts: list[tuple[float, str]] = []
    for line in pieces:
        text = line.text.strip()
        if line in numerators:
            under = " ".join(one.text.strip() for one in below if _is_stacked(line, one))
            texts.append((line.box[0], f"({text})/({under})"))
        elif line in below and any(_is_stacked(one, line) for one in numerators):
            continue
        elif line.size <= small and (line in above or line in below):
            mark = "^" if line in above else "_"
            texts.append(((line.box[0] + line.box[2]) / 2, f"{mark}{text}" if len(text) == 1 else f"{mark}({text})"))
        else:
            texts.append((line.box[0], text))
    whole = " ".join(text for _, text in sorted(texts))
    return make_row([replace(main, text=whole, box=merge_boxes(line.box for line in pieces))])


def _is_stacked(line: Line, other: Line) -> bool:
    return horizontal_overlap(line.box, other.box) > MIN_STACKED
