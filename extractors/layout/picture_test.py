"""Whether a patch of ink that no caption claims is a picture, by its size and by what it is made of."""

from __future__ import annotations

from extractors import geometry
from extractors.layout import regions
from extractors.layout.regions import Region
from extractors.page import PageLayout

_SPARSE = 0.04
"""Share of a drawing's box below which its parts are ornaments of a text."""


def is_picture(region: Region, layout: PageLayout) -> bool:
    """Whether a region can stand as a figure without a caption."""
    page = layout.width * layout.height
    images = [mark for mark in region.marks if mark.raster]
    width, height = region.ink[2] - region.ink[0], region.ink[3] - region.ink[1]
    if images:
        return geometry.area(region.ink) > 0.006 * page and min(width, height) > 15
    if geometry.area(region.ink) < 0.01 * page or min(width, height) < 18:
        return False
    # The panel behind a chart says nothing: what stands on it must be a drawing by itself.
    drawings = [m.drawing for m in region.marks if m.drawing and geometry.coverage(region.ink, m.box) < 0.85]
    if sum(geometry.area(d.box) for d in drawings) < _SPARSE * geometry.area(region.ink):
        drawings = [m.drawing for m in region.marks if m.drawing and m.drawing.items > 30]
    solid = [d for d in drawings if min(d.box[2] - d.box[0], d.box[3] - d.box[1]) > 2.5]
    curved = [d for d in solid if d.curved or not d.rectangle]
    # Rectangles alone are a table, a form, or letters painted through a stencil; with a few words, a bar chart.
    if not curved and (_gridlike(region, layout) or len(solid) < 2 or not region.labels):
        return False
    return len(drawings) > 2 or sum(d.items for d in drawings) > 8


def tiles(region: Region) -> list[Region]:
    """The photos of a mosaic, where they alternate with plain blocks of colour; none when it is no mosaic.

    Whoever draws a chart over photos uses strokes, or bars of many lengths: blocks of a mosaic are as large as photos.
    """
    photos: list[Region] = []
    for mark in region.marks:
        if mark.raster is None:
            continue
        # A shadow, or another layer of the same photo.
        under = next((photo for photo in photos if geometry.coverage(mark.box, photo.box) > 0.5), None)
        if under is None:
            photos.append(regions.of_marks([mark]))
        else:
            photos[photos.index(under)] = regions.merged(under, regions.of_marks([mark]))
    blocks = [mark.drawing for mark in region.marks if mark.drawing]
    if len(photos) < 2 or len(blocks) < 2 or not all(block.rectangle and block.filled for block in blocks):
        return []
    middle = sorted(geometry.area(photo.box) for photo in photos)[len(photos) // 2]
    return photos if all(geometry.area(block.box) > 0.5 * middle for block in blocks) else []


def _gridlike(region: Region, layout: PageLayout) -> bool:
    """Rules and cells filled with words: a table or a form.

    Cells come in columns: many rectangles, few different left and right edges. Bars differ in length or in place.
    """
    text = sum(geometry.area(layout.lines[i].box) for i in region.labels)
    if text > 0.25 * geometry.area(region.box):
        return True
    rules = [m.box for m in region.marks if min(m.box[2] - m.box[0], m.box[3] - m.box[1]) <= 2.5]
    cells = [m.box for m in region.marks if min(m.box[2] - m.box[0], m.box[3] - m.box[1]) > 2.5]
    if cells and len({(round(y0), round(y1)) for _, y0, _, y1 in cells}) == 1 and not rules:
        return True  # one row
    columns = {(round(x0), round(x1)) for x0, _, x1, _ in cells}
    in_columns = len(cells) >= 4 and len(columns) <= 0.5 * len(cells)
    return (in_columns or len(rules) > 0.8 * len(region.marks)) and len(region.labels) > 8
