"""The XML of office files: parsed as that of a stranger, its namespaces, and what all OpenDocument files have."""

import re
from collections.abc import Iterator
from typing import Any

# Office Open XML
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
EMU_PER_POINT = 12_700
"""English metric units, in which its drawings are measured."""

# OpenDocument
OPEN_DOCUMENT = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
TEXT, TABLE, DRAW, OFFICE, STYLE = (OPEN_DOCUMENT % name for name in ("text", "table", "drawing", "office", "style"))
SVG = OPEN_DOCUMENT % "svg-compatible"
DC = "{http://purl.org/dc/elements/1.1/}"
HREF = "{http://www.w3.org/1999/xlink}href"
_POINTS = {"cm": 72 / 2.54, "mm": 72 / 25.4, "in": 72.0, "pt": 1.0, "px": 0.75}

_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
"""Names of the strict variant of Office Open XML, which differs in nothing else that is read here."""


def parse_xml(data: bytes) -> Any:
    """Parse XML: no entities, no network. Raises `SyntaxError`."""
    from lxml import etree

    return etree.fromstring(
        usual_names(data), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    )


def usual_names(data: bytes) -> bytes:
    """Return XML of the strict variant of Office Open XML with the names of the usual one; other XML as it is."""
    return _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", data)


def to_points(length: str | None) -> float:
    """The points of an OpenDocument length such as `2.5cm`; 0 for anything else."""
    match = re.fullmatch(r"(-?[\d.]+)(cm|mm|in|pt|px)", length or "")
    return float(match[1]) * _POINTS[match[2]] if match else 0.0


def cell_spans(cell: Any) -> tuple[int, int]:
    """The rows and columns of an OpenDocument cell."""
    rows, columns = (cell.get(f"{TABLE}number-{name}-spanned", "1") for name in ("rows", "columns"))
    return int(rows) if rows.isdecimal() else 1, int(columns) if columns.isdecimal() else 1


def alternative_text(frame: Any) -> str:
    """What somebody wrote about an OpenDocument picture."""
    return " ".join(" ".join(frame.findtext(f"{SVG}{name}") or "" for name in ("title", "desc")).split())


def hidden_styles(content: Any, attribute: str, value: str) -> set[str | None]:
    """The names of the OpenDocument styles that hide a slide or sheet: a part of them has this attribute."""
    styles: Iterator[Any] = content.iter(f"{STYLE}style")
    return {one.get(f"{STYLE}name") for one in styles if any(part.get(attribute) == value for part in one)}
