"""Letters that a program has drawn as shapes, so that the text layer lacks them: logos, charts and whole pages."""

from collections.abc import Iterable, Sequence

from extractors.geometry import coverage, height, is_inside, width
from extractors.page import Drawing, Line
from extractors.types import Box

LETTER_HEIGHTS = 3.0, 30.0  # points, from the dot of a small print to a heading
MIN_IN_LINE = 0.5  # share of a letter that lies in the line it belongs to
MIN_SHAPES = 12  # distinct shapes among them: text has dozens, the markers of a chart have a few


def count_outlined_letters(drawings: Iterable[Drawing], box: Box | None = None) -> int:
    """How many of the drawings (in `box`) may be letters; 0 if they have few shapes, as markers and bullets do."""
    letters = [one for one in drawings if _may_be_letter(one) and (box is None or is_inside(one.box, box))]
    shapes = {(round(width(one.box)), round(height(one.box)), one.items) for one in letters}
    return len(letters) if len(shapes) >= MIN_SHAPES else 0


def without_outlined_letters(drawings: Sequence[Drawing], lines: Sequence[Line]) -> tuple[Drawing, ...]:
    """The drawings that are not letters of the lines, which were read from their pixels."""
    if not count_outlined_letters(drawings):
        return tuple(drawings)
    boxes = [line.box for line in lines]
    return tuple(one for one in drawings if not (_is_small(one) and any(_is_part(one.box, box) for box in boxes)))


def _may_be_letter(drawing: Drawing) -> bool:
    return drawing.curved and drawing.filled and _is_small(drawing)


def _is_small(drawing: Drawing) -> bool:
    return LETTER_HEIGHTS[0] < height(drawing.box) < LETTER_HEIGHTS[1]


def _is_part(letter: Box, line: Box) -> bool:
    return coverage(letter, line) > MIN_IN_LINE
