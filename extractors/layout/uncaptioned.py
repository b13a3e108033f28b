"""Figures without a numbered caption: which regions are pictures, and the heading printed above them."""

from extractors.geometry import area, coverage, horizontal_overlap, merge_boxes, shorter_side, width
from extractors.layout.captions import join_lines
from extractors.layout.page_elements import MAX_NOTE_WORDS, PageElements, is_heading
from extractors.layout.regions import Region, merge_regions, region_of_marks
from extractors.layout.rules import RULE_THICKNESS
from extractors.layout.text_blocks import TextBlock
from extractors.page import Drawing, PageLayout
from extractors.types import Box

# Size of a picture: smaller ones are icons and ornaments. Shares of the page, and points.
_MIN_IMAGE, _MIN_IMAGE_SIDE = 0.006, 15.0
_MIN_DRAWING, _MIN_DRAWING_SIDE = 0.01, 18.0

# What makes a drawing a picture.
_BACKGROUND_PANEL = 0.85  # share of the region under one path from which that path is only its background
_MIN_INKED = 0.04  # share of the region that its paths cover; below, only long paths are not ornaments of text
_LONG_PATH = 30  # segments
_MIN_PATHS, _MIN_SEGMENTS = 3, 9  # either is enough

# What makes rectangles and rules a table or a form.
_MAX_TEXT = 0.25  # share of the region under words
_MIN_CELLS, _MAX_DISTINCT_COLUMNS = 4, 0.5  # cells share left and right edges: distinct pairs as a share of the cells
_MAX_RULES = 0.8  # share of the marks
_MAX_GRID_LABELS = 8  # fewer words in cells are a bar chart or a diagram

# Mosaics of photos and plain blocks of colour.
_SAME_PHOTO = 0.5  # share of an image on top of another: its shadow, or another layer of it
_MIN_BLOCK = 0.5  # area of a block as a share of the median photo; bars of a chart over photos are smaller

# The heading above a chart. Distances in multiples of the heading's size unless noted.
_MAX_TITLE_BLOCKS = 2  # title and subtitle
_MAX_TITLE_GAP, _TITLE_INSIDE = 2.5, 4.0  # the second in points: a title may reach into the chart's box
_TITLE_ALIGNED = 0.5  # share of the narrower extent
_MAX_TITLE_WIDTH, _TITLE_WIDTH_MARGIN = 1.6, 20.0  # multiples of the chart's width, plus points


def is_picture(region: Region, layout: PageLayout) -> bool:
    """Whether a region can be a figure without a caption, by its size and by what it is made of."""
    size, side = area(region.marks_box), shorter_side(region.marks_box)
    if any(mark.raster for mark in region.marks):
        return size > _MIN_IMAGE * layout.area and side > _MIN_IMAGE_SIDE
    if size < _MIN_DRAWING * layout.area or side < _MIN_DRAWING_SIDE:
        return False
    paths = _foreground_paths(region)
    solid = [path for path in paths if shorter_side(path.box) > RULE_THICKNESS]
    curved = any(path.curved or not path.rectangle for path in solid)
    # Rectangles alone are a table, a form, or letters painted through a stencil; with a few words, a bar chart.
    if not curved and (_is_grid(region, layout) or len(solid) < 2 or not region.labels):
        return False
    return len(paths) >= _MIN_PATHS or sum(path.items for path in paths) >= _MIN_SEGMENTS


def _foreground_paths(region: Region) -> list[Drawing]:
    """The region's paths without the panel behind a chart, and without ornaments of text."""
    drawings = [mark.drawing for mark in region.marks if mark.drawing]
    paths = [path for path in drawings if coverage(region.marks_box, path.box) < _BACKGROUND_PANEL]
    if sum(area(path.box) for path in paths) < _MIN_INKED * area(region.marks_box):
        return [path for path in drawings if path.items > _LONG_PATH]
    return paths


def _is_grid(region: Region, layout: PageLayout) -> bool:
    """Whether the region is rules and cells filled with words. Bars of a chart differ in length or in place."""
    if sum(area(layout.lines[i].box) for i in region.labels) > _MAX_TEXT * area(region.box):
        return True
    cells = [mark.box for mark in region.marks if shorter_side(mark.box) > RULE_THICKNESS]
    rules = len(region.marks) - len(cells)
    rows = {(round(y0), round(y1)) for _, y0, _, y1 in cells}
    columns = {(round(x0), round(x1)) for x0, _, x1, _ in cells}
    if len(rows) == 1 and not rules:
        return True
    in_columns = len(cells) >= _MIN_CELLS and len(columns) <= _MAX_DISTINCT_COLUMNS * len(cells)
    return (in_columns or rules > _MAX_RULES * len(region.marks)) and len(region.labels) > _MAX_GRID_LABELS


def mosaic_photos(region: Region) -> list[Region]:
    """The photos of a mosaic in which photos alternate with plain blocks of colour; empty for other regions."""
    photos: list[Region] = []
    for mark in region.marks:
        if mark.raster is None:
            continue
        photo = region_of_marks([mark])
        layer = next((n for n, other in enumerate(photos) if coverage(mark.box, other.box) > _SAME_PHOTO), None)
        if layer is None:
            photos.append(photo)
        else:
            photos[layer] = merge_regions(photos[layer], photo)
    blocks = [mark.drawing for mark in region.marks if mark.drawing]
    if len(photos) < 2 or len(blocks) < 2 or not all(block.rectangle and block.filled for block in blocks):
        return []
    median = sorted(area(photo.box) for photo in photos)[len(photos) // 2]
    return photos if all(area(block.box) > _MIN_BLOCK * median for block in blocks) else []


def heading_above(box: Box, page: PageElements) -> tuple[str, Box | None]:
    """The text and box of the heading right above `box`, as charts in reports have; empty and None without one."""
    top = box[1]
    title: list[TextBlock] = []
    for block in sorted(page.separators, key=lambda block: -block.box[3]):
        aligned = horizontal_overlap(block.box, box) > _TITLE_ALIGNED and block.box[3] < top + _TITLE_INSIDE
        if not aligned or top - block.box[3] > _MAX_TITLE_GAP * block.size or len(title) == _MAX_TITLE_BLOCKS:
            continue
        too_wide = width(block.box) > _MAX_TITLE_WIDTH * width(box) + _TITLE_WIDTH_MARGIN
        if too_wide or block.words > MAX_NOTE_WORDS:
            break
        title.insert(0, block)
        top = block.box[1]
    lines = page.layout.lines
    if not title or not (all(lines[i].bold for i in title[0].lines) or is_heading(title[0], page.body_size)):
        return "", None
    text = " ".join(join_lines(lines[i].text for i in block.lines) for block in title)
    return text, merge_boxes(block.box for block in title)
