"""The numbers behind the charts of PowerPoint and Excel, as tables."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

from extractors.office_xml import CHART, A

MAX_ROWS = 1000
"""Rows of a chart's table; more is raw data rather than something to read."""
MAX_DAY = 2_958_000
"""Days that spreadsheets count as dates, up to the year 9998."""

_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|General|Standard', re.IGNORECASE)
_DATE = re.compile(r"[dy]|mmm", re.IGNORECASE)


def read_chart_space(space: Any) -> tuple[str, list[list[str]]]:
    """Return the title of a `c:chartSpace` element with its axes ("Sales (Quarter; USD m)"), and its table.

    The table has a row per category and a column per series; for scatter and bubble charts, a row per point.
    """
    title = _text(space.find(f"{CHART}chart/{CHART}title"))
    kinds = ("catAx", "dateAx", "valAx", "serAx")
    axes = [_text(axis.find(f"{CHART}title")) for kind in kinds for axis in space.iter(f"{CHART}{kind}")]
    named = "; ".join(filter(None, axes))
    caption = f"{title} ({named})" if title and named else title or named
    series = list(space.iter(f"{CHART}ser"))
    names = [_text(one.find(f"{CHART}tx")) or f"series {number}" for number, one in enumerate(series, 1)]
    has_points = any(one.find(f"{CHART}xVal") is not None for one in series)
    rows = _point_rows(series, names) if has_points else _category_rows(series, names)
    return caption, rows[: MAX_ROWS + 1]


def _text(element: Any) -> str:
    pieces = [] if element is None else [node.text or "" for node in element.iter(f"{A}t", f"{CHART}v")]
    return " ".join(" ".join(pieces).split())


def _category_rows(series: Sequence[Any], names: Sequence[str]) -> list[list[str]]:
    if not series:
        return []
    columns = [_values(one.find(f"{CHART}val")) for one in series]
    categories = max((_values(one.find(f"{CHART}cat")) for one in series), key=len)
    length = max(len(categories), *map(len, columns))
    categories += map(str, range(len(categories) + 1, length + 1))  # those without a name are numbered
    return [["", *names], *map(list, zip_longest(categories, *columns, fillvalue=""))]


def _point_rows(series: Sequence[Any], names: Sequence[str]) -> list[list[str]]:
    rows = [["series", "x", "y"]]
    for name, one in zip(names, series, strict=True):
        points = zip(_values(one.find(f"{CHART}xVal")), _values(one.find(f"{CHART}yVal")), strict=False)
        rows += [[name, x, y] for x, y in points]
    return rows


def _values(source: Any) -> list[str]:
    """Return the values that the chart caches, by index; levels of categories are joined, outermost first."""
    if source is None:
        return []
    levels = [_indexed_values(level) for level in list(source.iter(f"{CHART}lvl"))[::-1] or [source]]
    length = min(max((max(cells, default=-1) for cells in levels), default=-1), MAX_ROWS) + 1
    columns = [[cells.get(at, "") for at in range(length)] for cells in levels]
    for outer in columns[:-1]:  # an outer category applies to the inner ones after it
        for at in range(1, length):
            outer[at] = outer[at] or outer[at - 1]
    return [" ".join(filter(None, row)) for row in zip(*columns, strict=True)]


def _indexed_values(level: Any) -> dict[int, str]:
    cells: dict[int, str] = {}
    format_code = level.findtext(f".//{CHART}formatCode") or ""
    is_mac = level.getroottree().find(f"{CHART}date1904[@val='1']") is not None
    epoch = date(1904, 1, 1) if is_mac else date(1899, 12, 30)
    for point in level.iter(f"{CHART}pt"):
        with suppress(ValueError):
            code = point.get("formatCode", format_code)
            cells[int(point.get("idx", "0"))] = _format_value(point.findtext(f"{CHART}v") or "", code, epoch)
    return cells


def _format_value(text: str, format_code: str, epoch: date) -> str:
    """Return a number without the noise of binary fractions: 8.2 for 8.199999999999999; a date in ISO form."""
    with suppress(ValueError):
        if _DATE.search(_LITERAL.sub("", format_code)) and 0 < float(text) < MAX_DAY:
            return (epoch + timedelta(days=int(float(text)))).isoformat()
        if set(text) & set(".eE"):
            return f"{float(text):.10g}"
    return text.strip()
