"""Headings and heading paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from extractors.text.headings import Bookmark, assign_headings
from extractors.text.paragraphs import Paragraph

BODY_LINES = ("A sentence of the body text that says something", "and goes on in a second line", "until it ends.")


def body(page: int = 1) -> Paragraph:
    return Paragraph(BODY_LINES, page, (50, 100, 300, 140), 10)


def heading(text: str, size: float = 14, page: int = 1, *, font: str = "", **style: Any) -> Paragraph:
    return Paragraph((text,), page, (50, 80, 300, 95), size, font, apart=True, **style)


def body_paths(
    *paragraphs: Paragraph, bookmarks: Sequence[Bookmark] = (), title: str = "", deck: bool = False
) -> list[tuple[str, ...]]:
    """The heading paths of the paragraphs that are not headings."""
    headed = assign_headings(paragraphs, bookmarks, title=title, deck=deck)
    return [item.path for item in headed if not item.is_heading]


def test_larger_headings_are_above_smaller_ones() -> None:
    paths = body_paths(
        heading("Part", 18),
        heading("Section", 14),
        body(),
        heading("Next section", 14),
        body(),
        heading("New part", 18),
        body(),
    )
    assert paths == [("Part", "Section"), ("Part", "Next section"), ("New part",)]


def test_numbers_decide_between_headings_of_the_same_look() -> None:
    paths = body_paths(
        heading("2 Methods", 12, bold=True),
        heading("2.1 Data", 12, bold=True),
        body(),
        heading("3 Results", 12, bold=True),
        body(),
    )
    assert paths == [("2 Methods", "2.1 Data"), ("3 Results",)]


def test_bold_lines_of_body_size_are_headings_but_bold_cells_are_not() -> None:
    cell = Paragraph(("Mode    Use",), 1, (50, 80, 300, 95), 10, bold=True, tabular=True)
    assert body_paths(heading("Overview", 10, bold=True), body(), cell, body()) == [("Overview",)] * 3


def test_sentences_and_numbers_are_not_headings() -> None:
    quote, number = heading("This is a pull quote that ends as a sentence.", 12), heading("42", 20)
    assert body_paths(quote, body(), number, body()) == [()] * 4


def test_year_at_the_end_of_a_heading_is_no_page_number() -> None:
    paths = body_paths(heading("Outlook for 2024"), body(), heading("Sales of the year … 12"), body())
    assert set(paths) == {("Outlook for 2024",)}


def test_bookmarks_mark_headings_and_their_levels() -> None:
    plain = Paragraph(("Safety notes",), 1, (50, 80, 300, 95), 10)
    bookmarks = [Bookmark(1, "Manual", 1), Bookmark(2, "Safety notes", 1)]
    assert body_paths(heading("Manual", 16), plain, body(), bookmarks=bookmarks) == [("Manual", "Safety notes")]


def test_title_of_the_document_is_in_no_heading_path() -> None:
    title = "A Study of Something"
    paths = body_paths(heading(title, 20), body(), heading("Introduction"), body(), title=title)
    assert paths == [(), (), ("Introduction",)]


def test_every_page_of_a_deck_starts_a_new_path() -> None:
    slides = (heading("Large title", 40), body(), heading("Smaller title", 30, page=2), body(page=2))
    assert body_paths(*slides, deck=True) == [("Large title",), ("Smaller title",)]
    assert body_paths(*slides)[1] == ("Large title", "Smaller title")


def test_slightly_larger_plain_lines_are_not_headings_where_headings_are_bold() -> None:
    bold = [part for n in range(4) for part in (heading(f"{n + 1} Heading", 12, bold=True), body())]
    assert body_paths(heading("Ann Example, Bob Example", 12), body(), *bold)[:2] == [(), ()]


def test_font_of_headings_is_recognised_by_its_use() -> None:
    paths = body_paths(heading("Soil", 9, font="Adv9"), body(), heading("Water", 9, font="Adv9"), body())
    assert paths == [("Soil",), ("Water",)]


def test_font_of_labels_beside_each_other_is_none_of_headings() -> None:
    labels = [heading(name, 9, font="Adv9") for name in ("Soil", "Water", "Air", "Light")]
    assert body_paths(*labels, body())[-1] == ()


def test_heading_of_a_section_without_text_is_kept() -> None:
    parts = [heading(name, 10, font="Adv9") for name in ("Soil", "Water", "Air")]
    paths = body_paths(parts[0], body(), parts[1], body(), parts[2], heading("of cities", 9, font="Adv8"), body())
    assert paths[:2] == [("Soil",), ("Water",)]
    assert paths[-1][0] == "Air"


def test_words_that_begin_paragraphs_in_a_font_of_their_own_are_headings() -> None:
    soil, water = (heading(name, 10, font="Italic", run_in=True) for name in ("Soil.", "Water."))
    assert body_paths(heading("Methods"), soil, body(), water, body()) == [("Methods", "Soil"), ("Methods", "Water")]


def test_single_word_that_begins_a_paragraph_stays_in_it() -> None:
    (start,) = assign_headings([heading("Note.", 10, font="Italic", run_in=True), body()])
    assert start.paragraph.lines[0] == f"Note. {BODY_LINES[0]}"
    for text in ("2.1. Soil.", "Abstract."):
        (certain, _) = assign_headings([heading(text, 10, font="Italic", run_in=True), body()])
        assert certain.path == (text.rstrip("."),)


def test_unit_of_amounts_below_a_heading_is_none() -> None:
    unit = heading("$ in millions, except per share amounts", 9, font="Adv9")
    above = [part for name in ("Soil", "Air", "Light") for part in (heading(name, 9, font="Adv9"), body())]
    assert body_paths(*above, heading("Water", 9, font="Adv9"), unit, body())[-1] == ("Water",)


def test_species_is_no_number_of_a_heading() -> None:
    species = Paragraph(
        ("T. bellirica, T. chebula and P. emblica which showed", "effects (97-99)."), 1, (50, 0, 300, 24), 10.5, "It"
    )
    body = Paragraph(
        ("Plant metabolites from mint showed effects on the management of it.",) * 4, 1, (50, 30, 300, 90), 9
    )
    assert not any(item.is_heading for item in assign_headings([body, species, body]))


def test_tags_give_the_levels_of_headings_unless_they_call_most_text_headings() -> None:
    paragraphs = [heading("Pumps", 10, heading=1), body(), heading("Tanks", 10, heading=2), body()]
    assert body_paths(*paragraphs) == [("Pumps",), ("Pumps", "Tanks")]
    assert body_paths(*(replace(one, heading=1) for one in paragraphs)) == [()] * 4


def test_numbered_labels_are_headings_but_entries_of_contents_are_not() -> None:
    assert body_paths(heading("Article 118", 10, bold=True), body()) == [("Article 118",)]
    assert body_paths(heading("The pumps of the works 118", 10, bold=True), body())[-1] == ()


def test_enumerated_and_numbered_sentences_are_headings_in_bold() -> None:
    for text in ("(c) Statement of compliance", "Item 1. Business."):
        assert body_paths(heading(text, 10, bold=True), body()) == [(text,)]
        assert body_paths(heading(text, 10), body())[-1] == ()


def test_numbered_lines_without_text_between_them_are_a_list() -> None:
    items = [heading(f"{n}. {word}", 10.8) for n, word in enumerate(("Kitchen", "Server", "School"), 5)]
    assert body_paths(body(), *items) == [(), (), (), ()]
    assert body_paths(items[0], body(), items[1], body()) == [("5. Kitchen",), ("6. Server",)]


def test_bold_line_is_the_heading_of_smaller_print_below_it() -> None:
    note = replace(body(), size=8)
    paths = body_paths(heading("Cars"), body(), body(), heading("Notes for drivers", 8, bold=True), note, body())
    assert paths[-2:] == [("Cars", "Notes for drivers"), ("Cars",)]


def test_scanned_line_in_capitals_is_a_heading() -> None:
    scanned = replace(body(), ocr=True)
    assert body_paths(heading("GUIDELINES FOR SPORTS", 9, ocr=True), scanned) == [("GUIDELINES FOR SPORTS",)]


def test_authors_with_the_numbers_of_their_addresses_are_no_heading() -> None:
    for authors in ("Jane Doe 1, 2, John Smith 1, and Ann Lee 3", "Zachary del Rosario1", "Jane Doe,1 and Su‑Yun Lee2"):
        assert body_paths(heading(authors, 10, bold=True), body())[-1] == ()
    act = "CERTIFICATION PURSUANT TO SECTION 302 OF THE ACT OF 2002"
    assert body_paths(heading(act, 10, bold=True), body()) == [(act,)]


TITLE = "Heat loss of old pumps in winter"


def test_what_stands_above_the_title_is_no_heading() -> None:
    kind = replace(heading("Research article", 16), box=(50, 40, 300, 60))
    title = heading(TITLE, 20), heading("Pumps and Pipes"), body()
    assert body_paths(kind, *title, title=TITLE) == [(), (), ("Pumps and Pipes",)]


def test_text_above_the_title_or_read_before_it_has_its_headings() -> None:
    text = Paragraph(BODY_LINES * 2, 1, (50, 62, 300, 78), 10)
    above = replace(heading("Aims", 12), box=(50, 40, 300, 60))
    lower = replace(heading("Aims", 12), box=(320, 240, 500, 260))
    title = heading(TITLE, 20), body()
    assert body_paths(above, text, *title, title=TITLE)[0] == ("Aims",)
    assert body_paths(lower, body(), *title, title=TITLE)[0] == ("Aims",)


def test_cover_before_the_page_with_the_title_keeps_its_headings() -> None:
    cover = replace(heading("Welcome", 16), box=(50, 40, 300, 60))
    text = replace(body(), box=(50, 62, 300, 78))
    assert body_paths(cover, text, heading(TITLE, 20, page=2), body(2), title=TITLE)[0] == ("Welcome",)


def test_only_authors_right_below_the_title_are_no_heading() -> None:
    for below, path in (("Jane Doe and Ann Lee", ()), ("Summary", ("Summary",))):
        paths = body_paths(
            heading(TITLE, 20), heading(below), body(), heading("Doe Motor and Lee Motor"), body(), title=TITLE
        )
        assert paths[-2:] == [path, ("Doe Motor and Lee Motor",)]


def test_heading_in_small_print_closes_no_section_around_it() -> None:
    sections = [part for name in ("Aim", "Plan", "Results") for part in (heading(name), body())]
    bookmarks = [Bookmark(1, "Aim", 1), Bookmark(1, "Plan", 1), Bookmark(3, "Results", 1)]
    sidebar = heading("Patients", 8, bold=True), replace(body(), size=8)
    paths = body_paths(*sections, *sidebar, body(), bookmarks=bookmarks)
    assert paths[-2:] == [("Plan", "Patients"), ("Plan", "Results")]


def test_headings_in_a_plain_font_of_their_own_stay_where_others_are_bold() -> None:
    bold = [part for name in ("Aim", "Plan", "End") for part in (heading(name, 12, bold=True), body())]
    plain = [part for name in ("Soil", "Air", "Water") for part in (heading(name, 10.5, font="Adv9"), body())]
    assert body_paths(*bold, *plain)[-2:] == [("End", "Air"), ("End", "Water")]
    run_in = [part for name in ("Soil.", "Water.") for part in (heading(name, 10, font="It", run_in=True), body())]
    assert body_paths(*bold, *run_in)[-2:] == [("End", "Soil"), ("End", "Water")]


def test_number_at_the_end_of_a_bookmarked_heading_stays() -> None:
    title = "Groups 1 and 2"
    assert body_paths(heading(title), body(), bookmarks=[Bookmark(1, title, 1)]) == [(title,)]


def test_authors_with_degrees_or_addresses_in_brackets_are_no_heading() -> None:
    for authors in (
        "Jane Doe, MM, John Smith, MB, Su-Yun Lee, PhDa ∗",
        "Jane Doe+,[a] John Smith,[a, b] Ann Lee,*[b] and Max Roe*[a]",
    ):
        assert body_paths(heading(authors), body())[-1] == ()
    for text in ("Crops, Trees, and Bees", "Costs, UK, 2004 and Later", "2 Related Work and Preliminary Concepts"):
        assert body_paths(heading(text), body()) == [(text,)]


def test_plain_headings_go_on_from_the_numbers_of_others() -> None:
    above = heading("3.2. Culture", 10, italic=True), body()
    plain = [heading(f"3.2.{n}. Cells of line {'ABCD'[n]}", 10) for n in (1, 2, 3)]
    paths = body_paths(*above, plain[0], body(), plain[1], body())
    assert paths == [(title,) for title in ("3.2. Culture",)] + [
        ("3.2. Culture", "3.2.1. Cells of line B"),
        ("3.2. Culture", "3.2.2. Cells of line C"),
    ]
    assert body_paths(*above, plain[2], body())[1:] == [("3.2. Culture",)] * 2


def test_mark_before_a_heading_in_capitals_is_not_part_of_it() -> None:
    assert body_paths(heading("■RESULTS AND ERRORS", 10), body()) == [("RESULTS AND ERRORS",)]
    assert body_paths(heading("■ Results and errors", 10), body()) == [()] * 2


def test_number_at_the_end_of_a_heading_above_text_is_no_page_number() -> None:
    entry = Paragraph(("Synthesis of the second complex and its salts",), 1, (50, 100, 300, 112), 10)
    assert body_paths(heading("Analysis of complex 4", bold=True), body()) == [("Analysis of complex 4",)]
    assert body_paths(heading("Analysis of complex 4", bold=True), entry, body()) == [()] * 3


def test_slightly_larger_lines_in_the_font_of_the_text_are_headings_if_there_are_several() -> None:
    text = replace(body(), font="Adv1")
    titles = [f"{side} of the river" for side in ("South", "North", "East", "West")]
    parts = [part for title in titles for part in (heading(title, 11, font="Adv1"), text)]
    assert body_paths(*parts) == [(title,) for title in titles]
    assert body_paths(*parts[:6])[-1] == ()


def test_line_above_the_title_that_is_read_after_it_is_no_heading() -> None:
    badge = replace(heading("OPEN", 18), box=(400, 40, 460, 60))
    assert body_paths(heading(TITLE, 20), body(), badge, body(), title=TITLE) == [()] * 4
