"""Reading one PDF page into plain data: its text lines, images and drawings, with boxes on the page as displayed."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, TypeVar

from extractors.geometry import intersection, merge_boxes, rotate_box
from extractors.page import Drawing, PageLayout, Raster
from extractors.pdf.painted_images import PaintedImage, Recorder, identify_images, record_page
from extractors.pdf.render import pymupdf
from extractors.pdf.structure_tags import TagRecorder, is_tagged
from extractors.pdf.text_lines import Transform, read_lines
from extractors.types import Box

MAX_DRAWINGS = 20_000  # paths of a page; more are a map or a dense plot, and the first ones show its extent
MAX_PARTS = 100  # separate cells or rules that one path draws; more are a pattern, such as a bar code
MAX_PATCH_PIXELS = 2  # images this narrow are coloured panels and rules, as shadings are
MIN_OPACITY = 0.02  # of 1, from which on a drawing shows
AXIS_TOLERANCE = 0.1  # points by which a level or upright line may slant

_Part = TypeVar("_Part")


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
    lines = attempt("text", lambda: read_lines(page, to_displayed, limits))
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


def _drawings(page: Any, to_displayed: Transform, limits: Box, notes: list[str]) -> list[Drawing]:
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
