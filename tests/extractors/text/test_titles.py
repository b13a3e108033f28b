"""What a document is called, told from its file's own title and the print of its first pages."""

from __future__ import annotations

import pytest

from extractors.text.paragraphs import Paragraph
from extractors.text.titles import LONGEST, title_of

TEXT = "The pump moves water from the lower tank to the upper one, which is cleaned twice a year."


def printed(text: str, size: float = 10, page: int = 1) -> Paragraph:
    return Paragraph((text,), page, (60, 60, 300, 80), size)


BODY = (printed(TEXT), printed(TEXT), printed(TEXT), printed(TEXT, page=2), printed(TEXT, page=2))


def test_the_files_own_title_counts_where_it_is_printed() -> None:
    page = (printed("The Care of Pumps", 12), printed("ACME Pumps", 40), *BODY)
    assert title_of("The care  of pumps", page) == "The care of pumps"
    assert title_of("An earlier template", page) == "ACME Pumps", "programs leave titles of other documents behind"
    assert title_of("The Care of Pumps", (*BODY, printed("The Care of Pumps", 12, page=2))) == "The Care of Pumps"


@pytest.mark.parametrize("own", ["Microsoft Azure Guide", "Pages in ASP.NET"])
def test_a_printed_title_counts_though_programs_fill_in_such_ones(own: str) -> None:
    assert title_of(own, (printed(own, 12), printed("ACME Pumps", 40), *BODY)) == own


def test_a_fuller_title_of_the_file_beats_its_print() -> None:
    assert title_of("4K Display User Manual", (printed("User Manual", 40), *BODY)) == "4K Display User Manual"


@pytest.mark.parametrize(
    "kind",
    [
        "Review Article",
        "ORIGINAL RESEARCH",
        "Contents",
        "Table of Contents",
        "For immediate release: May 3",
        "FORM 10-K",
        "United States Securities and Exchange Commission Washington, D.C.",
        "Inhaltsverzeichnis",
    ],
)
def test_what_sort_of_paper_it_is_is_no_title(kind: str) -> None:
    assert title_of("", (printed(kind, 20), printed("The Care of Pumps", 16), *BODY)) == "The Care of Pumps"
    assert title_of(kind, (printed(kind, 20), *BODY)) == ""


@pytest.mark.parametrize("own", ["untitled", "Microsoft Word - Document1", "pumps.docx", "0000764478-23-000006", ""])
def test_what_programs_fill_in_is_no_title(own: str) -> None:
    assert title_of(own, BODY) == ""
    assert title_of(own, (printed("Caring", 20), *BODY)) == "Caring"


def test_print_that_does_not_stand_out_is_no_title() -> None:
    page = (printed("A line like the others", 10.5), *BODY)
    assert title_of("", page) == ""
    assert title_of("Care of pumps, a guide", page) == "Care of pumps, a guide", "better than nothing"
    assert title_of("", ()) == ""


def test_sentences_are_no_title_however_large() -> None:
    large = printed("The O-ring was renewed. The relief valve opened at 5.4 MPa.", 18)
    assert title_of("", (large, *BODY)) == ""
    assert title_of("", (large, printed("Service of the Watermaker", 16), *BODY)) == "Service of the Watermaker"
    assert title_of("", (printed("NIKE, Inc. 2021 Annual Report", 18), *BODY)) == "NIKE, Inc. 2021 Annual Report"


def test_a_page_of_little_else_is_a_cover() -> None:
    assert title_of("", (printed("Market Research"), printed(TEXT, 12, page=2))) == "Market Research"


def test_a_cover_is_compared_with_the_text_behind_it() -> None:
    cover = (printed("Impact of Store Networks", 50), printed("on customers", 48))
    assert title_of("", (*cover, *BODY[1:])) == "Impact of Store Networks"


def test_a_title_is_bounded() -> None:
    assert len(title_of("", (printed("Pumps " * 100, 20), *BODY))) == LONGEST
