"""Read ODP files without LibreOffice: titles, text, tables, notes and pictures from `content.xml`."""

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from extractors.containers import DAMAGED_ZIP
from extractors.errors import ExtractionError, error_summary
from extractors.slides.deck import Deck, ImageShape, Shape, Slide, TableShape, TextShape, clip_box
from extractors.table_grid import SpannedText, grid_from_rows
from extractors.types import Box

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns"
_DRAW = f"{{{_NAMESPACE}:drawing:1.0}}"
_TEXT = f"{{{_NAMESPACE}:text:1.0}}"
_TABLE = f"{{{_NAMESPACE}:table:1.0}}"
_PRESENTATION = f"{{{_NAMESPACE}:presentation:1.0}}"
_SVG = f"{{{_NAMESPACE}:svg-compatible:1.0}}"
_STYLE = f"{{{_NAMESPACE}:style:1.0}}"
_FO = f"{{{_NAMESPACE}:xsl-fo-compatible:1.0}}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_POINTS = {"cm": 72 / 2.54, "mm": 72 / 25.4, "in": 72.0, "pt": 1.0, "px": 0.75}
_FURNITURE = frozenset(("page-number", "date-time", "footer", "header"))
_DEFAULT_SIZE = (28 * _POINTS["cm"], 21 * _POINTS["cm"])


def read_odp(path: Path) -> Deck:
    """Read an ODP file. Raises `ExtractionError` when it is broken or encrypted."""
    from pptx.oxml import parse_xml

    try:
        with zipfile.ZipFile(path) as archive:
            content = parse_xml(archive.read("content.xml"))
            styles = parse_xml(archive.read("styles.xml")) if "styles.xml" in archive.namelist() else content
    except (*DAMAGED_ZIP, KeyError, SyntaxError) as error:
        reason = f"cannot be read as ODP ({error_summary(error)})"
        raise ExtractionError(f"{path.name}: {reason}; save it again, without a password") from error
    for space in content.iter(f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):  # white space as empty elements
        space.tail = f" {space.tail or ''}"
    hidden_styles = {
        style.get(f"{_STYLE}name")
        for style in content.iter(f"{_STYLE}style")
        if any(part.get(f"{_PRESENTATION}visibility") == "hidden" for part in style)
    }
    size = _read_size(styles)
    pages = enumerate(content.iter(f"{_DRAW}page"), 1)
    return Deck(*size, tuple(_read_slide(page, number, size, path, hidden_styles) for number, page in pages))


def _read_size(styles: Any) -> tuple[float, float]:
    for layout in styles.iter(f"{_STYLE}page-layout-properties"):
        width, height = (_to_points(layout.get(f"{_FO}page-{side}")) for side in ("width", "height"))
        if width > height > 0:  # the layout of the notes is in portrait format
            return width, height
    return _DEFAULT_SIZE


def _to_points(length: str | None) -> float:
    try:
        return float(length[:-2]) * _POINTS[length[-2:]] if length else 0.0
    except (ValueError, KeyError):
        return 0.0


def _read_slide(page: Any, number: int, size: tuple[float, float], path: Path, hidden_styles: set[str | None]) -> Slide:
    title, title_box = "", None
    shapes: list[Shape] = []
    for frame in page.iter(f"{_DRAW}frame", f"{_DRAW}custom-shape", f"{_DRAW}rect", f"{_DRAW}ellipse"):
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
        hidden=page.get(f"{_DRAW}style-name") in hidden_styles,
        shapes=tuple(shapes),
        notes=tuple(
            text
            for frame in page.iterfind(f"{_PRESENTATION}notes//{_DRAW}frame")
            if frame.get(f"{_PRESENTATION}class") in ("notes", None)  # not the slide's thumbnail or page number
            for text in _paragraphs(frame)
        ),
    )


def _read_frame(frame: Any, box: Box, path: Path) -> Iterator[Shape]:
    table, picture = frame.find(f"{_TABLE}table"), frame.find(f"{_DRAW}image")
    nodes = (node for name in ("title", "desc") for node in frame.findall(f"{_SVG}{name}"))
    caption = " ".join(node.text or "" for node in nodes).strip()
    if table is not None:
        rows = [list(map(_read_cell, row.iter(f"{_TABLE}table-cell"))) for row in table.iter(f"{_TABLE}table-row")]
        grid = grid_from_rows(rows, header_rows=1)
        if any(cell.text for cell in grid.cells):
            yield TableShape(grid, box, caption)
    elif picture is not None and picture.get(_HREF):
        yield ImageShape(partial(_read_member, path, picture.get(_HREF)), box, caption)
    else:
        yield from (TextShape(text, box) for text in _paragraphs(frame))


def _read_cell(cell: Any) -> SpannedText:
    spans = (cell.get(f"{_TABLE}number-{name}-spanned", "1") for name in ("rows", "columns"))
    rows, columns = (int(span) if span.isdecimal() else 1 for span in spans)
    return SpannedText(" ".join(_paragraphs(cell)), rows, columns)


def _read_member(path: Path, name: str) -> bytes:
    if "://" in name:
        raise ValueError("links to files outside the deck are not followed")
    with zipfile.ZipFile(path) as archive:
        return archive.read(name.removeprefix("./"))


def _paragraphs(element: Any) -> Iterator[str]:
    for paragraph in element.iter(f"{_TEXT}p", f"{_TEXT}h"):
        if text := " ".join("".join(paragraph.itertext()).split()):
            yield text


def _read_box(frame: Any, size: tuple[float, float]) -> Box:
    """Return where a frame is, clipped to the slide; the whole slide when the file does not say."""
    x, y, width, height = (_to_points(frame.get(f"{_SVG}{name}")) for name in ("x", "y", "width", "height"))
    if not width or not height:
        return (0.0, 0.0, *size)
    return clip_box((x, y, x + width, y + height), *size)
