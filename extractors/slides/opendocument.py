"""Read ODP files without LibreOffice: titles, text, tables, notes and pictures from `content.xml`."""

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from extractors.containers import DAMAGED_ZIP, read_member
from extractors.errors import ExtractionError, error_summary
from extractors.office_xml import (
    DRAW,
    HREF,
    OPEN_DOCUMENT,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    alternative_text,
    cell_spans,
    hidden_styles,
    parse_xml,
    to_points,
)
from extractors.slides.deck import Deck, ImageShape, Shape, Slide, TableShape, TextShape, clip_box
from extractors.table_grid import SpannedText, grid_from_rows
from extractors.types import Box

_PRESENTATION = OPEN_DOCUMENT % "presentation"
_FO = OPEN_DOCUMENT % "xsl-fo-compatible"
_FURNITURE = frozenset(("page-number", "date-time", "footer", "header"))
_DEFAULT_SIZE = (to_points("28cm"), to_points("21cm"))


def read_odp(path: Path) -> Deck:
    """Read an ODP file. Raises `ExtractionError` when it is broken or encrypted."""
    try:
        with zipfile.ZipFile(path) as archive:
            content = parse_xml(archive.read("content.xml"))
            styles = parse_xml(archive.read("styles.xml")) if "styles.xml" in archive.namelist() else content
    except (*DAMAGED_ZIP, KeyError, SyntaxError) as error:
        reason = f"cannot be read as ODP ({error_summary(error)})"
        raise ExtractionError(f"{path.name}: {reason}; save it again, without a password") from error
    for space in content.iter(f"{TEXT}s", f"{TEXT}tab", f"{TEXT}line-break"):  # white space as empty elements
        space.tail = f" {space.tail or ''}"
    hidden = hidden_styles(content, f"{_PRESENTATION}visibility", "hidden")
    size = _read_size(styles)
    pages = enumerate(content.iter(f"{DRAW}page"), 1)
    return Deck(*size, tuple(_read_slide(page, number, size, path, hidden) for number, page in pages))


def _read_size(styles: Any) -> tuple[float, float]:
    for layout in styles.iter(f"{STYLE}page-layout-properties"):
        width, height = (to_points(layout.get(f"{_FO}page-{side}")) for side in ("width", "height"))
        if width > height > 0:  # the layout of the notes is in portrait format
            return width, height
    return _DEFAULT_SIZE


def _read_slide(page: Any, number: int, size: tuple[float, float], path: Path, hidden: set[str | None]) -> Slide:
    title, title_box = "", None
    shapes: list[Shape] = []
    for frame in page.iter(f"{DRAW}frame", f"{DRAW}custom-shape", f"{DRAW}rect", f"{DRAW}ellipse"):
        kind = frame.get(f"{_PRESENTATION}class")
        if kind in _FURNITURE or next(frame.iterancestors(f"{_PRESENTATION}notes"), None) is not None:
            continue
        if kind == "title" and not title:
            title, title_box = " ".join(_paragraphs(frame)), _read_box(frame, size)
        elif frame.get(f"{_PRESENTATION}placeholder") != "true":
            shapes += _read_frame(frame, _read_box(frame, size), path)
    return Slide(
        number=number,
        title=title,
        title_box=title_box,
        hidden=page.get(f"{DRAW}style-name") in hidden,
        shapes=tuple(shapes),
        notes=tuple(
            text
            for frame in page.iterfind(f"{_PRESENTATION}notes//{DRAW}frame")
            if frame.get(f"{_PRESENTATION}class") in ("notes", None)  # not the slide's thumbnail or page number
            for text in _paragraphs(frame)
        ),
    )


def _read_frame(frame: Any, box: Box, path: Path) -> Iterator[Shape]:
    table, picture = frame.find(f"{TABLE}table"), frame.find(f"{DRAW}image")
    caption = alternative_text(frame)
    if table is not None:
        rows = [list(map(_read_cell, row.iter(f"{TABLE}table-cell"))) for row in table.iter(f"{TABLE}table-row")]
        grid = grid_from_rows(rows, header_rows=1)
        if any(cell.text for cell in grid.cells):
            yield TableShape(grid, box, caption)
    elif picture is not None and picture.get(HREF):
        yield ImageShape(partial(_read_member, path, picture.get(HREF)), box, caption)
    else:
        yield from (TextShape(text, box) for text in _paragraphs(frame))


def _read_cell(cell: Any) -> SpannedText:
    return SpannedText(" ".join(_paragraphs(cell)), *cell_spans(cell))


def _read_member(path: Path, name: str) -> bytes:
    if "://" in name:
        raise ValueError("links to files outside the deck are not followed")
    return read_member(path, name.removeprefix("./"))


def _paragraphs(element: Any) -> Iterator[str]:
    for paragraph in element.iter(f"{TEXT}p", f"{TEXT}h"):
        if text := " ".join("".join(paragraph.itertext()).split()):
            yield text


def _read_box(frame: Any, size: tuple[float, float]) -> Box:
    """Return where a frame is, clipped to the slide; the whole slide when the file does not say."""
    x, y, width, height = (to_points(frame.get(f"{SVG}{name}")) for name in ("x", "y", "width", "height"))
    if not width or not height:
        return (0.0, 0.0, *size)
    return clip_box((x, y, x + width, y + height), *size)
