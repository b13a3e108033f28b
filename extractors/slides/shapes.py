"""Read the shapes of a PowerPoint slide: text, tables, charts, pictures and drawings, with groups taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extractors.errors import error_summary
from extractors.office_xml import DIAGRAM, EMU_PER_POINT, MATH, MC, A, R
from extractors.slides.charts import read_chart_space
from extractors.slides.deck import DrawingShape, ImageShape, Shape, TableShape, TextShape, clip_box
from extractors.table_grid import SpannedText, grid_from_rows
from extractors.text.cleaning import clean_alternative_text, clean_text
from extractors.text.symbol_encoding import read_symbol_text
from extractors.types import Box, Problem

MAX_GROUP_DEPTH = 20
"""Groups within groups beyond this depth are left out; real decks have three or four levels."""
MIN_DRAWING_SHAPES = 3
"""Shapes and connectors that make a group a drawing, rather than a caption next to a picture."""

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_FURNITURE = frozenset(("SLIDE_NUMBER", "DATE", "FOOTER", "HEADER"))
"""Placeholders that say the same on every slide."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How the coordinates of a group map to the slide: points = offset + scale * English metric units."""

    slide: Box
    offset: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1 / EMU_PER_POINT, 1 / EMU_PER_POINT)

    def place(self, left: int, top: int, width: int, height: int) -> Box:
        """Return a box in points, clipped to the slide."""
        x, y = self.offset[0] + left * self.scale[0], self.offset[1] + top * self.scale[1]
        return clip_box((x, y, x + width * self.scale[0], y + height * self.scale[1]), *self.slide[2:])

    def of_group(self, group: Any) -> Frame:
        """Return the frame of a group's children, which have coordinates of their own."""
        transform = group._element.grpSpPr.xfrm
        if transform is None or transform.chExt is None:
            return self
        origin, child_origin, extent, child_extent = transform.off, transform.chOff, transform.ext, transform.chExt
        scale_x = self.scale[0] * extent.cx / (child_extent.cx or 1)
        scale_y = self.scale[1] * extent.cy / (child_extent.cy or 1)
        x = self.offset[0] + origin.x * self.scale[0] - child_origin.x * scale_x
        y = self.offset[1] + origin.y * self.scale[1] - child_origin.y * scale_y
        return Frame(self.slide, (x, y), (scale_x, scale_y))


def shape_box(shape: Any, frame: Frame) -> Box:
    """Return where a shape is; the whole slide when the file does not say."""
    try:
        sides = (shape.left, shape.top, shape.width, shape.height)
    except Exception:  # a placeholder whose layout is broken
        return frame.slide
    return frame.slide if None in sides else frame.place(*sides)


def read_shapes(shapes: Any, frame: Frame, title: Any = None, depth: int = 0) -> Iterator[Shape | Problem]:
    """Yield python-pptx's shapes in their order, which is the reading order, without the shape `title`."""
    for shape in shapes:
        if title is not None and shape._element is title._element:
            continue
        try:
            yield from _read_shape(shape, frame, depth)
        except Exception as error:  # python-pptx raises KeyError, AttributeError and others on unexpected content
            yield Problem(
                f"the shape “{shape.name}” cannot be read ({error_summary(error)}); saving the deck again may repair it"
            )
    if depth == 0:
        yield from _read_alternate_content(shapes._element, frame)


def paragraph_texts(element: Any) -> Iterator[str]:
    """Yield the paragraphs with text below an XML element, including formulas."""
    return filter(None, map(_paragraph_text, element.iter(f"{A}p")))


def _read_shape(shape: Any, frame: Frame, depth: int) -> Iterator[Shape | Problem]:
    element, box, caption = shape._element, shape_box(shape, frame), _alternative_text(shape)
    tag = element.tag.removeprefix(_P)
    if tag == "grpSp":
        yield from _read_group(shape, box, caption, frame, depth)
    elif tag == "graphicFrame":
        yield from _read_graphic(shape, box, caption)
    elif tag == "pic":
        fill = element.find(f"{_P}blipFill")
        yield _read_image(element if fill is None else fill, shape.part, box, caption)
    elif tag == "sp":
        placeholder = shape.placeholder_format.type if shape.is_placeholder else None
        if placeholder is not None and placeholder.name in _FURNITURE:
            return
        yield from _read_text(element, box)
        fill = element.find(f"{_P}spPr/{A}blipFill")
        if fill is not None:
            yield _read_image(fill, shape.part, box, caption)
        elif caption:
            yield DrawingShape(box, "object", caption)


def _read_group(group: Any, box: Box, caption: str, frame: Frame, depth: int) -> Iterator[Shape | Problem]:
    if depth >= MAX_GROUP_DEPTH:
        yield Problem(f"the group “{group.name}” is nested deeper than {MAX_GROUP_DEPTH}; its shapes are left out")
        return
    shapes = list(read_shapes(group.shapes, frame.of_group(group), depth=depth + 1))
    drawn = sum(1 for _ in group._element.iter(f"{_P}sp", f"{_P}cxnSp"))
    if depth == 0 and drawn >= MIN_DRAWING_SHAPES:
        words = " ".join(shape.text for shape in shapes if isinstance(shape, TextShape))
        yield DrawingShape(box, "group", caption, words)
    elif caption:
        yield DrawingShape(box, "object", caption)
    yield from shapes


