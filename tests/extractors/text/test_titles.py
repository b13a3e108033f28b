"""Titles, from the file's metadata and the print of the first pages."""

from __future__ import annotations

import pytest

from extractors.text.paragraphs import Paragraph
from extractors.text.titles import MAX_TITLE_LENGTH, find_title

TEXT = "The pump moves water from the lower tank to the upper one, which is cleaned twice a year."


def printed(text: str, size: float = 10, page: int = 1) -> Paragraph:
    return Paragraph((text,), page, (60, 60, 300, 80), size)


BODY = (printed(TEXT), printed(TEXT), printed(TEXT), printed(TEXT, page=2), printed(TEXT, page=2))


def test_metadata_title_is_used_if_the_document_prints_it() -> None:
    page = (printed("The Care of Pumps", 12), printed("ACME Pumps", 40), *BODY)
    assert find_title("The care  of pumps", page) == "The care of pumps"
    assert find_title("An earlier template", page) == "ACME Pumps", "programs keep the titles of other documents"
    assert find_title("The Care of Pumps", (*BODY, printed("The Care of Pumps", 12, page=2))) == "The Care of Pumps"


@pytest.mark.parametrize("title", ["Microsoft Azure Guide", "Pages in ASP.NET"])
def test_printed_metadata_title_is_used_although_it_looks_like_a_placeholder(title: str) -> None:
    assert find_title(title, (printed(title, 12), printed("ACME Pumps", 40), *BODY)) == title


def test_metadata_title_that_contains_the_printed_one_is_used() -> None:
    assert find_title("4K Display User Manual", (printed("User Manual", 40), *BODY)) == "4K Display User Manual"


@pytest.mark.parametrize(
    "genre",
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
def test_kind_of_document_is_not_a_title(genre: str) -> None:
    assert find_title("", (printed(genre, 20), printed("The Care of Pumps", 16), *BODY)) == "The Care of Pumps"
    assert find_title(genre, (printed(genre, 20), *BODY)) == ""


@pytest.mark.parametrize(
    "placeholder", ["untitled", "Microsoft Word - Document1", "pumps.docx", "0000764478-23-000006", ""]
)
def test_placeholder_of_a_program_is_not_a_title(placeholder: str) -> None:
    assert find_title(placeholder, BODY) == ""
    assert find_title(placeholder, (printed("Caring", 20), *BODY)) == "Caring"


def test_print_of_body_size_is_not_a_title() -> None:
    page = (printed("A line like the others", 10.5), *BODY)
    assert find_title("", page) == ""
    assert find_title("Care of pumps, a guide", page) == "Care of pumps, a guide", "better than no title"
    assert find_title("", ()) == ""


def test_sentences_are_not_a_title_however_large_they_are() -> None:
    large = printed("The O-ring was renewed. The relief valve opened at 5.4 MPa.", 18)
    assert find_title("", (large, *BODY)) == ""
    assert find_title("", (large, printed("Service of the Watermaker", 16), *BODY)) == "Service of the Watermaker"
    assert find_title("", (printed("NIKE, Inc. 2021 Annual Report", 18), *BODY)) == "NIKE, Inc. 2021 Annual Report"


def test_largest_print_of_a_cover_is_the_title_whatever_its_size() -> None:
    assert find_title("", (printed("Market Research"), printed(TEXT, 12, page=2))) == "Market Research"


def test_cover_is_compared_with_the_text_of_the_second_page() -> None:
    cover = (printed("Impact of Store Networks", 50), printed("on customers", 48))
    assert find_title("", (*cover, *BODY[1:])) == "Impact of Store Networks"


def test_long_title_is_cut() -> None:
    assert len(find_title("", (printed("Pumps " * 100, 20), *BODY))) == MAX_TITLE_LENGTH
