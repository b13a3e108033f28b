"""Reading one PDF page into plain data: its text lines, images and drawings, with boxes on the page as displayed."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise, takewhile
from typing import Any, TypeVar

from extractors.geometry import intersection, merge_boxes, rotate_box
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.pdf.painted_images import PaintedImage, Recorder, identify_images, record_page
from extractors.pdf.render import pymupdf
from extractors.pdf.structure_tags import TagRecorder, is_tagged
from extractors.pdf.symbol_fonts import read_symbols
from extractors.pdf.word_spaces import read_blocks
from extractors.types import Box

MAX_DRAWINGS = 20_000  # paths of a page; more are a map or a dense plot, and the first ones show its extent
MAX_PARTS = 100  # separate cells or rules that one path draws; more are a pattern, such as a bar code
MAX_PATCH_PIXELS = 2  # images this narrow are coloured panels and rules, as shadings are
MIN_OPACITY, MIN_ALPHA = 0.02, 5  # opacity from which on a drawing (of 1) and a text (of 255) shows
AXIS_TOLERANCE = 0.1  # points by which a level or upright line may slant
MIN_WORD_SPACE, MAX_WORD_SPACE, MAX_KERNING = 0.12, 0.8, 0.15  # font sizes between words; overlap of pieces of one
MAX_BASELINE_SHIFT = 0.1  # vertical distance of pieces of one line, in font sizes
# Not all files flag bold and italic fonts.
BOLD_NAME = re.compile(r"bold|black|heavy|[-,_](?:b|bd|sb)(?:i|it|cn|obl)?$")
ITALIC_NAME = re.compile(r"italic|oblique|[-,_](?:b|bd|sb|md)?(?:i|it|obl)$")
MIN_SMALL_CAPS = 0.6  # size of small capitals by that of the capitals
MAX_FONT_HEIGHT = 1.8  # font sizes; above, a font's metrics are wrong, and the next two are assumed instead
ASCENDER, DESCENDER = 1.0, 0.35
SUPERSCRIPT = 1  # flag of MuPDF for raised spans
VISIBLE_TEXT_FLAGS = 16 | 32 | 64  # of MuPDF: filled, stroked, used as a clip; a scanner's text layer is none of these

_TEN = re.compile(r"(?<![\d.,])10$")
_EXPONENT = re.compile(r"[-−–]?\d{1,3}\b")
_Part = TypeVar("_Part")
_Transform = Callable[[Box], Box]
"""From a box of the page as stored to one of the page as displayed."""


def read_page(page: Any, number: int) -> PageLayout:
    """Return the layout of a `pymupdf.Page`; its notes name what could not be read. `number` counts from 1."""
    notes: list[str] = []
    limits: Box = (0.0, 0.0, float(page.rect.width), float(page.rect.height))
    rotation = int(page.rotation)
    stored_size = (limits[3], limits[2]) if rotation in (90, 270) else (limits[2], limits[3])

    def to_displayed(box: Box) -> Box:
        return rotate_box(box, rotation, *stored_size)

    def attempt(what: str, read: Callable[[], Iterable[_Part]]) -> tuple[_Part, ...]:
        try:
            return tuple(read())
        except (RuntimeError, ValueError, pymupdf().mupdf.FzErrorBase) as error:
            reason = str(error).strip().splitlines()
            notes.append(f"{what} could not be read ({reason[0] if reason else type(error).__name__})")
            return ()

    recorded = attempt("images", lambda: [record_page(page, TagRecorder if is_tagged(page.parent) else Recorder)])
    images = recorded[0].painted if recorded else []
    tags = next((one for one in recorded if isinstance(one, TagRecorder)), None)
    lines = attempt("text", lambda: _lines(page, to_displayed, limits))
    pictures = [image for image in images if not _is_patch(image)]
    rasters: tuple[Raster, ...] = attempt("images", lambda: identify_images(page, pictures, limits))
    patches = [intersection(image.box, limits) for image in images if _is_patch(image)]
    drawings = attempt("drawings", lambda: _drawings(page, to_displayed, limits, notes))
    return PageLayout(
        number=number,
        width=limits[2],
        height=limits[3],
        lines=tuple(tags.tag_lines(lines)) if tags else lines,
        rasters=rasters,
        drawings=(
            *(Drawing(box, 1, True, False, rectangle=True) for box in patches if box[0] < box[2] and box[1] < box[3]),
            *drawings,
        ),
        rotation=rotation,
        notes=tuple(notes),
        alternative_texts=tuple(tags.alternative_texts()) if tags else (),
    )


def _is_patch(image: PaintedImage) -> bool:
    return min(image.width, image.height) <= MAX_PATCH_PIXELS


def _drawings(page: Any, to_displayed: _Transform, limits: Box, notes: list[str]) -> list[Drawing]:
    """The paths that show: not transparent, and not clipped away or outside of the page entirely."""
    clips: dict[int, Box] = {}  # by nesting level
    drawings: list[Drawing] = []
    for path in page.get_cdrawings(extended=True):
        kind, level = path["type"], path["level"]
        if kind == "clip":
            clips[level] = tuple(path["scissor"])
            continue
        if kind == "group" or _is_transparent(path):
            continue
        box: Box = tuple(path["rect"])
        innermost = next((clips[outer] for outer in range(level - 1, -1, -1) if outer in clips), None)
        box = intersection(to_displayed(intersection(box, innermost) if innermost else box), limits)
        if not _has_extent(box):
            continue
        if len(drawings) == MAX_DRAWINGS:
            notes.append(f"more than {MAX_DRAWINGS} drawings: the others were ignored")
            break
        parts = (intersection(to_displayed(part), box) for part in _parts(path["items"]))
        drawings.append(_drawing(path, box, tuple(filter(_has_extent, parts))))
    return drawings


def _has_extent(box: Box) -> bool:
    return box[0] <= box[2] and box[1] <= box[3]  # the width or height of a rule may be 0, but not negative


def _parts(items: list[tuple[Any, ...]]) -> list[Box]:
    """The separate rectangles or rules of a path that has several and nothing else, as those of a table."""
    if not 1 < len(items) <= MAX_PARTS:
        return []
    if all(item[0] == "re" for item in items):
        return [tuple(item[1]) for item in items]
    if all(item[0] == "l" and _is_straight(item) for item in items) and not _is_joined(items):
        return [merge_boxes(((*a, *a), (*b, *b))) for _, a, b in items]
    return []


def _is_joined(items: list[tuple[Any, ...]]) -> bool:
    """Return True for lines of which one begins where the one before it ends."""
    return any(before[2] == after[1] for before, after in pairwise(items))


def _is_transparent(path: dict[str, Any]) -> bool:
    fill = path["type"] in ("f", "fs") and path.get("fill_opacity", 1) > MIN_OPACITY
    stroke = path["type"] in ("s", "fs") and path.get("stroke_opacity", 1) > MIN_OPACITY
    return not (fill or stroke)


def _drawing(path: dict[str, Any], box: Box, parts: tuple[Box, ...]) -> Drawing:
    items = path["items"]
    filled, stroked = path["type"] in ("f", "fs"), path["type"] in ("s", "fs")
    return Drawing(
        box=box,
        items=len(items),
        filled=filled,
        stroked=stroked,
        fill=tuple(path["fill"]) if filled and path.get("fill") else None,
        stroke=tuple(path["color"]) if stroked and path.get("color") else None,
        rectangle=_is_rectangle(items),
        curved=any(item[0] == "c" for item in items),
        slanted=any(item[0] == "l" and not _is_straight(item) for item in items),
        parts=parts,
    )


def _is_rectangle(items: list[tuple[Any, ...]]) -> bool:
    """Return True for a rectangle, drawn as such or as four sides, and for one upright or level line."""
    if len(items) == 1 and items[0][0] == "re":
        return True
    return len(items) <= 5 and all(item[0] == "l" and _is_straight(item) for item in items)


def _is_straight(item: tuple[Any, ...]) -> bool:
    """Return True for a line that is level or upright."""
    _, a, b = item
    return bool(min(abs(a[0] - b[0]), abs(a[1] - b[1])) < AXIS_TOLERANCE)


def _lines(page: Any, to_displayed: _Transform, limits: Box) -> Iterator[Line]:
    m = pymupdf()
    flags = m.TEXT_PRESERVE_LIGATURES | m.TEXT_PRESERVE_WHITESPACE | m.TEXT_CLIP | m.TEXT_USE_CID_FOR_UNKNOWN_UNICODE
    a, b, c, d, *_ = tuple(page.rotation_matrix)
    for number, block in enumerate(read_blocks(page, flags)):
        for raw in _join_words(block.get("lines", ())):
            x, y = raw["dir"]
            line = _line(raw, number, (a * x + c * y, b * x + d * y), to_displayed)
            if line is None:
                continue
            x0, y0, x1, y1 = line.box
            if 0 <= (x0 + x1) / 2 <= limits[2] and 0 <= (y0 + y1) / 2 <= limits[3]:
                yield line


def _join_words(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of one block, with those joined that some typesetting programs cut at every word."""
    joined: list[dict[str, Any]] = []
    for raw in lines:
        # Some files write the space before a word as a tiny blank.
        line = {**raw, "spans": [span for span in raw["spans"] if span["text"].strip() or span["size"] > 1]}
        if not line["spans"]:
            continue
        if joined and _continues(joined[-1], line):
            last, first = joined[-1]["spans"][-1], line["spans"][0]
            is_space = not line["wmode"] and first["bbox"][0] - last["bbox"][2] > MIN_WORD_SPACE * first["size"]
            if is_space and not last["text"].endswith(" ") and not first["text"].startswith(" "):
                first = {**first, "text": f" {first['text']}"}
            joined[-1] = {**joined[-1], "spans": [*joined[-1]["spans"], first, *line["spans"][1:]]}
        else:
            joined.append(line)
    return joined


