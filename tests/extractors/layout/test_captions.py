"""Captions: recognised in many forms, read in full, told apart from sentences; references in running text."""

from __future__ import annotations

import pytest

from extractors.layout import captions
from extractors.layout.labels import mentioned_labels
from extractors.page import Line, PageLayout


def _line(
    text: str, x: float, y: float, *, size: float = 10, bold: bool = False, lead: int = 0, block: int = 0
) -> Line:
    """Set in a font half as wide as high, on the base line `y`."""
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
        ("Exhibit 4 – Cash flow", "exhibit 4"),
        ("Scheme 1. Synthesis", "scheme 1"),
        ("Table 2. Doses", "table 2"),
        ("TABLE II", "table ii"),
        ("Tabelle 3: Werte", "table 3"),
        ("Tableau 1 : Valeurs", "table 1"),
        ("表 1 结果", "table 1"),
    ],
)
def test_a_caption_is_recognised_and_labelled(text: str, label: str) -> None:
    (caption,) = captions.find_captions(_page(_line(text, 50, 100)))
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
def test_a_sentence_that_begins_alike_is_no_caption(text: str) -> None:
    assert captions.find_captions(_page(_line(text, 50, 100))) == ()


def test_a_sentence_that_breaks_before_its_figure_is_no_caption() -> None:
    page = _page(
        _line("The measured values rise steadily, as can be seen in", 50, 100),
        _line("Figure 3. After that they fall again, but slowly so.", 50, 112),
        _line("None of the models that we tried explains the fall.", 50, 124),
    )
    assert captions.find_captions(page) == ()


def test_a_bold_label_makes_a_caption_without_punctuation() -> None:
    (caption,) = captions.find_captions(_page(_line("Fig. 3 effect of heat", 50, 100, lead=6)))
    assert caption.label == "figure 3"


def test_all_lines_of_a_caption_belong_to_it_and_the_paragraph_after_it_does_not() -> None:
    page = _page(
        _line("Figure 2. The yield of each plot in the dry year, mea-", 50, 300, size=9),
        _line("sured at harvest. Bars are standard errors.", 50, 311, size=9),
        _line("The next paragraph of the article starts here.", 50, 340, block=1),
    )
    (caption,) = captions.find_captions(page)
    assert caption.text == (
        "Figure 2. The yield of each plot in the dry year, measured at harvest. Bars are standard errors."
    )
    assert caption.lines == {0, 1}
    assert caption.box == (50, 291, page.lines[0].box[2], 311)


def test_captions_side_by_side_are_not_mixed() -> None:
    page = _page(
        _line("Figure 1. Left plot,", 50, 300, size=9),
        _line("Figure 2. Right plot,", 320, 300, size=9, block=1),
        _line("from above.", 50, 311, size=9),
        _line("from below.", 320, 311, size=9, block=1),
    )
    assert [c.text for c in captions.find_captions(page)] == [
        "Figure 1. Left plot, from above.",
        "Figure 2. Right plot, from below.",
    ]


def test_a_label_on_a_line_of_its_own_takes_its_text() -> None:
    page = _page(_line("Figure 1", 50, 300, bold=True), _line("The apparatus in use", 50, 312))
    assert captions.find_captions(page)[0].text == "Figure 1 The apparatus in use"


def test_running_headers_are_passed_over() -> None:
    page = _page(_line("Table 1: Contents of volume two", 50, 30), _line("Table 1: Doses", 50, 300))
    assert [c.lines for c in captions.find_captions(page, frozenset({0}))] == [{1}]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("as Fig. 3 shows", ("figure 3",)),
        ("see Figs. 3 and 4", ("figure 3", "figure 4")),
        ("Figure 3a-c differ", ("figure 3a", "figure 3b", "figure 3c")),
        ("(Figure 3A, B)", ("figure 3a", "figure 3b")),
        ("Figures 3(a) and 5", ("figure 3a", "figure 5")),
        ("in Tables 1–3 and in Figure 2", ("table 1", "table 2", "table 3", "figure 2")),
        ("siehe Abb. 4 und Tabelle 2", ("figure 4", "table 2")),
        ("如图5所示", ("figure 5",)),
        ("Table 2.1 and again Table 2.1", ("table 2.1",)),
        ("Figure 3 a study", ("figure 3",)),
        ("we figure out 3 tables", ()),
        ("stable 4 configurations", ()),
    ],
)
def test_references_in_running_text(text: str, labels: tuple[str, ...]) -> None:
    assert mentioned_labels(text) == labels
