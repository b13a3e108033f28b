"""One PDF page read to plain data: lines, rasters and drawings, in the coordinates of the page as displayed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any, TypeVar

from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.pdf.painted_images import Painted, named, painted
from extractors.pdf.render import pymupdf
from extractors.types import Box

_MOST_DRAWINGS = 20_000
"""More paths than this are a map or a plot of every sample: the first ones tell where it lies."""

_Part = TypeVar("_Part")


def read_page(page: Any, number: int) -> PageLayout:
    """Read a `pymupdf.Page`; `number` counts from 1. What cannot be read is left out and named in the notes."""
    notes: list[str] = []
    limits: Box = (0.0, 0.0, float(page.rect.width), float(page.rect.height))
    turn = _turner(page)

    def attempt(what: str, stage: Callable[[], Iterable[_Part]]) -> tuple[_Part, ...]:
        try:
            return tuple(stage())
        except (RuntimeError, ValueError, pymupdf().mupdf.FzErrorBase) as error:
            reason = str(error).strip().splitlines()
            notes.append(f"{what} could not be read ({reason[0] if reason else type(error).__name__})")
            return ()

    images = attempt("images", lambda: painted(page))
    rasters: tuple[Raster, ...] = attempt(
        "images", lambda: named(page, (image for image in images if not _plain(image)), limits)
    )
    patches = [_patch(image, limits) for image in images if _plain(image)]
    drawings = attempt("drawings", lambda: _drawings(page, turn, limits, notes))
    lines = attempt("text", lambda: _lines(page, turn, limits))
    return PageLayout(
        number=number,
        width=limits[2],
        height=limits[3],
        lines=lines,
        rasters=rasters,
        drawings=(*(p for p in patches if p.box[0] < p.box[2] and p.box[1] < p.box[3]), *drawings),
        rotation=int(page.rotation),
        notes=tuple(notes),
    )


def _turner(page: Any) -> Callable[[Box], Box]:
    """Box of the page as it is stored -> box of the page as displayed."""
    if not page.rotation:
        return lambda box: box
    a, b, c, d, e, f = tuple(page.rotation_matrix)

    def turn(box: Box) -> Box:
        x0, x1 = a * box[0] + c * box[1] + e, a * box[2] + c * box[3] + e
        y0, y1 = b * box[0] + d * box[1] + f, b * box[2] + d * box[3] + f
        return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    return turn


def _plain(image: Painted) -> bool:
    """True for shadings and for images of a pixel or two, which are rules and coloured panels, not pictures."""
    return min(image.width, image.height) <= 2


def _patch(image: Painted, limits: Box) -> Drawing:
    return Drawing(_cut(image.box, limits), items=1, filled=True, stroked=False, rectangle=True)


def _cut(box: Box, limits: Box) -> Box:
    return (max(box[0], limits[0]), max(box[1], limits[1]), min(box[2], limits[2]), min(box[3], limits[3]))


# --- drawings ---------------------------------------------------------------------------------------------------


def _drawings(page: Any, turn: Callable[[Box], Box], limits: Box, notes: list[str]) -> Iterator[Drawing]:
    """The paths that show: not those that are clipped away, transparent or outside of the page."""
    clips: dict[int, Box] = {}
    count = 0
    for path in page.get_cdrawings(extended=True):
        kind, level = path["type"], path["level"]
        if kind == "clip":
            clips[level] = tuple(path["scissor"])
            continue
        if kind == "group" or _transparent(path):
            continue
        box: Box = tuple(path["rect"])
        clip = _clip_in_force(clips, level)
        box = _cut(turn(_cut(box, clip) if clip else box), limits)
        # A rule has no width or no height, but never less than none.
        if box[0] > box[2] or box[1] > box[3]:
            continue
        count += 1
        if count > _MOST_DRAWINGS:
            notes.append(f"more than {_MOST_DRAWINGS} drawings: the rest were not looked at")
            return
        yield _drawing(path, box)


def _clip_in_force(clips: dict[int, Box], level: int) -> Box | None:
    """Of a path at `level`: the innermost clip that was opened below it."""
    return next((clips[below] for below in range(level - 1, -1, -1) if below in clips), None)


def _transparent(path: dict[str, Any]) -> bool:
    fill = path["type"] in ("f", "fs") and path.get("fill_opacity", 1) > 0.02
    stroke = path["type"] in ("s", "fs") and path.get("stroke_opacity", 1) > 0.02
    return not (fill or stroke)


def _drawing(path: dict[str, Any], box: Box) -> Drawing:
    items = path["items"]
    filled, stroked = path["type"] in ("f", "fs"), path["type"] in ("s", "fs")
    return Drawing(
        box=box,
        items=len(items),
        filled=filled,
        stroked=stroked,
        fill=tuple(path["fill"]) if filled and path.get("fill") else None,
        stroke=tuple(path["color"]) if stroked and path.get("color") else None,
        rectangle=_rectangular(items),
        curved=any(item[0] == "c" for item in items),
    )


def _rectangular(items: list[tuple[Any, ...]]) -> bool:
    """True for a rectangle, drawn as such or as four sides, and for one upright or level line."""
    if len(items) == 1 and items[0][0] == "re":
        return True
    if len(items) > 5 or any(item[0] != "l" for item in items):
        return False
    return all(min(abs(a[0] - b[0]), abs(a[1] - b[1])) < 0.1 for _, a, b in items)


# --- text -------------------------------------------------------------------------------------------------------


def _lines(page: Any, turn: Callable[[Box], Box], limits: Box) -> Iterator[Line]:
    """Lines with visible or invisible text, in the file's own order."""
    m = pymupdf()
    flags = m.TEXT_PRESERVE_LIGATURES | m.TEXT_PRESERVE_WHITESPACE | m.TEXT_CLIP | m.TEXT_USE_CID_FOR_UNKNOWN_UNICODE
    matrix = tuple(page.rotation_matrix)
    for number, block in enumerate(page.get_text("dict", flags=flags)["blocks"]):
        for line in _whole(block.get("lines", ())):
            x, y = line["dir"]
            across, down = matrix[0] * x + matrix[2] * y, matrix[1] * x + matrix[3] * y
            made = _line(line, number, (across, down), turn)
            if made is None:
                continue
            x0, y0, x1, y1 = made.box
            if 0 <= (x0 + x1) / 2 <= limits[2] and 0 <= (y0 + y1) / 2 <= limits[3]:
                yield made


