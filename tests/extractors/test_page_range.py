"""Reading some pages of a document, and the rest later."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych import Diptych, Settings
from extractors.errors import ExtractionError
from extractors.page_range import check_pages, parse_page_range
from tests.support.papers import write_leaflet


@pytest.mark.parametrize(
    ("text", "numbers"), [("", [1, 2, 3]), ("2", [2]), ("1-2", [1, 2]), ("2-", [2, 3]), ("2-900", [2, 3])]
)
def test_range_is_parsed(text: str, numbers: list[int]) -> None:
    assert list(check_pages(parse_page_range(text), 3, "a.pdf")) == numbers


@pytest.mark.parametrize("text", ["0", "3-2", "-5", "1-50,60", "x"])
def test_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a page or a range of pages such as 1-50"):
        parse_page_range(text)


def test_document_without_these_pages_says_how_many_it_has() -> None:
    with pytest.raises(ExtractionError, match=r"a\.pdf: has 3 pages, and none of the pages 60-70; choose others"):
        check_pages(parse_page_range("60-70"), 3, "a.pdf")


def test_pages_are_ingested_first_and_the_rest_later(tmp_path: Path) -> None:
    file = write_leaflet(tmp_path / "a.pdf", 4)

    def ingest(pages: str = "") -> tuple[str, list[str], int]:
        chosen = Settings(store=str(tmp_path / "store"), pages=pages, ocr="off", workers=1)
        with Diptych.open(chosen) as diptych:
            (outcome,) = diptych.ingest([file])
            hits = {hit.page for hit in diptych.search("valve pump", limit=20)}
        return outcome.status, list(outcome.notes), max(page for page in hits if page)

    assert ingest("1-2") == ("complete", ["only pages 1 to 2 of 4 were read"], 2)
    assert ingest("1-2")[0] == "unchanged"
    assert ingest() == ("complete", [], 4)
    assert ingest("1-2") == ("unchanged", [], 4), "what is stored as a whole stays whole"
