"""Figures without a numbered caption: which regions are pictures, and the heading printed above them."""

from collections.abc import Sequence

from extractors.geometry import (
    area,
    boxes_touch,
    coverage,
    gaps,
    height,
    horizontal_overlap,
    is_inside,
    merge_boxes,
    overlap_area,
    shorter_side,
    vertical_overlap,
    width,
)
from extractors.layout.captions import lines_text
from extractors.layout.edge_lines import MARGIN, in_margin
from extractors.layout.figures.page_elements import MAX_NOTE_WORDS, PageElements, is_heading
from extractors.layout.figures.panels import count_ticks, split_panels
from extractors.layout.figures.regions import Region, add_text, merge_regions, region_of_marks
from extractors.layout.marks import Mark, at_edge
from extractors.layout.rules import RULE_THICKNESS
from extractors.layout.text_blocks import TextBlock
from extractors.page import Drawing, Line, PageLayout
from extractors.types import Box

# Size of a picture: smaller ones are icons and ornaments. Shares of the page, and points.
_MIN_IMAGE, _MIN_IMAGE_SIDE = 0.006, 15.0
_MIN_DRAWING, _MIN_DRAWING_SIDE = 0.01, 18.0
_MIN_LETTERHEAD = 5.0  # longer by shorter side from which an image along the edge of the page is a letterhead or a tab
_MASTHEAD, _MIN_MASTHEAD = 0.25, 4.0  # share of the height of the first page; width by height

# What makes a drawing a picture.
_BACKGROUND_PANEL = 0.85  # share of the region under one path from which that path is only its background
_MIN_INKED = 0.04  # share of the region that its paths cover; below, only long paths are not ornaments of text
_LONG_PATH = 30  # segments
_MIN_PATHS, _MIN_SEGMENTS = 3, 9  # either is enough

# What makes a region text with decoration: a title on a banner, a framed listing, a card.
_MOSTLY_TEXT = 0.4  # share of the region under words
_MIN_BOXED_WORDS = 3  # of a box that is there for its words
_MIN_WORDS_IN_CARD = 10  # of every box of a region that consists of cards; boxes of a flow chart have fewer
_MIN_CARD_WORDS, _MIN_CARD_TEXT, _WORDS_PER_SHAPE = 60, 0.2, 5  # many words, and few shapes that words do not explain
_MAX_TITLE_LINES, _MIN_TITLE_SIZE, _MIN_BANNER_TEXT = 3, 1.4, 0.15  # the second in body sizes; share of the banner
_MAX_ROUNDED_SEGMENTS = 12  # of a rectangle with rounded corners; a circle has four
_MIN_CHART_LABELS = 3  # of a chart that is nothing but rectangles
_MIN_TICKS = 4  # numbers at the edge of a plot
_MAX_ICON, _MAX_ICON_COVERAGE = 1.5, 0.2  # side in text sizes; share of the region under icons that stand in the text
_LEVEL = 0.5  # share of the lower height of an icon and of the words it stands at

# What makes rectangles and rules a table or a form.
_MAX_TEXT = 0.25  # share of the region under words
_MIN_CELLS, _MAX_DISTINCT_COLUMNS = 4, 0.5  # cells share left and right edges: distinct pairs as a share of the cells
_MAX_RULES = 0.8  # share of the marks
_CELL_MARGIN = 2.0  # points by which the words in a cell may reach over its rules
_MAX_GRID_LABELS = 8  # fewer words in cells are a bar chart or a diagram

# Mosaics of photos and plain blocks of colour.
_SAME_PHOTO = 0.5  # share of an image on top of another: its shadow, or another layer of it
_MIN_BLOCK = 0.5  # area of a block as a share of the median photo; bars of a chart over photos are smaller

# The heading above a chart. Distances in multiples of the heading's size unless noted.
_MAX_TITLE_BLOCKS = 2  # title and subtitle
_MAX_TITLE_GAP, _TITLE_INSIDE = 2.5, 4.0  # the second in points: a title may reach into the chart's box
_TITLE_ALIGNED = 0.5  # share of the narrower extent
_MAX_TITLE_WIDTH, _TITLE_WIDTH_MARGIN = 1.6, 20.0  # multiples of the chart's width, plus points


