"""The pages of a document that are read, such as 1-50."""

import re
from dataclasses import replace

from extractors.errors import ExtractionError
from extractors.types import Extraction, PageRange

PATTERN = r"^(\d{1,6}(-(\d{1,6})?)?)?$"
"""`7`, `1-50` or `51-`; empty for all pages."""


def parse_page_range(text: str) -> PageRange | None:
    """Return the pages that a text names; None for all of them. Raises `ValueError`."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,6})(?:(-)(\d{1,6})?)?", text)
    first = int(match[1]) if match else 0
    last = first if match and not match[2] else int(match[3]) if match and match[3] else None
    if not 1 <= first <= (last or first):
        raise ValueError(f"{text!r} is not a page or a range of pages such as 1-50 or 51-")
    return PageRange(first, last)


def check_page_range(text: str) -> str:
    """Return the text of a setting. Raises as `parse_page_range` does."""
    parse_page_range(text)
    return text


def check_pages(wanted: PageRange | None, count: int, name: str) -> range:
    """Return the numbers of the pages to read of a document with `count` pages.

    Raises `ExtractionError` when it has none of them.
    """
    numbers = range(wanted.first, min(wanted.last or count, count) + 1) if wanted else range(1, count + 1)
    if wanted and not numbers:
        raise ExtractionError(f"{name}: has {count} pages, and none of the pages {wanted}; choose others")
    return numbers


def keep_pages(extraction: Extraction, wanted: PageRange | None) -> Extraction:
    """Return an extraction with the parts on these pages, and a note when there are other pages."""
    count = max(extraction.report.pages, 1)
    numbers = check_pages(wanted, count, extraction.source.name)
    if len(numbers) == count:
        return extraction
    problems = tuple(one for one in extraction.report.problems if one.page is None or one.page in numbers)
    notes = (*extraction.report.notes, f"only pages {numbers[0]} to {numbers[-1]} of {count:,} were read")
    return replace(
        extraction,
        passages=tuple(one for one in extraction.passages if one.page in numbers),
        pictures=tuple(one for one in extraction.pictures if one.page in numbers),
        report=replace(extraction.report, problems=problems, notes=notes),
    )
