"""Level and upright rules of a page, from which tables are recognised."""

from collections.abc import Iterable, Sequence

from extractors.geometry import gaps, height, transpose, width
from extractors.page import Drawing
from extractors.types import Box

# Lengths in points.
RULE_THICKNESS = 2.5  # anything thicker is a bar or a box
_WHITE = 0.99  # darkest colour component of an invisible filling
_MIN_LEVEL_RULE, _MIN_UPRIGHT_RULE = 8.0, 6.0  # shorter ones are dashes and ticks
_RULE_ROW, _SAME_HEIGHT, _MAX_RULE_GAP = 2.0, 2.0, 3.0  # pieces of one rule: sorted in rows, then joined


def find_rules(drawings: Sequence[Drawing]) -> tuple[tuple[Box, ...], tuple[Box, ...]]:
    """Level and upright rules: thin shapes and the sides of cells drawn as rectangles, with their pieces joined."""
    level: list[Box] = []
    upright: list[Box] = []
    for drawing in drawings:
        x0, y0, x1, y1 = drawing.box
        if not drawing.rectangle or _is_white(drawing):
            continue
        if y1 - y0 <= RULE_THICKNESS:
            level.append(drawing.box)
        elif x1 - x0 <= RULE_THICKNESS:
            upright.append(drawing.box)
        else:
            level += [(x0, y0, x1, y0), (x0, y1, x1, y1)]
            upright += [(x0, y0, x0, y1), (x1, y0, x1, y1)]
    columns = map(transpose, _join_level_rules(map(transpose, upright)))
    return (
        tuple(rule for rule in _join_level_rules(level) if width(rule) > _MIN_LEVEL_RULE),
        tuple(rule for rule in columns if height(rule) > _MIN_UPRIGHT_RULE),
    )


def _is_white(drawing: Drawing) -> bool:
    return not drawing.stroked and drawing.fill is not None and min(drawing.fill, default=0) > _WHITE


def _join_level_rules(rules: Iterable[Box]) -> list[Box]:
    """Level rules, with pieces at one height that touch as one."""
    joined: list[Box] = []
    for rule in sorted(rules, key=lambda rule: (round((rule[1] + rule[3]) / 2 / _RULE_ROW), rule[0])):
        last = joined[-1] if joined else None
        if last and abs(last[1] - rule[1]) < _SAME_HEIGHT and gaps(last, rule)[0] < _MAX_RULE_GAP:
            joined[-1] = (min(last[0], rule[0]), last[1], max(last[2], rule[2]), last[3])
        else:
            joined.append(rule)
    return joined
