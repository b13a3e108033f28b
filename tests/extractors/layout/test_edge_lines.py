"""Furniture that one page shows alone: page numbers, running heads and the stamps of archives."""

from __future__ import annotations

import pytest

from extractors.layout.edge_lines import edge_lines
from extractors.page import Line, PageLayout


def _line(text: str, base: float, x: float = 50, size: float = 10) -> Line:
    return Line((x, base - size, x + 5 * len(text), base + 2), text, size, "Serif")


def _page(*lines: Line, rows: int = 40) -> PageLayout:
    body = (
        _line("The crop has been tenfold in many instances, and in few less than four.", 120 + 14 * n)
        for n in range(rows)
    )
    return PageLayout(1, 600, 800, (*lines, *body))


def _found(page: PageLayout, *, heads: bool = True) -> list[str]:
    return [page.lines[i].text for i in sorted(edge_lines(page, heads=heads))]


@pytest.mark.parametrize(
    "stamp",
    [
        "Download date: 28 Dec 2018",
        "Downloaded from www.archive.example by a reader on 3 May",
        "This content downloaded from 10.0.0.1",
        "All use subject to the terms of the archive",
        "Digitized by the library",
        "Heruntergeladen am 3. Mai",
    ],
)
def test_stamp_at_the_foot_is_furniture(stamp: str) -> None:
    assert _found(_page(_line(stamp, 780))) == [stamp]


def test_paragraph_that_begins_a_line_like_a_stamp_stays() -> None:
    assert _found(_page(_line("downloaded from the archive in the spring, and kept.", 680), rows=40)) == []


def test_running_head_with_page_number_is_furniture_of_a_single_page_only() -> None:
    head = (_line("400", 60), _line("BRITISH HUSBANDRY.", 60, x=240), _line("[Ch. XIX.", 60, x=480))
    assert _found(_page(*head)) == [line.text for line in head]
    assert _found(_page(*head), heads=False) == []


def test_head_of_columns_and_numbered_formula_stay() -> None:
    assert _found(_page(_line("Cost of revenue", 60), _line("2023", 60, x=480))) == []
    assert _found(_page(_line("a = b + c", 60, x=200), _line("(2)", 60, x=480))) == []


def test_page_number_counts_wherever_the_page_ends() -> None:
    assert _found(_page(_line("62", 450, x=295), rows=20)) == ["62"]
    assert _found(_page(_line("62", 450, x=60), rows=20)) == []  # a value below a column
    assert _found(_page(_line("62", 450, x=290, size=30), rows=20)) == []  # a number that is content
    assert _found(_page(_line("Page 3 of 12", 780))) == ["Page 3 of 12"]


def test_small_print_by_the_number_of_a_slide_is_furniture_of_a_single_page_only() -> None:
    text = [_line("Storage for islands and their grids", 100 + 40 * n, size=18) for n in range(4)]

    def found(footer: str, *, heads: bool = True) -> list[str]:
        lines = (*text, _line(footer, 480, x=500, size=8), _line("1", 510, x=640, size=12))
        page = PageLayout(1, 720, 540, lines)
        return [page.lines[i].text for i in sorted(edge_lines(page, heads=heads))]

    assert found("Grid Days 2015") == ["Grid Days 2015", "1"]
    assert found("Grid Days 2015", heads=False) == ["1"]
    assert found("Source: grid operators, 2015") == ["1"]


@pytest.mark.parametrize(
    "foot",
    [
        ("May 2008", "Page 3 of 11", "Prepared by the training office"),
        ("Department of Works, Coding Guidelines", "12", "Office of the Director"),
    ],
)
def test_what_stands_between_a_page_number_and_the_edge_is_furniture_of_a_single_page_only(
    foot: tuple[str, str, str],
) -> None:
    lines = (_line(foot[0], 750), _line(foot[1], 750, x=480), _line(foot[2], 762))
    assert _found(_page(*lines)) == list(foot)
    assert _found(_page(*lines), heads=False) == []


@pytest.mark.parametrize(
    "head", ["LAW LIBRARY – 20", "Case 21-504  Document 62  Page: 9  Filed 3 May", "Page 1; 8/15/02"]
)
def test_words_with_a_page_number_in_one_line_are_furniture_of_a_single_page_only(head: str) -> None:
    assert _found(_page(_line(head, 60))) == [head]
    assert _found(_page(_line(head, 60)), heads=False) == []


def test_reference_to_a_page_stays() -> None:
    assert _found(_page(_line("Continued on page 9", 780))) == []


def test_page_number_of_a_chapter_is_furniture() -> None:
    assert _found(_page(_line("7-45", 780)), heads=False) == ["7-45"]
    assert _found(_page(_line("B-1191", 780)), heads=False) == ["B-1191"]


def test_small_note_above_the_page_number_stays_and_the_name_of_the_work_does_not() -> None:
    def found(foot: str) -> list[str]:
        return _found(_page(_line(foot, 740, size=8), _line("- Page 14 -", 770, x=280, size=8), rows=38))

    assert found("Milling of rice: a survey") == ["Milling of rice: a survey", "- Page 14 -"]
    assert found("17 Ministry of Works, 2021.") == ["- Page 14 -"]
    assert found("Source: Ministry of Works") == ["- Page 14 -"]