def _read_graphic(shape: Any, box: Box, caption: str) -> Iterator[Shape]:
    if shape.has_table:
        grid = grid_from_rows([_read_row(row) for row in shape.table.rows], header_rows=1)
        if any(cell.text for cell in grid.cells):
            yield TableShape(grid, box, caption)
    elif shape.has_chart:
        title, rows = read_chart_space(shape.chart._chartSpace)
        grid = grid_from_rows(rows, header_rows=1)
        yield TableShape(grid, box, " — ".join(filter(None, (title, caption))), is_chart=True)
    elif (relations := shape._element.find(f".//{DIAGRAM}relIds")) is not None:
        words = _diagram_texts(shape.part, relations.get(f"{R}dm"))
        yield from (TextShape(text, box) for text in words)
        yield DrawingShape(box, "diagram", caption, " ".join(words))
    else:
        yield DrawingShape(box, "object", caption)


def _read_row(row: Any) -> list[SpannedText]:
    """Return the cells of a row, without those that merged cells reach into."""
    return [
        SpannedText(" ".join(paragraph_texts(cell._tc)), cell.span_height, cell.span_width)
        for cell in row.cells
        if not cell.is_spanned
    ]


def _diagram_texts(part: Any, relation: str | None) -> list[str]:
    """Return the texts of a SmartArt diagram from its data part, in the order of its points."""
    from pptx.oxml import parse_xml

    if relation is None or part.rels[relation].is_external:
        return []
    points = parse_xml(part.related_part(relation).blob).iter(f"{DIAGRAM}pt")
    return [text for point in points for text in paragraph_texts(point)]


def _read_image(fill: Any, part: Any, box: Box, caption: str) -> ImageShape:
    blip, crop = fill.find(f"{A}blip"), fill.find(f"{A}srcRect")
    relation = blip.get(f"{R}embed") if blip is not None else None

    def read_bytes() -> bytes:
        if not relation:
            raise ValueError("links to files outside the deck are not followed")
        return bytes(part.related_part(relation).blob)

    left, top, right, bottom = (int(crop.get(side, "0")) / 100_000 if crop is not None else 0.0 for side in "ltrb")
    return ImageShape(read_bytes, box, caption, (left, top, right, bottom))


def _read_text(element: Any, box: Box) -> Iterator[TextShape]:
    body = element.find(f"{_P}txBody")
    for paragraph in body.iter(f"{A}p") if body is not None else ():
        if text := _paragraph_text(paragraph):
            properties = paragraph.find(f"{A}pPr")
            yield TextShape(text, box, int(properties.get("lvl", "0")) if properties is not None else 0)


def _paragraph_text(paragraph: Any) -> str:
    """Return runs, fields and formulas as text, without the fallback that old programs show for a formula."""
    pieces = []
    stack = list(paragraph)[::-1]
    while stack:
        node = stack.pop()
        if node.tag in (f"{A}t", f"{MATH}t"):
            pieces.append(read_symbol_text(node.text or "", _symbol_font(node)))
        elif node.tag in (f"{A}br", f"{A}tab"):
            pieces.append(" ")
        elif node.tag != f"{MC}Fallback":
            stack.extend(list(node)[::-1])
    return clean_text("".join(pieces), typeset=False)


def _symbol_font(text: Any) -> str:
    """The typeface of the symbols in a run, empty if it has none of its own."""
    font = text.getparent().find(f"{A}rPr/{A}sym")
    return font.get("typeface", "") if font is not None else ""


def _read_alternate_content(tree: Any, frame: Frame) -> Iterator[Shape]:
    """Yield shapes that python-pptx skips because they have a fallback for old programs: formulas, ink, new charts."""
    for alternate in tree.findall(f"{MC}AlternateContent"):
        choice = alternate.find(f"{MC}Choice")
        if choice is None:
            continue
        box, offset, extent = frame.slide, choice.find(f".//{A}off"), choice.find(f".//{A}ext")
        if offset is not None and extent is not None and extent.get("cx") is not None:
            sides = (offset, "x"), (offset, "y"), (extent, "cx"), (extent, "cy")
            box = frame.place(*(int(node.get(key)) for node, key in sides))
        texts = list(paragraph_texts(choice))
        yield from (TextShape(text, box) for text in texts)
        if not texts:
            yield DrawingShape(box, "object")


def _alternative_text(shape: Any) -> str:
    """Return the alternative text if a person wrote it."""
    properties = next(shape._element.iter(f"{_P}cNvPr"), None)
    text = properties.get("descr", "") if properties is not None else ""
    return clean_alternative_text(text)
