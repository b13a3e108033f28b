"""Headers, page numbers and logos are recognised as furniture; repeated content is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractors.layout.furniture import Furniture
from extractors.layout.page_sample import PageSample, sample_pages, without_numbers
from extractors.page import Drawing, Line, PageLayout, Raster


def _line(text: str, base: float, x: float = 50, size: float = 10) -> Line:
    return Line((x, base - size, x + 5 * len(text), base + 2), text, size, "Serif")


def _page(number: int, *lines: Line) -> PageLayout:
    """A page with `lines` and a body whose words no other page has at the same height."""
    own = "abcdefghij"[number]
    return PageLayout(
        number, 600, 800, (*lines, *(_line(f"{own * (5 + row)} and so on", 120 + 14 * row) for row in range(40)))
    )


def _running_texts(pages: list[PageLayout]) -> list[list[str]]:
    furniture = Furniture.learn(map(PageSample.of, pages))
    return [[page.lines[i].text for i in sorted(furniture.running_lines(page))] for page in pages]


def test_headers_and_page_numbers_are_running_lines() -> None:
    pages = [_page(n, _line("Annual report", 40), _line(f"Page {n} of 6", 780)) for n in range(1, 7)]
    assert _running_texts(pages) == [["Annual report", f"Page {n} of 6"] for n in range(1, 7)]


def test_left_and_right_pages_may_have_different_headers() -> None:
    pages = [_page(n, _line("The author" if n % 2 else "The title", 40, x=50 + 200 * (n % 2))) for n in range(1, 9)]
    assert all(len(lines) == 1 for lines in _running_texts(pages))


def test_cell_repeated_below_the_first_content_is_no_header() -> None:
    pages = [
        _page(n, _line(f"Opening {'abcdefghij'[n] * 3}", 50, size=16), *([_line("Total", 80)] if n < 5 else []))
        for n in range(1, 9)
    ]
    assert not any("Total" in lines for lines in _running_texts(pages))


def test_single_page_has_no_running_lines() -> None:
    assert _running_texts([_page(1, _line("Annual report", 40))]) == [[]]


def test_logo_repeats_anywhere_but_large_picture_only_in_one_place() -> None:
    def page(n: int) -> PageLayout:
        logo = Raster((500, 20 + n, 540, 60 + n), 90, 90, "logo")
        picture = Raster((50, 100 + 20 * n, 300, 300 + 20 * n), 900, 700, "picture")
        bar = Drawing((0, 760, 600, 790), 1, filled=True, stroked=False, fill=(0, 0, 1), rectangle=True)
        return PageLayout(n, 600, 800, (), (logo, picture), (bar,))

    pages = [page(n) for n in range(1, 9)]
    furniture = Furniture.learn(map(PageSample.of, pages))
    logo, picture = pages[3].rasters
    assert furniture.repeats(logo, pages[3])
    assert not furniture.repeats(picture, pages[3])
    assert furniture.repeats(pages[3].drawings[0], pages[3])


def test_page_numbers_do_not_distinguish_headers() -> None:
    assert without_numbers("Page 12 of 30") == without_numbers("page 3 of 30")
    assert without_numbers("— 7 —") == "#"
    assert without_numbers("Chapter one") != without_numbers("Chapter two")


def test_sampled_pages_are_runs_spread_over_the_document() -> None:
    assert sample_pages(5) == (0, 1, 2, 3, 4)
    chosen = sample_pages(1000)
    assert len(chosen) == 60
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert chosen[:4] == (0, 1, 2, 3)


def test_picture_of_a_slide_that_is_built_up_is_content_but_a_corner_is_not() -> None:
    picture, corner = Raster((200, 200, 400, 400), 800, 800, "steps"), Raster((560, 0, 600, 60), 90, 90, "corner")
    pages = [PageLayout(n, 600, 800, (), (picture, corner) if n < 5 else ()) for n in range(1, 11)]
    furniture = Furniture.learn(map(PageSample.of, pages))
    assert not furniture.repeats(picture, pages[0])
    assert furniture.repeats(corner, pages[0])


def test_lines_that_tags_leave_out_are_furniture_unless_they_are_content() -> None:
    head, foot = (replace(_line(text, base), artifact=True) for text, base in (("Journal", 40), ("Volume 3", 770)))
    assert _running_texts([_page(1, head, foot)]) == [["Journal", "Volume 3"]]
    repeated = [replace(_line("Name of the part", 40 + 12 * n), artifact=True) for n in range(4)]  # header of a table
    assert _running_texts([_page(1, *repeated, foot)]) == [[]]
    assert _running_texts([_page(1, head, replace(_line("A paragraph", 400), artifact=True))]) == [[]]


def _heading_on(pages: int, text: str) -> list[list[str]]:
    return _running_texts(
        [_page(n, _line(text.format("abcdefghij"[n] * 5, 7 * n % 10), 70)) for n in range(1, pages + 1)]
    )


def test_headings_at_the_top_of_pages_differ_and_are_content() -> None:
    assert _heading_on(8, "What is {0}?") == [[]] * 8
    assert _heading_on(8, "Article 3{1}") == [[]] * 8  # its numbers neither repeat nor follow the pages


def test_number_of_a_heading_or_a_row_at_the_top_is_content() -> None:
    pages = [
        _page(n, _line(str(n * n), 60), _line(f"Findings {'abcdefghij'[n] * 3}", 60, x=70, size=16))
        for n in range(1, 9)
    ]
    assert _running_texts(pages) == [[]] * 8


def test_footer_is_recognised_wherever_the_text_of_a_page_ends() -> None:
    def page(number: int) -> PageLayout:
        own = "abcdefghij"[number]
        body = [_line(f"{own * (5 + row)} and so on", 120 + 14 * row) for row in range(4 * number)]
        return PageLayout(number, 600, 800, (*body, _line(f"Pumps Inc. | Form 10-Q | {number}", 140 + 56 * number)))

    assert _running_texts([page(n) for n in range(1, 9)]) == [[f"Pumps Inc. | Form 10-Q | {n}"] for n in range(1, 9)]


def test_header_of_a_table_that_goes_on_over_pages_is_content() -> None:
    def table(number: int) -> PageLayout:
        head = [
            _line(f"{word} {side}", 40 + 14 * row, x)
            for row, word in enumerate("ABCDE")
            for side, x in (("left", 60), ("right", 300))
        ]
        rules = tuple(Drawing((x, 25, x, 700), 1, False, True, rectangle=True) for x in (55, 290, 520))
        return replace(_page(number, *head), drawings=rules)

    assert _running_texts([table(n) for n in range(1, 9)]) == [[]] * 8


@pytest.mark.parametrize(("last", "is_content"), [("Price", True), ("7", False)])
def test_header_right_above_the_rows_of_a_table_is_content_unless_it_ends_with_a_page_number(
    last: str, is_content: bool
) -> None:
    def table(number: int) -> PageLayout:
        places = (60, 300, 480)
        head = [_line(text, 60, x) for text, x in zip(("Orchard", "Trees", last), places, strict=True)]
        above = [_line("in thousands", 45, 300), _line(f"Table {number}. Trees", 25, 60)]
        rows = [_line(f"{'abcdefghij'[number] * 3} {row}", 60 + 15 * row, x) for row in range(1, 4) for x in places]
        return PageLayout(number, 600, 800, (*above, *head, *rows))

    running = _running_texts([table(n) for n in range(1, 9)])
    assert all(("Orchard" not in texts) == is_content for texts in running)
    assert all(("in thousands" not in texts) == is_content for texts in running)


def test_text_of_copies_and_of_filled_forms_is_content() -> None:
    copies = [_page(1, _line("Delivery note", 40)) for _ in range(3)]
    assert _running_texts(copies) == [[]] * 3

    def form(number: int) -> PageLayout:
        labels = [_line(f"{word} of the pump", 120 + 30 * row) for row, word in enumerate("ABCDEF")]
        values = [_line("mnopqrst"[number] * (3 + row), 120 + 30 * row, x=300) for row in range(6)]
        return PageLayout(number, 600, 800, (*labels, *values))

    assert _running_texts([form(n) for n in range(8)]) == [[]] * 8


def _rows(*texts: str, base: float = 60) -> list[Line]:
    return [_line(text, base + 14 * row) for row, text in enumerate(texts)]


NOTICE = (
    "Safety notice. Disconnect the pump from the mains",
    "before you open the housing, and wait until",
    "it stands.",
)


@pytest.mark.parametrize("pages", [2, 4, 30])
def test_pages_of_nothing_but_the_same_words_have_them_as_text(pages: int) -> None:
    notice = [PageLayout(n, 600, 800, tuple(_rows(*NOTICE))) for n in range(1, pages + 1)]
    assert not any(_running_texts(notice))
    scan = Raster((0, 0, 600, 800), 600, 800, "scan", 1)
    stamped = [replace(page, rasters=(replace(scan, digest=f"{page.number}"),)) for page in notice[:20]]
    assert pages < 4 or all(_running_texts(stamped))


def test_copies_of_one_page_differ_in_a_line_only() -> None:
    note = (
        "Miller Ltd, 12 Harbour Street",
        "Delivery note 4711",
        "Date: 1 March",
        "Customer: Berg",
        "Item: seal",
        "Thanks",
    )
    pages = [
        PageLayout(n, 600, 800, (*_rows(*note), _line(text, 700)))
        for n, text in enumerate(("Original", "Copy for the customer", "Copy for the driver"), 1)
    ]
    assert not any(_running_texts(pages))


def test_header_of_a_short_document_stands_apart_from_its_text() -> None:
    near = [_page(n, *_rows(*NOTICE, base=78)) for n in (1, 2)]
    assert not any(_running_texts(near))
    apart = [_page(n, *_rows("Safety notice. Disconnect the pump", "from the mains before", base=60)) for n in (1, 2)]
    assert all(len(lines) == 2 for lines in _running_texts(apart))


@pytest.mark.parametrize(("pieces", "found"), [(40, 0), (70, 70)])
def test_no_more_lines_than_a_header_has_are_compared_with_the_text(pieces: int, found: int) -> None:
    row = [_line(chr(97 + n % 26) * (1 + n // 26), 92, x=30 + 8 * n) for n in range(pieces)]
    below = [replace(line, box=(*line.box[:1], 96, *line.box[2:3], 108)) for line in row]
    pages = [_page(n, *row, *(replace(one, text=f"{'xyz'[n]}{one.text}") for one in below)) for n in (1, 2)]
    assert all(len(lines) == found for lines in _running_texts(pages))


def test_large_title_of_some_pages_is_content_and_a_large_header_of_most_is_none() -> None:
    def running(titled: int) -> list[list[str]]:
        return _running_texts(
            [_page(n, _line("Results" if n < titled else "abcdefghi"[n], 60, size=16)) for n in range(9)]
        )

    assert running(4) == [[]] * 9
    assert running(8)[:8] == [["Results"]] * 8


def test_watermark_and_words_beside_the_text_repeat() -> None:
    words = [_line(f"{word} chapter", 300 + 30 * row, x=520) for row, word in enumerate("ABCDEF")]
    pages = [_page(n, _line("Confidential", 400), *words) for n in range(1, 9)]
    assert all(len(lines) == 7 for lines in _running_texts(pages))


def test_captions_at_the_same_place_of_several_pages_are_content() -> None:
    def running(*titles: str) -> list[list[str]]:
        titled = [_page(n, _line(title, 50), _line("of all patients", 62)) for n, title in enumerate(titles)]
        return _running_texts([*titled, *(_page(n) for n in range(4, 9))])[:4]

    assert running(*(f"Fig. {n} Survival" for n in (3, 4, 5, 6))) == [[]] * 4
    assert running(*["Exhibit 99.1 Survival"] * 4) == [["Exhibit 99.1 Survival", "of all patients"]] * 4
    assert running(*(f"Survey of {n}" for n in (2020, 2021, 2022, 2023)))[0] == ["Survey of 2020", "of all patients"]


def test_numbered_captions_and_titles_of_pages_of_one_template_are_content() -> None:
    pages = [
        _page(n, _line(f"Report on unit {n}", 60, size=16), _line(f"Figure {n}: Unit {n} after the repair.", 700))
        for n in range(1, 9)
    ]
    assert _running_texts(pages) == [[]] * 8
    stamped = [_page(n, _line("Copy of 12 May for the archive", 704)) for n in range(1, 9)]
    assert _running_texts(stamped) == [["Copy of 12 May for the archive"]] * 8
