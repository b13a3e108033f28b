"""Printed page numbers: found in the margins, and accepted where most pages agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.text.page_numbers import page_number_offset
from extractors.types import Options, Source


@pytest.mark.parametrize(
    ("candidates", "offset"),
    [
        ({1: set(), 2: set(), 3: {1}, 4: {2, 2015}, 5: {3}, 6: {7}}, 2),
        ({1: {1}, 2: {2}, 3: {3}}, 0),
        ({1: {290}, 2: {291}, 3: {292}}, -289),
        ({1: {5}, 2: {9}, 3: {1}}, 0),
        ({page: {page - 4} if page > 8 else set() for page in range(1, 12)}, 0),  # three of eleven are too few
        ({}, 0),
    ],
)
def test_offset_is_the_one_most_pages_agree_on(candidates: dict[int, set[int]], offset: int) -> None:
    assert page_number_offset(candidates) == offset


def test_numbers_in_the_bottom_margin_are_page_numbers(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    with pymupdf().open() as document:
        for number in range(1, 7):
            page = document.new_page(width=420, height=595)
            page.insert_text((40, 100), f"Chapter {number} has 12 parts, and 7 more in the appendix.", fontsize=11)
            if number > 2:
                page.insert_text((200, 575), str(number - 2), fontsize=9)
        document.save(path)
    source = Source(path, path.as_uri(), path.name, "0" * 64, "application/pdf")
    assert extract(source, Options(ocr="off"), tmp_path / "pictures").shift == 2