def is_picture(region: Region, page: PageElements) -> bool:
    """Whether a region can be a figure without a caption, by its size and by what it is made of."""
    layout = page.layout
    size, side = area(region.marks_box), shorter_side(region.marks_box)
    has_images = any(mark.raster for mark in region.marks)
    min_size, min_side = (_MIN_IMAGE, _MIN_IMAGE_SIDE) if has_images else (_MIN_DRAWING, _MIN_DRAWING_SIDE)
    if size < min_size * layout.area or side < min_side or is_decorated_text(region, page):
        return False
    if _is_letterhead(region.marks_box, layout) or _is_masthead(region, layout):
        return False
    if has_images:
        return True
    if page.separators and not region.labels and at_edge(region.marks_box, layout):
        return False  # an ornament beside the text
    if _are_icons(region, page):
        return False
    paths = _foreground_paths(region) if count_ticks(region, layout) < _MIN_TICKS else _paths(region)
    solid = [path for path in paths if shorter_side(path.box) > RULE_THICKNESS]
    if _is_text_box(region, solid, layout):
        return False
    # Rectangles alone are a table, a form, or letters painted through a stencil; with a few words, a bar chart.
    if all(map(_is_rectangle, solid)) and (
        _is_grid(region, layout) or len(solid) < 2 or len(region.labels) < _MIN_CHART_LABELS
    ):
        return False
    return len(paths) >= _MIN_PATHS or sum(path.items for path in paths) >= _MIN_SEGMENTS


def _are_icons(region: Region, page: PageElements) -> bool:
    """Whether a region is symbols as large as letters, each at words: those after the names of authors, boxes to tick.

    The rules and headings of a form may be among them.
    """
    words = [line for line in page.layout.lines if line.visible]
    marks = [mark.box for mark in region.marks if shorter_side(mark.box) > RULE_THICKNESS]
    symbols = [box for box in marks if not _count_words_in(box, words)]
    if not symbols or count_ticks(region, page.layout) >= _MIN_TICKS:
        return False
    largest = max(max(width(box), height(box)) for box in symbols)
    if largest >= _MAX_ICON * page.body_size or sum(map(area, symbols)) >= _MAX_ICON_COVERAGE * area(region.marks_box):
        return False

    def is_at_words(box: Box) -> bool:
        return any(vertical_overlap(box, x.box) > _LEVEL and gaps(box, x.box)[0] < page.body_size for x in words)

    return all(map(is_at_words, symbols))


def _is_letterhead(box: Box, layout: PageLayout) -> bool:
    """Whether a strip runs along the head or the foot of the page, or, as the tab of a chapter, along its side."""
    if in_margin(box, layout):
        return width(box) > _MIN_LETTERHEAD * height(box)
    at_side = box[2] < MARGIN * layout.width or box[0] > (1 - MARGIN) * layout.width
    return at_side and height(box) > _MIN_LETTERHEAD * width(box)


def _is_masthead(region: Region, layout: PageLayout) -> bool:
    """Whether a strip at the head of the first page has the name of a journal in print, between its logos."""
    box = region.marks_box
    is_strip = layout.number == 1 and box[3] < _MASTHEAD * layout.height and width(box) > _MIN_MASTHEAD * height(box)
    images = [mark.box for mark in region.marks if mark.raster]
    print_lines = [line for line in layout.lines if line.belongs_to(box)]
    return is_strip and sum(not any(line.belongs_to(image) for image in images) for line in print_lines) > 1


def is_decorated_text(region: Region, page: PageElements) -> bool:
    """Whether a region is text with shapes behind and around it, rather than shapes with labels.

    Words that OCR reads in an image on a backdrop are part of the picture, as on a screenshot; without a backdrop, the
    image may be a scanned page.
    """
    around = region.box
    near = (line for line in page.layout.lines if line.visible and boxes_touch(line.box, around))
    images = [mark.box for mark in region.marks if mark.raster and mark.raster.digest and page.has_backdrop]
    lines = [x for x in near if x.belongs_to(around) and not (x.ocr and any(map(x.belongs_to, images)))]
    if all(mark.panel and _count_words_in(mark.box, lines) >= _MIN_WORDS_IN_CARD for mark in region.marks):
        return True
    words = sum(len(line.text.split()) for line in lines)
    text = _text_share(region.box, lines)
    if text > _MIN_CARD_TEXT and words >= _WORDS_PER_SHAPE * sum(_count_shapes(mark, lines) for mark in region.marks):
        scanned = any(mark.raster and not mark.raster.digest for mark in region.marks)
        is_card = words > _MIN_CARD_WORDS and not scanned
        if is_card or text > _MOSTLY_TEXT:
            return True
    is_title = 0 < len(lines) <= _MAX_TITLE_LINES and all(x.size > _MIN_TITLE_SIZE * page.body_size for x in lines)
    return is_title and text > _MIN_BANNER_TEXT and not any(mark.raster for mark in region.marks)


