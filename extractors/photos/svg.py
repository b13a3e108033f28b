"""SVG drawings: their pixels, drawn by resvg, and their words, which are text in the file."""

from __future__ import annotations

import gzip
import re
import subprocess
import zlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError, error_summary, panics_as_errors

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES = 20 << 20
"""Of a drawing, unpacked: a larger one is a map or a traced photo, of which the tree alone takes gigabytes."""
HEAD_BYTES = 1 << 16
"""Bytes in which the root element is looked for; programs begin files with comments and style sheets."""
MIN_SIDE, MAX_SIDE = 800, 4000
"""Pixels of the longer side: small drawings can be read, plans are no larger than page images."""
MAX_ICON_SIDE = 48
"""Drawings that say to be no larger keep their size, by which documents with images tell icons from figures."""
SVG_DPI = 96
"""Lengths without a unit are CSS pixels."""

_ROOT = re.compile(rb"<(\w+:)?svg[\s>]")
_LENGTH = re.compile(r"\s*([\d.]+(?:[eE][+-]?\d+)?)\s*(px|pt|pc|mm|cm|in|)\s*")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
_FAMILIES = {"serif_family": "serif", "sans_serif_family": "sans-serif", "monospace_family": "monospace"}


@dataclass(frozen=True, slots=True)
class SvgDrawing:
    image: Image.Image
    words: str
    """Its text, one line per text element."""
    title: str = ""
    description: str = ""


def read_svg(file: Path | bytes) -> bytes | None:
    """Return the XML of an SVG file, also of a compressed one, or None for another kind of file."""
    try:
        with BytesIO(file) if isinstance(file, bytes) else file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            content = gzip.GzipFile(fileobj=raw) if packed else raw
            head = content.read(HEAD_BYTES)
            is_svg = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and _ROOT.search(head)
            return head + content.read(MAX_BYTES) if is_svg else None
    except (OSError, EOFError, zlib.error):
        return None


def draw_svg(data: bytes, name: str, dpi: int) -> SvgDrawing:
    """Draw an SVG without opening any other file; `name` is used in messages.

    Raises `ExtractionError` when it is not well-formed, is too large, or has no size.
    """
    import resvg_py
    from lxml import etree
    from PIL import Image

    if len(data) > MAX_BYTES:
        raise ExtractionError(f"{name}: more than {MAX_BYTES >> 20} MiB of SVG; save it as PNG or PDF")
    try:
        # Entities of the file itself are common. Those of other files, and networks, are out of reach.
        parser = etree.XMLParser(resolve_entities="internal", no_network=True, load_dtd=False, remove_pis=True)
        root = etree.fromstring(data, parser)
        _remove_references(root)
        words = "\n".join(filter(None, map(_text, _elements(root, "text", "foreignObject"))))
        title, description = (" ".join((root.findtext(f"{{*}}{tag}") or "").split()) for tag in ("title", "desc"))
        _draw_html_as_text(root)
        side = _longer_side(root, dpi)
        with panics_as_errors():
            drawn = resvg_py.svg_to_bytes(
                svg_string=etree.tostring(root, encoding="unicode"),
                background="white",
                dpi=SVG_DPI,
                width=side,
                height=side,
                **_font_families(),
            )
        image = Image.open(BytesIO(bytes(drawn))).convert("RGB")
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ExtractionError(f"{name}: cannot be drawn as SVG ({error_summary(error)}); save it as PNG") from error
    return SvgDrawing(image, words, title, description)


def _elements(root: Any, *tags: str) -> list[Any]:
    """All elements of these names, in any name space, in the order of the file."""
    return list(root.iter(*(f"{{*}}{tag}" for tag in tags)))


def _text(element: Any) -> str:
    """The text of an element on one line. Parts of a text with a place of their own are separate words."""
    parts = []
    for part in element.xpath(".//text()"):
        parent = part.getparent()
        continues = part.is_tail or (parent.tag.endswith("}tspan") and not {"x", "y", "dy"} & set(parent.attrib))
        parts.append(part if continues else f" {part}")
    return " ".join("".join(parts).split())


def _remove_references(root: Any) -> None:
    """Remove what refers to other files: resvg would draw any image file that the user can read."""
    for element in root.iter():
        for name, value in element.attrib.items():
            is_reference = name.rpartition("}")[2] == "href"
            if is_reference and not value.lstrip().startswith(("#", "data:")):
                del element.attrib[name]


def _draw_html_as_text(root: Any) -> None:
    """Add the text of embedded HTML, such as the labels of Mermaid diagrams, which resvg does not draw."""
    for html in _elements(root, "foreignObject"):
        parent, text = html.getparent(), _text(html)
        if parent is None or parent.tag.endswith("}switch") or not text:
            continue  # the other parts of a switch are there for programs that do not draw HTML
        x, y, width, height = (_length(html.get(name)) for name in ("x", "y", "width", "height"))
        label = parent.makeelement(
            html.tag.replace("foreignObject", "text"),
            {
                "x": str(x + width / 2),
                "y": str(y + height / 2),
                "text-anchor": "middle",
                "dominant-baseline": "central",
            },
        )
        label.text = text
        parent.replace(html, label)


def _longer_side(root: Any, dpi: int) -> int:
    """Pixels at which the drawing is drawn."""
    side = max(_length(root.get("width")), _length(root.get("height")))
    if 0 < side <= MAX_ICON_SIDE:
        return round(side) or 1
    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    side = side or (max(map(_length, box[2:])) if len(box) == 4 else 0.0)
    return round(min(max(side * dpi / SVG_DPI, MIN_SIDE), MAX_SIDE))


def _length(value: str | None) -> float:
    """In CSS pixels; 0 for percentages and nonsense."""
    match = _LENGTH.fullmatch(value or "")
    try:
        return float(match[1]) * _PIXELS[match[2]] if match else 0.0
    except ValueError:  # such as 1.2.3
        return 0.0


@cache
def _font_families() -> dict[str, Any]:
    """Fonts for the generic families, which resvg knows by the names they have on Windows only."""
    if not which("fc-match"):
        return {}
    found: dict[str, Any] = {}
    for option, family in _FAMILIES.items():
        answer = subprocess.run(["fc-match", "-f", "%{family[0]}", family], capture_output=True, text=True, check=False)
        found[option] = answer.stdout.strip() or "DejaVu Sans"
    return found
