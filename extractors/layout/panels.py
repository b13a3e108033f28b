"""Sub-figures: the panels (a), (b), (c) of one figure that stand apart, each a picture of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors import geometry
from extractors.layout import regions
from extractors.layout.regions import Region
from extractors.page import PageLayout

_SHARE = 0.12
"""Least share of the figure's ink that a panel covers."""
_LETTER = re.compile(r"^\W*([A-Ha-h])(?:\)|\.|:|$|\s)")
_IN_CAPTION = re.compile(r"\(([a-h])\)|(?<![\w])([A-H])[,.:)](?=\s)", re.IGNORECASE)


def split(whole: Region, layout: PageLayout) -> list[Region]:
    """The panels of a figure, with their labels, in reading order; none unless there are two that stand apart.

    A panel is an image, or a drawing with enough parts and words to be read alone: the boxes of a flow chart are not.
    """
    parts = regions.patches(layout, whole.marks)
    least = _SHARE * geometry.area(whole.ink)
    panels = [part for part in parts if geometry.area(part.ink) > least]
    if not 2 <= len(panels) <= 12 or _mixed_up(panels):
        return []
    if sum(geometry.area(part.ink) for part in panels) < 0.6 * geometry.area(whole.ink):
        return []
    for part in parts:
        if part not in panels:
            nearest = min(range(len(panels)), key=lambda n: sum(geometry.gaps(part.box, panels[n].box)))
            panels[nearest] = regions.merged(panels[nearest], part)
    free = set(whole.labels)
    for _ in range(3):
        panels = regions.with_labels(panels, free, layout)
    if not all(_complete(panel) for panel in panels) or _mixed_up(panels):
        return []
    return sorted(panels, key=lambda panel: (round(panel.ink[1] / 20), panel.ink[0]))


def _complete(panel: Region) -> bool:
    return any(mark.raster for mark in panel.marks) or (len(panel.marks) >= 4 and len(panel.labels) >= 4)


def _mixed_up(panels: Sequence[Region]) -> bool:
    """Whether two of them overlap."""
    return any(
        geometry.area(geometry.intersection(a.box, b.box)) > 0.05 * min(geometry.area(a.box), geometry.area(b.box))
        for number, a in enumerate(panels)
        for b in panels[number + 1 :]
    )


def letters(panels: Sequence[Region], caption: str, layout: PageLayout) -> tuple[str, ...]:
    """A letter for every panel, read inside it or counted off the caption; empty strings when neither agrees."""
    printed = [_letter(panel, layout) for panel in panels]
    if all(printed) and len(set(printed)) == len(printed):
        return tuple(printed)
    named = sorted({(a or b).lower() for a, b in _IN_CAPTION.findall(caption)})
    if named == [chr(ord("a") + n) for n in range(len(panels))]:
        return tuple(named)
    return ("",) * len(panels)


def _letter(panel: Region, layout: PageLayout) -> str:
    """The letter that stands highest and leftmost among the panel's labels."""
    lines = sorted((layout.lines[i] for i in panel.labels), key=lambda line: line.box[0] + 2 * line.box[1])
    found = (match for line in lines if len(line.text) < 40 and (match := _LETTER.match(line.text)))
    match = next(found, None)
    return match[1].lower() if match else ""
