"""The place of a hit as people read it: page, printed page, or heading path."""

from __future__ import annotations

from diptych.search.place_wording import describe_place


def test_printed_page_number_is_shown_where_it_differs() -> None:
    assert describe_place("a.pdf", 3) == "page 3"
    assert describe_place("a.pdf", 3, 2) == "page 3 (printed 2)"
    assert describe_place("a.pdf", 3, 2, named="printed") == "page 3 (printed 2, as asked)"
    assert describe_place("a.pdf", 3, 2, named="position") == "page 3, as asked (printed 2)"


def test_heading_path_takes_the_place_of_the_page_in_files_without_pages() -> None:
    assert describe_place("a.html", 1, paged=False, heading=("Care", "Filters")) == "Care > Filters"
    assert describe_place("a.html", 1, paged=False) == ""


def test_catalogue_row_has_no_place() -> None:
    assert describe_place("products.csv#17", 1) == ""
