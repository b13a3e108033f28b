"""The rules of tables and forms on a scanned page: Tesseract takes a grid of them for a picture and skips its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from extractors.geometry import merge_boxes, overlap_area, transpose
from extractors.types import Box

if TYPE_CHECKING:
    from PIL import Image

# Lengths as shares of the page's longer side, which is 842 points on A4.
MIN_RULE = 1 / 40  # two lines of text: longer than the strokes of letters, shorter than the rules of three rows
MAX_THICKNESS = 1 / 150  # thicker is a bar
MIN_GRID = 1 / 10  # width of a grid: smaller are check boxes and ideographs, such as that for field
REACH = 1 / 450  # of the end of a rule past, or short of, the rule that it meets
MAX_DRIFT = 0.01  # by its length, of a rule on a page not quite straight; `find_skew` leaves less
MIN_OPEN_RULE = 1 / 12  # of a level rule outside of grids: longer than an underlined word
MAX_ROW = 1 / 15  # between two rules of a table: of those below its header, one may be alone at its end
MIN_PAPER = 0.7  # of the page's median, of the shade above and below such a rule
MIN_LEVEL_RULES = 3  # fewer make a frame
MAX_RULES = 800  # more, level or upright, are a plot, a map or a halftone
SHADE_WINDOW, MIN_CONTRAST = 51, 15  # pixels around a rule, wider than it, and how much darker of 255 it is
SAME_PLACE = 8  # pixels between the two lines of a double rule
MIN_FILLED = 0.3  # share of the cells with words; below, it is a plot with grid lines, or an empty form

_Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RuledGrid:
    """Rules that cross, in pixels: level ones and upright ones, as boxes."""

    level: tuple[Box, ...]
    upright: tuple[Box, ...]

    @property
    def rules(self) -> tuple[Box, ...]:
        return (*self.level, *self.upright)

    @property
    def box(self) -> Box:
        return merge_boxes(self.rules)

    def holds_text(self, words: Sequence[Box]) -> bool:
        """Whether there are words in many of its cells, as in a table; a plot has them around its grid."""
        xs, ys = _places([x0 for x0, _, _, _ in self.upright]), _places([y0 for _, y0, _, _ in self.level])
        filled = {
            (int(np.searchsorted(xs, (x0 + x1) / 2)), int(np.searchsorted(ys, (y0 + y1) / 2)))
            for x0, y0, x1, y1 in words
        }
        inside = [(column, row) for column, row in filled if 0 < column < len(xs) and 0 < row < len(ys)]
        return len(inside) > MIN_FILLED * (len(xs) - 1) * (len(ys) - 1)


def find_grids(grey: Image.Image) -> tuple[list[RuledGrid], list[Box]]:
    """The grids of rules on a straightened page, and the long level rules outside of them, as boxes in pixels.

    A grid has at least three level rules, and an upright one inside.
    """
    longer = max(grey.size)
    level_ink, upright_ink = _long_strokes(grey)
    level = _thin_boxes(level_ink, longer)
    upright = [transpose(rule) for rule in _thin_boxes(np.ascontiguousarray(upright_ink.T), longer)]
    grids: list[RuledGrid] = []
    if MIN_LEVEL_RULES <= len(level) <= MAX_RULES and 0 < len(upright) <= MAX_RULES:
        grids = [grid for grid in _crossing(level, upright, longer * REACH) if _is_grid(grid, longer)]
    return grids, _open_rules(grey, level, grids) if len(level) <= MAX_RULES else []


def _open_rules(grey: Image.Image, level: Sequence[Box], grids: Sequence[RuledGrid]) -> list[Box]:
    """The long ones of level rules that are in no grid and have paper above and below, unlike the edge of a photo."""
    pixels, longer = np.asarray(grey), max(grey.size)
    min_light = MIN_PAPER * float(np.median(pixels))
    near, far = round(longer * MAX_THICKNESS / 2), round(longer * MAX_THICKNESS)
    found = []
    for x0, y0, x1, y1 in level:
        left, top, right, bottom = int(x0), int(y0), int(x1), int(y1)
        sides = (
            pixels[max(0, top - far) : max(0, top - near), left:right],
            pixels[bottom + near : bottom + far, left:right],
        )
        is_on_paper = all(side.size and float(np.median(side)) > min_light for side in sides)
        in_grid = any(overlap_area((x0, y0, x1, y1), grid.box) > 0 for grid in grids)
        if right - left > longer * MIN_OPEN_RULE and is_on_paper and not in_grid:
            found.append((x0, y0, x1, y1))
    return [rule for rule in found if not _is_below_heading(rule, found, longer)]


def _is_below_heading(rule: Box, rules: Sequence[Box], longer: int) -> bool:
    """Whether a rule stands by itself above text that ends at another one, like that below the heading of a section.

    The last of several is kept, which may be the end of a table with one rule below its header.
    """
    same = [other for other in rules if other != rule and overlap_area(_column(rule), _column(other)) > 0]
    is_near = any(abs(other[1] - rule[1]) < longer * MAX_ROW for other in same)
    return not is_near and any(other[1] > rule[1] for other in same)


def _column(rule: Box) -> Box:
    return rule[0], 0.0, rule[2], 1.0


def _long_strokes(grey: Image.Image) -> tuple[_Mask, _Mask]:
    """The ink of level and of upright strokes as long as rules."""
    import cv2

    pixels, longer = np.asarray(grey), max(grey.size)
    mean, inverted = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    darker = cv2.adaptiveThreshold(pixels, 1, mean, inverted, SHADE_WINDOW, MIN_CONTRAST)
    _, dark = cv2.threshold(pixels, 0, 1, inverted | cv2.THRESH_OTSU)
    ink = np.asarray(cv2.bitwise_or(darker, dark), np.uint8)
    # Of a dark header or a photo only the outline: it may be the frame of cells.
    side = round(longer * MAX_THICKNESS) + 1
    ink &= 1 - np.asarray(cv2.erode(ink, np.ones((side, side), np.uint8)), np.uint8)
    length, gap = round(longer * MIN_RULE), 1 + 2 * round(longer * REACH)
    strokes = []
    for along, across in (((1, length), (3, gap)), ((length, 1), (gap, 3))):
        opened = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(along, np.uint8))
        # Rules that drift from one row of pixels to the next, or are broken by dust, are one.
        strokes.append(np.asarray(cv2.dilate(opened, np.ones(across, np.uint8)), np.uint8))
    return strokes[0], strokes[1]


def _thin_boxes(ink: _Mask, longer: int) -> list[Box]:
    """The boxes of connected ink that are level rules."""
    import cv2

    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink)
    thickness = longer * MAX_THICKNESS
    return [
        (float(x), float(y), float(x + columns), float(y + rows))
        for x, y, columns, rows, _ in boxes.tolist()[1:]
        if rows < thickness + MAX_DRIFT * columns
    ]


def _crossing(level: Sequence[Box], upright: Sequence[Box], reach: float) -> list[RuledGrid]:
    """The groups of rules that meet; each rule meets at least two others, which the strokes of letters do not."""
    across, down = np.array(level), np.array(upright)
    meets = (
        (across[:, None, 0] - reach <= down[None, :, 2])
        & (across[:, None, 2] + reach >= down[None, :, 0])
        & (down[None, :, 1] - reach <= across[:, None, 3])
        & (down[None, :, 3] + reach >= across[:, None, 1])
    )
    before = -1
    while meets.sum() != before:
        before = meets.sum()
        meets[meets.sum(axis=1) < 2] = False
        meets[:, meets.sum(axis=0) < 2] = False
    groups, left = [], set(np.flatnonzero(meets.any(axis=1)).tolist())
    while left:
        rows: NDArray[np.bool_] = np.zeros(len(level), bool)
        columns: NDArray[np.bool_] = np.zeros(len(upright), bool)
        rows[left.pop()] = True
        while (grown := np.asarray(meets[rows].any(axis=0))).sum() > columns.sum():
            columns, rows = grown, np.asarray(meets[:, grown].any(axis=1))
        left -= set(np.flatnonzero(rows).tolist())
        chosen = (tuple(compress(level, rows.tolist())), tuple(compress(upright, columns.tolist())))
        groups.append(RuledGrid(*chosen))
    return groups


def _is_grid(grid: RuledGrid, longer: int) -> bool:
    x0, _, x1, _ = grid.box
    edge = longer * MAX_THICKNESS
    has_columns = any(x0 + edge < (rule[0] + rule[2]) / 2 < x1 - edge for rule in grid.upright)
    rows = len(_places([y0 for _, y0, _, _ in grid.level]))
    return has_columns and rows >= MIN_LEVEL_RULES and x1 - x0 > longer * MIN_GRID


def _places(values: Sequence[float]) -> list[float]:
    """The values in order, with those of double and of broken rules as one."""
    ordered = sorted(values)
    return [*ordered[:1], *(after for before, after in pairwise(ordered) if after - before > SAME_PLACE)]


def rule_ink(grey: Image.Image, grids: Sequence[RuledGrid]) -> Image.Image:
    """The rules of the grids, white on black."""
    from PIL import Image

    mask = np.zeros((grey.height, grey.width), np.uint8)
    level_ink, upright_ink = _long_strokes(grey)
    for grid in grids:
        for ink, rules in ((level_ink, grid.level), (upright_ink, grid.upright)):
            for x0, y0, x1, y1 in (map(int, rule) for rule in rules):
                mask[y0:y1, x0:x1] |= ink[y0:y1, x0:x1] * 255
    return Image.fromarray(mask)


def erase_rules(grey: Image.Image, grids: Sequence[RuledGrid]) -> Image.Image:
    """The image with the rules of the grids in the shade of the paper next to them."""
    import cv2
    from PIL import Image

    pixels = np.asarray(grey)
    side = 2 * round(max(grey.size) * MAX_THICKNESS) + 1
    paper = cv2.dilate(pixels, np.ones((side, side), np.uint8))  # the lightest pixel nearby
    return Image.fromarray(np.where(np.asarray(rule_ink(grey, grids)) > 0, paper, pixels))
