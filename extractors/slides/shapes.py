"""The shapes of one PowerPoint slide as parts: text, tables, charts, pictures and drawings, groups taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extractors.slides import charts
from extractors.slides.deck import Drawing, Grid, Image, Part, Text
from extractors.types import Box, Problem

EMU = 12700
"""English metric units a point."""

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_FURNITURE = frozenset(("SLIDE_NUMBER", "DATE", "FOOTER", "HEADER"))
# What programs write by themselves into the field for alternative text.
_FILE_NAME = re.compile(r"\S+\.(png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|webp)$", re.IGNORECASE)
_GENERATED = re.compile(
    r"\s*(Description automatically generated|AI-generated content may be incorrect\.?)\s*", re.IGNORECASE
)
_DEEPEST = 20
_FEWEST_IN_DRAWING = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """How a group lays its children out: points = offset + scale * English metric units."""

    slide: Box
    offset: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1 / EMU, 1 / EMU)


def whole(size: tuple[float, float]) -> Frame:
    """The frame of a slide of `size` (width, height) points itself."""
    return Frame((0.0, 0.0, *size))


def box(shape: Any, frame: Frame) -> Box:
    """Where a shape stands, cut to the slide; the whole slide when that is not said."""
    try:
        left, top, width, height = shape.left, shape.top, shape.width, shape.height
    except Exception:  # a placeholder whose layout is broken
        return frame.slide
    return frame.slide if None in (left, top, width, height) else _placed(left, top, width, height, frame)


def parts(found: Any, frame: Frame, title: Any = None, depth: int = 0) -> Iterator[Part | Problem]:
    """The parts of python-pptx's shapes in their order, which is the deck's reading order; `title` is left out."""
    for shape in found:
        if title is not None and shape._element is title._element:
            continue
        try:
            yield from _parts(shape, frame, depth)
        except Exception as error:  # python-pptx raises KeyError, AttributeError … on what it does not expect
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            yield Problem(f"the shape “{shape.name}” cannot be read ({reason}); saving the deck anew may mend it")
    if depth == 0:
        yield from _alternates(found._element, frame)


def paragraphs(element: Any) -> Iterator[str]:
    """The texts of the paragraphs below an XML element, formulas included."""
    for paragraph in element.iter(f"{_A}p"):
        yield _text(paragraph)


def _parts(shape: Any, frame: Frame, depth: int) -> Iterator[Part | Problem]:
    element, where, alt = shape._element, box(shape, frame), _alt(shape)
    tag = element.tag.removeprefix(_P)
    if tag == "grpSp":
        yield from _group(shape, where, alt, frame, depth)
    elif tag == "graphicFrame":
        yield from _graphic(shape, where, alt)
    elif tag == "pic":
        yield _picture(element, shape.part, where, alt)
    elif tag == "sp" and not _is_furniture(shape):
        yield from _texts(element, where)
        fill = element.find(f"{_P}spPr/{_A}blipFill")
        if fill is not None:
            yield _filled(fill, shape.part, where, alt)
        elif alt:
            yield Drawing(where, "object", alt)


def _is_furniture(shape: Any) -> bool:
    """Slide numbers, dates and footers say the same on every slide."""
    kind = shape.placeholder_format.type if shape.is_placeholder else None
    return kind is not None and kind.name in _FURNITURE


def _group(group: Any, where: Box, alt: str, frame: Frame, depth: int) -> Iterator[Part | Problem]:
    if depth >= _DEEPEST:
        yield Problem(f"the group “{group.name}” is nested deeper than {_DEEPEST}; its inner shapes are left out")
        return
    found = list(parts(group.shapes, _inner(group, frame), depth=depth + 1))
    drawn = sum(1 for _ in group._element.iter(f"{_P}sp", f"{_P}cxnSp"))
    if depth == 0 and drawn >= _FEWEST_IN_DRAWING:
        words = " ".join(part.text for part in found if isinstance(part, Text))
        yield Drawing(where, "group", alt, words)
    elif alt:
        yield Drawing(where, "object", alt)
    yield from found


def _graphic(shape: Any, where: Box, alt: str) -> Iterator[Part | Problem]:
    if shape.has_table:
        rows = _rows(shape.table)
        if any(map(any, rows)):
            yield Grid(rows, where, alt)
    elif shape.has_chart:
        caption, rows = charts.table(shape.chart)
        yield Grid(rows, where, " — ".join(filter(None, (caption, alt))), chart=True)
    elif (data := shape._element.find(f".//{_DIAGRAM}relIds")) is not None:
        words = list(_diagram(shape.part, data.get(f"{_R}dm")))
        yield from (Text(text, where) for text in words)
        yield Drawing(where, "diagram", alt, " ".join(words))
    else:
        yield Drawing(where, "object", alt)


def _rows(table: Any) -> list[list[str]]:
    """The cells as text; one that spans others is given once, at its origin."""
    return [
        ["" if cell.is_spanned else " ".join(filter(None, paragraphs(cell._tc))) for cell in row.cells]
        for row in table.rows
    ]


def _diagram(part: Any, relation: str | None) -> Iterator[str]:
    """The words of a SmartArt, from its data part, in the order of its points."""
    from pptx.oxml import parse_xml

    if relation is None or part.rels[relation].is_external:
        return
    for point in parse_xml(part.related_part(relation).blob).iter(f"{_DIAGRAM}pt"):
        yield from filter(None, paragraphs(point))


def _picture(element: Any, part: Any, where: Box, alt: str) -> Part:
    fill = element.find(f"{_P}blipFill")
    return _filled(fill if fill is not None else element, part, where, alt)


def _filled(fill: Any, part: Any, where: Box, alt: str) -> Part:
    blip, cut = fill.find(f"{_A}blip"), fill.find(f"{_A}srcRect")
    relation = blip.get(f"{_R}embed") if blip is not None else None

    def data() -> bytes:
        if not relation:
            raise ValueError("it is a link to a file outside of the deck, which is not followed")
        return bytes(part.related_part(relation).blob)

    shares = [int(cut.get(side, "0")) / 100_000 if cut is not None else 0.0 for side in "ltrb"]
    return Image(data, where, alt, (shares[0], shares[1], shares[2], shares[3]))


def _texts(element: Any, where: Box) -> Iterator[Text]:
    body = element.find(f"{_P}txBody")
    for paragraph in body.iter(f"{_A}p") if body is not None else ():
        if text := _text(paragraph):
            properties = paragraph.find(f"{_A}pPr")
            yield Text(text, where, int(properties.get("lvl", "0")) if properties is not None else 0)


def _text(paragraph: Any) -> str:
    """Runs, fields and formulas; the stand-in that an old program would show for a formula is not read as well."""
    pieces = []
    stack = list(paragraph)[::-1]
    while stack:
        node = stack.pop()
        if node.tag in (f"{_A}t", f"{_M}t"):
            pieces.append(node.text or "")
        elif node.tag in (f"{_A}br", f"{_A}tab"):
            pieces.append(" ")
        elif node.tag != f"{_MC}Fallback":
            stack.extend(list(node)[::-1])
    return " ".join("".join(pieces).split())


def _alternates(tree: Any, frame: Frame) -> Iterator[Part]:
    """Shapes that python-pptx passes over, for they have a stand-in for old programs: formulas, ink, new charts."""
    for alternate in tree.findall(f"{_MC}AlternateContent"):
        choice = alternate.find(f"{_MC}Choice")
        if choice is None:
            continue
        where = _transform(choice, frame)
        texts = [text for text in paragraphs(choice) if text]
        yield from (Text(text, where) for text in texts)
        if not texts:
            yield Drawing(where, "object", "")


def _transform(element: Any, frame: Frame) -> Box:
    offset = next(element.iter(f"{_A}off"), None)
    extent = next(element.iter(f"{_A}ext"), None)
    if offset is None or extent is None or extent.get("cx") is None:
        return frame.slide
    sides = (offset.get("x"), offset.get("y"), extent.get("cx"), extent.get("cy"))
    left, top, width, height = (int(side) for side in sides)
    return _placed(left, top, width, height, frame)


def _placed(left: int, top: int, width: int, height: int, frame: Frame) -> Box:
    (ox, oy), (sx, sy) = frame.offset, frame.scale
    x0, y0 = ox + left * sx, oy + top * sy
    right, bottom = frame.slide[2:]
    return (
        round(min(max(x0, 0.0), right), 2),
        round(min(max(y0, 0.0), bottom), 2),
        round(min(max(x0 + width * sx, 0.0), right), 2),
        round(min(max(y0 + height * sy, 0.0), bottom), 2),
    )


def _inner(group: Any, frame: Frame) -> Frame:
    """The frame of a group's children, which live in coordinates of their own."""
    transform = group._element.find(f"{_P}grpSpPr/{_A}xfrm")
    if transform is None or transform.find(f"{_A}chExt") is None:
        return frame
    off, ext, inner_off, inner_ext = (transform.find(f"{_A}{name}") for name in ("off", "ext", "chOff", "chExt"))
    (ox, oy), (sx, sy) = frame.offset, frame.scale
    kx = sx * int(ext.get("cx")) / (int(inner_ext.get("cx")) or 1)
    ky = sy * int(ext.get("cy")) / (int(inner_ext.get("cy")) or 1)
    x = ox + int(off.get("x")) * sx - int(inner_off.get("x")) * kx
    y = oy + int(off.get("y")) * sy - int(inner_off.get("y")) * ky
    return Frame(frame.slide, (x, y), (kx, ky))


def _alt(shape: Any) -> str:
    """The alternative text that a person wrote."""
    properties = next(shape._element.iter(f"{_P}cNvPr"), None)
    text = _GENERATED.sub(" ", properties.get("descr", "") if properties is not None else "")
    text = " ".join(text.split())
    return "" if _FILE_NAME.match(text) else text