def _continues(line: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return True when `other` continues `line` on its base line, at most a word space away; also downwards."""
    if line["dir"] != other["dir"] or (line["dir"], line["wmode"]) not in (((1.0, 0.0), 0), ((0.0, 1.0), 1)):
        return False
    last, first = line["spans"][-1], other["spans"][0]
    size = min(last["size"], first["size"])
    along, across = line["wmode"], 1 - line["wmode"]
    space = first["bbox"][along] - last["bbox"][along + 2]
    on_base_line = abs(last["origin"][across] - first["origin"][across]) < MAX_BASELINE_SHIFT * size
    return bool(on_base_line and -MAX_KERNING * size < space < MAX_WORD_SPACE * size)


def _line(line: dict[str, Any], block: int, direction: tuple[float, float], to_displayed: _Transform) -> Line | None:
    """A line of MuPDF's text dictionary; `direction` is that of its text (right, down) as displayed. None if blank."""
    spans = [span for span in line["spans"] if span["text"].strip()]
    if not spans:
        return None
    main = _main_span(spans)
    bold = _is_bold(main)
    return Line(
        box=to_displayed(_text_box(line, spans)),
        text=_line_text(line["spans"]),
        size=_size(main, spans),
        font=str(main["font"]),
        bold=bold,
        italic=bool(main["flags"] & 2) or bool(ITALIC_NAME.search(main["font"].lower())),
        lead=0 if bold else sum(len(span["text"]) for span in takewhile(_is_bold, spans)),
        run_in=_run_in(line["spans"]),
        block=block,
        horizontal=direction[0] > 0.98,
        angle=round(math.degrees(math.atan2(direction[1], direction[0])) / 90) % 4 * 90,
        vertical=bool(line["wmode"]),
        visible=any(span["char_flags"] & VISIBLE_TEXT_FLAGS and span["alpha"] > MIN_ALPHA for span in spans),
    )


def _line_text(spans: Sequence[dict[str, Any]]) -> str:
    """The text of a line. Powers of ten get a "^", or 10 to the fourth would be 104; "CO2" and "m2" are written so."""
    text = ""
    for span in spans:
        piece = read_symbols(span["text"], span["font"])
        is_power = span["flags"] & SUPERSCRIPT and _TEN.search(text) and _EXPONENT.match(piece)
        text += f"^{piece}" if is_power else piece
    return text.strip()


def _main_span(spans: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The longest span in the font and size of most characters; words may be spans of their own."""
    characters: Counter[tuple[str, float]] = Counter()
    for span in spans:
        characters[span["font"], span["size"]] += len(span["text"])
    font, size = characters.most_common(1)[0][0]
    same = [span for span in spans if span["font"] == font and span["size"] == size]
    return max(same, key=lambda span: len(span["text"]))


def _size(main: dict[str, Any], spans: Sequence[dict[str, Any]]) -> float:
    """The size of the text; where capitals at the start of words are larger than the rest, the size of these."""
    size = float(main["size"])
    larger = [span for span in spans if span["size"] > size]
    is_small_caps = spans[0] in larger and all(
        span["font"] == main["font"] and span["text"].upper() == span["text"] and size >= MIN_SMALL_CAPS * span["size"]
        for span in larger
    )
    return float(larger[0]["size"]) if is_small_caps and any(map(str.isalpha, larger[0]["text"])) else size


def _is_bold(span: dict[str, Any]) -> bool:
    return bool(span["flags"] & 16) or bool(BOLD_NAME.search(span["font"].lower()))


def _run_in(spans: Sequence[dict[str, Any]]) -> int:
    """Characters at the start in one font, blanks included, if another font follows."""
    first = next(span for span in spans if span["text"].strip())
    start = list(takewhile(lambda span: span["font"] == first["font"] or not span["text"].strip(), spans))
    return len("".join(span["text"] for span in start).strip()) if len(start) < len(spans) else 0


def _text_box(line: dict[str, Any], spans: list[dict[str, Any]]) -> Box:
    x0, y0, x1, y1 = merge_boxes(span["bbox"] for span in spans)
    if line["dir"] == (1.0, 0.0):
        # Dashes and brackets of another size reach into the lines above and below.
        words = [span for span in spans if any(map(str.isalnum, span["text"]))]
        if words:
            _, y0, _, y1 = merge_boxes(span["bbox"] for span in words)
        size, base = max(span["size"] for span in spans), spans[0]["origin"][1]
        if y1 - y0 > MAX_FONT_HEIGHT * size and min(span["origin"][1] for span in spans) == base:
            y0, y1 = max(y0, base - ASCENDER * size), min(y1, base + DESCENDER * size)
    return (x0, y0, x1, y1)
