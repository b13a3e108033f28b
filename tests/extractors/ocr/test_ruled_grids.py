"""Rules on scanned pages that may belong to tables."""

from PIL import Image, ImageDraw

from extractors.ocr.ruled_grids import find_grids


def _rules(heights: list[int]) -> list[int]:
    """The heights at which rules are found on a page of 1200 by 1700 pixels that has them at `heights`."""
    page = Image.new("L", (1200, 1700), 235)
    draw = ImageDraw.Draw(page)
    for y in heights:
        draw.line((100, y, 1100, y), fill=20, width=3)
    grids, rules = find_grids(page)
    assert not grids
    return sorted(round((top + bottom) / 2 / 10) * 10 for _, top, _, bottom in rules)


def test_rule_below_the_heading_of_a_section_is_no_part_of_the_table_below() -> None:
    assert _rules([200, 600, 660, 720]) == [600, 660, 720]


def test_rule_at_the_end_of_a_table_may_be_far_from_that_below_its_header() -> None:
    assert _rules([200, 260, 900]) == [200, 260, 900]