def _count_shapes(mark: Mark, lines: Sequence[Line]) -> int:
    """1 for an image, about the number of shapes of a path; 0 for a rule, and for what is there for its words."""
    if mark.drawing is None:
        return int(_text_share(mark.box, lines) < _MOSTLY_TEXT)
    if shorter_side(mark.box) <= RULE_THICKNESS:
        return 0
    if _count_words_in(mark.box, lines) >= _MIN_BOXED_WORDS and _is_rectangle(mark.drawing):
        return 0
    return max(1, mark.drawing.items // 4) if mark.drawing.curved else mark.drawing.items


def _count_words_in(box: Box, lines: Sequence[Line]) -> int:
    return sum(len(line.text.split()) for line in lines if line.belongs_to(box))


def _text_share(box: Box, lines: Sequence[Line]) -> float:
    return sum(overlap_area(line.box, box) for line in lines) / max(1.0, area(box))


def _is_rectangle(path: Drawing | None) -> bool:
    """Whether a path is a rectangle, perhaps with rounded corners; a circle has fewer segments."""
    return path is not None and (path.rectangle or (path.curved and 4 < path.items <= _MAX_ROUNDED_SEGMENTS))


def _paths(region: Region) -> list[Drawing]:
    return [mark.drawing for mark in region.marks if mark.drawing]


def _foreground_paths(region: Region) -> list[Drawing]:
    """The region's paths without the panel behind a chart, and without ornaments of text."""
    drawings = _paths(region)
    paths = [path for path in drawings if coverage(region.marks_box, path.box) < _BACKGROUND_PANEL]
    if sum(area(path.box) for path in paths) < _MIN_INKED * area(region.marks_box):
        return [path for path in drawings if path.items > _LONG_PATH]
    return paths


def _is_grid(region: Region, layout: PageLayout) -> bool:
    """Whether the region is rules and cells filled with words.

    Bars of a chart differ in length or in place, and names and numbers stand outside of its rules.
    """
    if sum(area(layout.lines[i].box) for i in region.labels) > _MAX_TEXT * area(region.box):
        return True
    boxes = {mark.box for mark in region.marks}  # bars are often filled and outlined
    cells = [box for box in boxes if shorter_side(box) > RULE_THICKNESS]
    rules = len(boxes) - len(cells)
    rows = {(round(y0), round(y1)) for _, y0, _, y1 in cells}
    columns = {(round(x0), round(x1)) for x0, _, x1, _ in cells}
    if len(rows) == 1 and not rules:
        return True
    in_columns = len(cells) >= _MIN_CELLS and len(columns) <= _MAX_DISTINCT_COLUMNS * len(cells)
    is_ruled = rules > _MAX_RULES * len(boxes)
    if is_ruled and all(is_inside(layout.lines[i].box, region.marks_box, _CELL_MARGIN) for i in region.labels):
        return True
    return (in_columns or is_ruled) and len(region.labels) > _MAX_GRID_LABELS


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


def _is_text_box(region: Region, solid: Sequence[Drawing], layout: PageLayout) -> bool:
    """Whether one shape holds most of the words and little else is drawn, as around a listing.

    A shape that is no rectangle may have a few words of its own.
    """
    lines = [layout.lines[i] for i in region.labels]
    held = [path for path in solid if sum(is_inside(line.box, path.box) for line in lines) > len(lines) / 2]
    least = 1 if all(map(_is_rectangle, solid)) else _MIN_WORDS_IN_CARD
    return bool(held) and len(solid) - len(held) < 2 and _count_words_in(region.box, lines) >= least


def titled_charts(region: Region, page: PageElements) -> list[Region]:
    """The charts of a region if each has a title of its own above it; empty for other regions."""
    charts: list[Region] = []
    if len(region.labels) < 2 * _MIN_CHART_LABELS:
        return charts
    for chart in split_panels(region, page.layout):
        title = [i for i in region.labels if _is_title(page.layout.lines[i], chart)]
        if not title and not heading_above(chart.box, page)[0]:
            return []
        charts.append(add_text(chart, title, page.layout))
    return charts


def _is_title(line: Line, chart: Region) -> bool:
    gap = chart.marks_box[1] - line.box[3]
    aligned = horizontal_overlap(line.box, chart.box) > _TITLE_ALIGNED
    return line.bold and aligned and -_TITLE_INSIDE < gap < _MAX_TITLE_GAP * line.size


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
    text = " ".join(lines_text(lines[i].text for i in block.lines) for block in title)
    return text, merge_boxes(block.box for block in title)
