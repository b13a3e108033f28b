"""Sub-figures: the panels (a), (b), (c) of one figure that stand apart, each a picture of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.geometry import area, gaps, overlap_area
from extractors.layout.regions import Region, attach_labels, cluster_marks, merge_regions
from extractors.page import PageLayout

_MIN_PANEL, _MIN_PANELS_TOGETHER = 0.12, 0.6  # shares of the area of the figure's marks
_MAX_PANELS = 12
_MIN_MARKS, _MIN_LABELS = 4, 4  # of a drawing that can be read alone: the boxes of a flow chart have fewer
_MAX_PANEL_OVERLAP = 0.05  # share of the smaller panel
_LABEL_ROUNDS = 3  # as for a whole figure: tick labels first, then axis titles
_ROW_HEIGHT = 20.0  # points within which panels are in one row of the reading order
_MAX_LETTER_LINE = 40  # characters of a label that starts with the panel's letter
_PRINTED_LETTER = re.compile(r"^\W*([A-Ha-h])(?:\)|\.|:|$|\s)")
_CAPTION_LETTER = re.compile(r"\(([a-h])\)|(?<![\w])([A-H])[,.:)](?=\s)", re.IGNORECASE)


def split_panels(figure: Region, layout: PageLayout) -> list[Region]:
    """The panels of a figure with their labels, in reading order; empty unless at least two stand apart.

    A panel is an image, or a drawing with enough marks and words to be read alone.
    """
    clusters = cluster_marks(layout, figure.marks)
    whole = area(figure.marks_box)
    panels = [cluster for cluster in clusters if area(cluster.marks_box) > _MIN_PANEL * whole]
    together = sum(area(panel.marks_box) for panel in panels)
    if not 2 <= len(panels) <= _MAX_PANELS or _overlap(panels) or together < _MIN_PANELS_TOGETHER * whole:
        return []
    for cluster in clusters:
        if cluster not in panels:
            nearest = min(range(len(panels)), key=lambda n: sum(gaps(cluster.box, panels[n].box)))
            panels[nearest] = merge_regions(panels[nearest], cluster)
    free = set(figure.labels)
    for _ in range(_LABEL_ROUNDS):
        panels = attach_labels(panels, free, layout)
    if not all(_is_complete(panel) for panel in panels) or _overlap(panels):
        return []
    return sorted(panels, key=lambda panel: (round(panel.marks_box[1] / _ROW_HEIGHT), panel.marks_box[0]))


def _is_complete(panel: Region) -> bool:
    is_drawing = len(panel.marks) >= _MIN_MARKS and len(panel.labels) >= _MIN_LABELS
    return is_drawing or any(mark.raster for mark in panel.marks)


def _overlap(panels: Sequence[Region]) -> bool:
    return any(
        overlap_area(a.box, b.box) > _MAX_PANEL_OVERLAP * min(area(a.box), area(b.box))
        for number, a in enumerate(panels)
        for b in panels[number + 1 :]
    )


def panel_letters(panels: Sequence[Region], caption: str, layout: PageLayout) -> tuple[str, ...]:
    """A letter for every panel, printed inside it or else named in the caption; empty strings when neither fits."""
    printed = [_printed_letter(panel, layout) for panel in panels]
    if all(printed) and len(set(printed)) == len(printed):
        return tuple(printed)
    named = sorted({(a or b).lower() for a, b in _CAPTION_LETTER.findall(caption)})
    if named == [chr(ord("a") + n) for n in range(len(panels))]:
        return tuple(named)
    return ("",) * len(panels)


def _printed_letter(panel: Region, layout: PageLayout) -> str:
    """The letter that stands highest and leftmost among the panel's labels."""
    lines = sorted((layout.lines[i] for i in panel.labels), key=lambda line: line.box[0] + 2 * line.box[1])
    matches = (
        match for line in lines if len(line.text) < _MAX_LETTER_LINE and (match := _PRINTED_LETTER.match(line.text))
    )
    match = next(matches, None)
    return match[1].lower() if match else ""
