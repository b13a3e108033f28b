"""Functions on boxes."""

from __future__ import annotations

import pytest

from extractors.geometry import (
    area,
    coverage,
    gaps,
    horizontal_overlap,
    intersection,
    is_inside,
    merge_boxes,
    rotate_box,
)
from extractors.types import Box

BOX: Box = (10, 20, 110, 60)


def test_boxes_that_do_not_meet_have_no_common_area() -> None:
    assert area(intersection(BOX, (200, 200, 300, 300))) == 0
    assert gaps(BOX, (200, 70, 300, 80)) == (90, 10)


def test_coverage_of_a_line_is_the_share_of_its_length() -> None:
    assert coverage((60, 30, 160, 30), BOX) == pytest.approx(0.5)


def test_box_is_inside_another_although_it_reaches_out_a_little() -> None:
    assert is_inside((8, 20, 108, 60), BOX)
    assert not is_inside((-10, 20, 90, 60), BOX)
    assert is_inside((-10, 20, 90, 60), BOX, margin=20)


def test_overlap_is_a_share_of_the_narrower_box() -> None:
    assert horizontal_overlap(BOX, (100, 500, 120, 600)) == pytest.approx(0.5)


def test_merged_box_surrounds_all() -> None:
    assert merge_boxes([BOX, (0, 50, 20, 90)]) == (0, 20, 110, 90)
    with pytest.raises(ValueError, match="unpack"):
        merge_boxes([])


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_rotating_back_restores_the_box(angle: int) -> None:
    width, height = 200, 100
    rotated = rotate_box(BOX, angle, width, height)
    size = (height, width) if angle in (90, 270) else (width, height)
    assert rotate_box(rotated, -angle % 360, *size) == BOX
