"""ODP files without LibreOffice: titles, text, tables, notes and pictures, straight from `content.xml`."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError
from extractors.slides.deck import Deck, Grid, Image, Part, Slide, Text
from extractors.types import Box

_NAMES = "urn:oasis:names:tc:opendocument:xmlns"
_DRAW, _TEXT, _TABLE = f"{{{_NAMES}:drawing:1.0}}", f"{{{_NAMES}:text:1.0}}", f"{{{_NAMES}:table:1.0}}"
_SHOW, _SVG, _STYLE = f"{{{_NAMES}:presentation:1.0}}", f"{{{_NAMES}:svg-compatible:1.0}}", f"{{{_NAMES}:style:1.0}}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_POINTS = {"cm": 72 / 2.54, "mm": 72 / 25.4, "in": 72.0, "pt": 1.0, "px": 0.75}
_FURNITURE = frozenset(("page-number", "date-time", "footer", "header"))
_SIZE = (28.0 * 72 / 2.54, 21.0 * 72 / 2.54)


def is_one(path: Path) -> bool:
    """Whether the zip archive holds an OpenDocument file. Raises `ExtractionError` when it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "content.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ExtractionError(f"{path.name}: not a whole office file ({error}); save or copy it again") from error


def read(path: Path) -> Deck:
    """Read an ODP file. Raises `ExtractionError` when it is broken or encrypted."""
    from pptx.oxml import parse_xml

    try:
        with zipfile.ZipFile(path) as archive:
            content = parse_xml(archive.read("content.xml"))
            styles = parse_xml(archive.read("styles.xml")) if "styles.xml" in archive.namelist() else content
    except (zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, OSError, RuntimeError, SyntaxError) as error:
        raise ExtractionError(
            f"{path.name}: cannot be read as ODP ({error}); save it anew, without a password"
        ) from error
    hidden = {
        style.get(f"{_STYLE}name")
        for style in content.iter(f"{_STYLE}style")
        if any(part.get(f"{_SHOW}visibility") == "hidden" for part in style)
    }
    size = _size(styles)
    pages = content.iter(f"{_DRAW}page")
    return Deck(*size, tuple(_slide(page, number, size, path, hidden) for number, page in enumerate(pages, 1)))


def _size(styles: Any) -> tuple[float, float]:
    for layout in styles.iter(f"{_STYLE}page-layout-properties"):
        fo = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
        width, height = _points(layout.get(f"{fo}page-width")), _points(layout.get(f"{fo}page-height"))
        if width > height > 0:  # the notes' own layout stands upright
            return width, height
    return _SIZE


def _points(length: str | None) -> float:
    try:
        return float(length[:-2]) * _POINTS[length[-2:]] if length else 0.0
    except (ValueError, KeyError):
        return 0.0


def _slide(page: Any, number: int, size: tuple[float, float], path: Path, hidden: set[str | None]) -> Slide:
    notes = page.find(f"{_SHOW}notes")
    title, title_box = "", None
    parts: list[Part] = []
    for frame in page.iter(f"{_DRAW}frame", f"{_DRAW}custom-shape", f"{_DRAW}rect", f"{_DRAW}ellipse"):
        if frame.get(f"{_SHOW}class") in _FURNITURE or (notes is not None and notes in frame.iterancestors()):
            continue
        if frame.get(f"{_SHOW}class") == "title" and not title:
            title, title_box = " ".join(_paragraphs(frame)), _box(frame, size)
        elif frame.get(f"{_SHOW}placeholder") != "true":
            parts += _parts(frame, _box(frame, size), path)
    return Slide(
        number=number,
        title=title,
        title_box=title_box,
        hidden=page.get(f"{_DRAW}style-name") in hidden,
        parts=tuple(parts),
        notes=tuple(text for frame in _said(notes) for text in _paragraphs(frame)),
    )


def _said(notes: Any) -> list[Any]:
    """The frames of the speaker's notes: not the slide's picture, nor page numbers."""
    frames = [] if notes is None else notes.iter(f"{_DRAW}frame")
    return [frame for frame in frames if frame.get(f"{_SHOW}class") in ("notes", None)]


def _parts(frame: Any, box: Box, path: Path) -> Iterator[Part]:
    table, picture = frame.find(f"{_TABLE}table"), frame.find(f"{_DRAW}image")
    alt = " ".join(
        " ".join(node.text or "" for node in frame.findall(f"{_SVG}{name}")) for name in ("title", "desc")
    ).strip()
    if table is not None:
        rows = [
            [" ".join(_paragraphs(cell)) for cell in row.iter(f"{_TABLE}table-cell")]
            for row in table.iter(f"{_TABLE}table-row")
        ]
        if any(map(any, rows)):
            yield Grid(rows, box, alt)
    elif picture is not None and picture.get(_HREF):
        yield Image(partial(_bytes, path, picture.get(_HREF)), box, alt)
    else:
        yield from (Text(text, box) for text in _paragraphs(frame))


def _bytes(path: Path, name: str) -> bytes:
    if "://" in name:
        raise ValueError("it is a link to a file outside of the deck, which is not followed")
    with zipfile.ZipFile(path) as archive:
        return archive.read(name.removeprefix("./"))


def _paragraphs(element: Any) -> Iterator[str]:
    for paragraph in element.iter(f"{_TEXT}p", f"{_TEXT}h"):
        if text := " ".join("".join(_strings(paragraph)).split()):
            yield text


def _strings(node: Any) -> Iterator[str]:
    if node.tag in (f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):
        yield " "
    yield node.text or ""
    for child in node:
        yield from _strings(child)
        yield child.tail or ""


def _box(frame: Any, size: tuple[float, float]) -> Box:
    x, y, width, height = (_points(frame.get(f"{_SVG}{name}")) for name in ("x", "y", "width", "height"))
    if not width or not height:
        return (0.0, 0.0, *size)
    x0, y0 = min(max(x, 0.0), size[0]), min(max(y, 0.0), size[1])
    return round(x0, 2), round(y0, 2), round(min(x + width, size[0]), 2), round(min(y + height, size[1]), 2)