def _whole(lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Lines of one block; those that were cut at every word, as some typesetters place them, are mended."""
    current: dict[str, Any] | None = None
    for raw in lines:
        # A blank of next to no size often stands for the space before a word.
        line = {**raw, "spans": [span for span in raw["spans"] if span["text"].strip() or span["size"] > 1]}
        if not line["spans"]:
            continue
        if current is not None and _continues(current, line):
            last, first = current["spans"][-1], line["spans"][0]
            spaced = first["bbox"][0] - last["bbox"][2] > 0.12 * first["size"] and not last["text"].endswith(" ")
            start = {**first, "text": f" {first['text']}"} if spaced and first["text"][:1] != " " else first
            current = {**current, "spans": [*current["spans"], start, *line["spans"][1:]]}
            continue
        if current is not None:
            yield current
        current = line
    if current is not None:
        yield current


def _continues(line: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether `other` goes on where `line` ends, on its base line and no more than a word space away."""
    if line["dir"] != other["dir"] or line["dir"] != (1.0, 0.0):
        return False
    last, first = line["spans"][-1], other["spans"][0]
    size = min(last["size"], first["size"])
    space = first["bbox"][0] - last["bbox"][2]
    return bool(abs(last["origin"][1] - first["origin"][1]) < 0.1 * size and -0.15 * size < space < 0.8 * size)


def _line(line: dict[str, Any], block: int, towards: tuple[float, float], turn: Callable[[Box], Box]) -> Line | None:
    """A line of a text dictionary, running `towards` (right, down) as displayed; None when it is blank."""
    spans = [span for span in line["spans"] if span["text"].strip()]
    if not spans:
        return None
    main = max(spans, key=lambda span: len(span["text"]))
    bold = _bold(main)
    return Line(
        box=turn(_tight(line, spans)),
        text="".join(span["text"] for span in line["spans"]).strip(),
        size=float(main["size"]),
        font=str(main["font"]),
        bold=bold,
        italic=bool(main["flags"] & 2),
        lead=0 if bold else sum(len(span["text"]) for span in takewhile(_bold, spans)),
        block=block,
        horizontal=towards[0] > 0.98,
        angle=round(math.degrees(math.atan2(towards[1], towards[0])) / 90) % 4 * 90,
        # Filled, stroked or used as a clip for a picture; scanners' text layers are none of these.
        visible=any(span["char_flags"] & (16 | 32 | 64) and span["alpha"] > 5 for span in spans),
        color=int(main["color"]),
    )


def _bold(span: dict[str, Any]) -> bool:
    font = span["font"].lower()
    return bool(span["flags"] & 16) or any(word in font for word in ("bold", "black", "heavy"))


def _tight(line: dict[str, Any], spans: list[dict[str, Any]]) -> Box:
    """The box of the visible spans; fonts that claim absurd heights are held to their size about the base line."""
    x0 = min(span["bbox"][0] for span in spans)
    y0 = min(span["bbox"][1] for span in spans)
    x1 = max(span["bbox"][2] for span in spans)
    y1 = max(span["bbox"][3] for span in spans)
    if line["dir"] == (1.0, 0.0):
        size, base = max(span["size"] for span in spans), spans[0]["origin"][1]
        if y1 - y0 > 1.8 * size and min(span["origin"][1] for span in spans) == base:
            y0, y1 = max(y0, base - size), min(y1, base + 0.35 * size)
    return (x0, y0, x1, y1)
