"""The numbers behind native charts of PowerPoint, as a small table with words around it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MOST_ROWS = 1000


def table(chart: Any) -> tuple[str, list[list[str]]]:
    """A python-pptx chart's title with its axes ("Sales (Quarter; USD m)"), and its table.

    One row a category, one column a series; of a scatter or bubble chart, one row a point.
    """
    space = chart._chartSpace
    series = list(space.iter(f"{_C}ser"))
    scattered = any(one.find(f"{_C}xVal") is not None for one in series)
    rows = _points(series) if scattered else _categories(series)
    return _caption(space), rows[: _MOST_ROWS + 1]


def _caption(space: Any) -> str:
    chart = space.find(f"{_C}chart")
    title = _words(chart.find(f"{_C}title")) if chart is not None else ""
    axes = []
    for kind in ("catAx", "dateAx", "valAx", "serAx"):
        axes += [_words(axis.find(f"{_C}title")) for axis in space.iter(f"{_C}{kind}")]
    named = "; ".join(axis for axis in axes if axis)
    return f"{title} ({named})" if title and named else title or named


def _words(element: Any) -> str:
    if element is None:
        return ""
    return " ".join(" ".join(text.text or "" for text in element.iter(f"{_A}t", f"{_C}v")).split())


def _categories(series: Sequence[Any]) -> list[list[str]]:
    names = [_name(one, number) for number, one in enumerate(series, 1)]
    labels: list[str] = max((_cached(one.find(f"{_C}cat")) for one in series), key=len, default=[])
    values = [_cached(one.find(f"{_C}val")) for one in series]
    length = max([len(labels), *map(len, values)], default=0)
    rows = [
        [
            labels[at] if at < len(labels) else str(at + 1),
            *(column[at] if at < len(column) else "" for column in values),
        ]
        for at in range(length)
    ]
    return [["", *names], *rows] if series else []


def _points(series: Sequence[Any]) -> list[list[str]]:
    rows = [["series", "x", "y"]]
    for number, one in enumerate(series, 1):
        xs, ys = _cached(one.find(f"{_C}xVal")), _cached(one.find(f"{_C}yVal"))
        name = _name(one, number)
        rows += [[name, x, y] for x, y in zip(xs, ys, strict=False)]
    return rows


def _name(series: Any, number: int) -> str:
    return _words(series.find(f"{_C}tx")) or f"series {number}"


def _cached(source: Any) -> list[str]:
    """The values that the chart shows, by their index; several levels of categories are joined, outermost first."""
    if source is None:
        return []
    levels = [_cells(level) for level in list(source.iter(f"{_C}lvl"))[::-1] or [source]]
    length = min(max((max(cells, default=-1) for cells in levels), default=-1), _MOST_ROWS) + 1
    columns = [[cells.get(at, "") for at in range(length)] for cells in levels]
    for outer in columns[:-1]:  # an outer category spans the inner ones that follow it
        for at in range(1, length):
            outer[at] = outer[at] or outer[at - 1]
    return [" ".join(filter(None, row)) for row in zip(*columns, strict=True)]


def _cells(level: Any) -> dict[int, str]:
    cells: dict[int, str] = {}
    for point in level.iter(f"{_C}pt"):
        value = point.find(f"{_C}v")
        with suppress(ValueError):
            cells[int(point.get("idx", "0"))] = _number(value.text or "") if value is not None else ""
    return cells


def _number(text: str) -> str:
    """Without the noise of binary fractions: 8.199999999999999 is 8.2."""
    try:
        return f"{float(text):.10g}" if "." in text or "E" in text or "e" in text else text.strip()
    except ValueError:
        return text.strip()
