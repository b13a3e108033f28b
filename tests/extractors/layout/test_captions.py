"""Captions are recognised in many forms and read completely; sentences that begin alike are ignored."""

from __future__ import annotations

import pytest

from extractors.layout.captions import find_captions
from extractors.page import Line, PageLayout


def _line(
    text: str, x: float, y: float, *, size: float = 10, bold: bool = False, lead: int = 0, block: int = 0
) -> Line:
    """A line on the base line `y`, in a font half as wide as high."""
    return Line((x, y - size, x + 0.5 * size * len(text), y), text, size, "Serif", bold=bold, lead=lead, block=block)


def _page(*lines: Line) -> PageLayout:
    return PageLayout(1, 600, 800, lines)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Figure 3: Growth by region", "figure 3"),
        ("Fig. 2. The apparatus", "figure 2"),
        ("FIGURE IV", "figure iv"),
        ("Figure-7: Yield", "figure 7"),
        ("Figure S1. Controls", "figure s1"),
        ("Supplementary Figure 1. Controls", "figure s1"),
        ("Extended Data Fig. 2 | Cohorts", "extended data figure 2"),
        ("Abb. 4: Der Aufbau", "figure 4"),
        ("Abbildung 4.2 – Aufbau", "figure 4.2"),
        ("Figura 5. Esquema", "figure 5"),
        ("图 5 系统结构", "figure 5"),
        ("图5：系统结构", "figure 5"),
        ("Рис. 3. Схема", "figure 3"),
        ("Chart 2.1: Prices", "chart 2.1"),
        ("Photo 3: The harbour", "photo 3"),
        ("Exhibit 4 – Cash flow", "exhibit 4"),
        ("Scheme 1. Synthesis", "scheme 1"),
        ("Table 2. Doses", "table 2"),
        ("TABLE II", "table ii"),
        ("Tabelle 3: Werte", "table 3"),
        ("Tableau 1 : Valeurs", "table 1"),
        ("表 1 结果", "table 1"),
    ],
)
def test_caption_is_recognised_and_labelled(text: str, label: str) -> None:
    (caption,) = find_captions(_page(_line(text, 50, 100)))
    assert (caption.label, caption.text) == (label, text)
    assert caption.kind == ("table" if label.startswith("table") else "figure")


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3 shows the growth by region.",
        "Figures 3 and 4 show the same.",
        "Table 2 lists the doses given.",
        "figure 3: as a word in a sentence",
        "Figure out what happened",
        "Table of contents",
    ],
)
def test_sentence_that_begins_like_a_caption_is_ignored(text: str) -> None:
    assert find_captions(_page(_line(text, 50, 100))) == ()


def test_sentence_with_a_line_break_before_its_figure_is_ignored() -> None:
    page = _page(
        _line("The measured values rise steadily, as can be seen in", 50, 100),
        _line("Figure 3. After that they fall again, but slowly so.", 50, 112),
        _line("None of the models that we tried explains the fall.", 50, 124),
    )
    assert find_captions(page) == ()


def test_bold_label_needs_no_punctuation() -> None:
    (caption,) = find_captions(_page(_line("Fig. 3 effect of heat", 50, 100, lead=6)))
    assert caption.label == "figure 3"


def test_caption_has_all_its_lines_but_not_the_next_paragraph() -> None:
    page = _page(
        _line("Figure 2. The yield of each plot in the dry year, mea-", 50, 300, size=9),
        _line("sured at harvest. Bars are standard errors.", 50, 311, size=9),
        _line("The next paragraph of the article starts here.", 50, 340, block=1),
    )
    (caption,) = find_captions(page)
    assert caption.text == (
        "Figure 2. The yield of each plot in the dry year, mea- sured at harvest. Bars are standard errors."
    )
    assert caption.lines == {0, 1}
    assert caption.box == (50, 291, page.lines[0].box[2], 311)


def test_captions_side_by_side_stay_separate() -> None:
    page = _page(
        _line("Figure 1. Left plot,", 50, 300, size=9),
        _line("Figure 2. Right plot,", 320, 300, size=9, block=1),
        _line("from above.", 50, 311, size=9),
        _line("from below.", 320, 311, size=9, block=1),
    )
    assert [c.text for c in find_captions(page)] == [
        "Figure 1. Left plot, from above.",
        "Figure 2. Right plot, from below.",
    ]


def test_label_on_its_own_line_is_joined_with_its_text() -> None:
    page = _page(_line("Figure 1", 50, 300, bold=True), _line("The apparatus in use", 50, 312))
    assert find_captions(page)[0].text == "Figure 1 The apparatus in use"


def test_running_headers_are_ignored() -> None:
    page = _page(_line("Table 1: Contents of volume two", 50, 30), _line("Table 1: Doses", 50, 300))
    assert [c.lines for c in find_captions(page, frozenset({0}))] == [{1}]


def test_caption_ends_where_the_table_begins() -> None:
    caption = _line("Table 3. Yield of the orchards", 50, 100, block=1)
    header = _line("Orchard", 50, 113, block=1)
    (found,) = find_captions(_page(caption, header), tables=[(50, 103, 300, 200)])
    assert found.text == "Table 3. Yield of the orchards"


@pytest.mark.parametrize(
    "beside",
    [_line("bars shows of the year", 70, 103, block=2), _line("Recurse 28.26 9.47", 160, 89, block=2)],
    ids=["in the next column", "last row of a table above"],
)
def test_text_of_another_block_does_not_run_into_a_caption(beside: Line) -> None:
    (caption,) = find_captions(_page(_line("Figure 4: Object transfers over time", 190, 100, block=1), beside))
    assert caption.label == "figure 4"


def test_label_with_a_comma_begins_a_sentence() -> None:
    assert not find_captions(_page(_line("Figure 7, showing code by the authors", 50, 100)))
