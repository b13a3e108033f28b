"""Text inside figures: cards and listings are text, labels of a drawing are not."""

from __future__ import annotations

from dataclasses import replace

from extractors.layout.figures.figure_text import text_in_figures
from extractors.layout.figures.figures import Figure
from extractors.page import Line, PageLayout
from extractors.types import Box
from tests.support.drawn_pages import place_photo

FIGURE: Box = (50, 100, 350, 500)
BODY_SIZE = 10


def _line(text: str, x: float, base: float, *, size: float = 10, font: str = "Serif", bold: bool = False) -> Line:
    return Line((x, base - size, x + 0.5 * size * len(text), base + 2), text, size, font, bold=bold)


def _texts(*lines: Line) -> list[str]:
    layout = PageLayout(1, 400, 600, lines)
    return [lines[i].text for i in sorted(text_in_figures(layout, frozenset(range(len(lines))), [], BODY_SIZE))]


def _texts_on(figure: Figure, *lines: Line) -> list[str]:
    layout = PageLayout(1, 400, 600, lines)
    return [lines[i].text for i in sorted(text_in_figures(layout, frozenset(range(len(lines))), [figure], BODY_SIZE))]


def test_card_is_text_with_its_heading() -> None:
    card = [
        _line("Digital upskilling", 60, 140, size=14, bold=True),
        _line("To prepare for our", 60, 158),
        _line("rapidly changing world,", 60, 170),
        _line("we have placed skills at", 60, 182),
        _line("the heart of our culture.", 60, 194),
    ]
    labels = [_line("2019", 200, 300), _line("Sales", 200, 330), _line("Costs of all", 200, 360)]
    assert _texts(*card, *labels) == [line.text for line in card]


def test_title_of_an_axis_above_the_caption_is_no_text() -> None:
    title = _line("Latitude", 180, 495, size=14, bold=True)
    caption = _line("Figure 6. Radiation on the horizontal plane, as a function of the latitude.", 60, 512)
    layout = PageLayout(1, 400, 600, (title, caption))
    assert not text_in_figures(layout, {0}, [], BODY_SIZE)


def test_listing_is_text() -> None:
    rows = ("import os", "print(1)", "x = 2")
    code = [_line(text, 60, 140 + 12 * n, font="ABCDEF+CourierNew") for n, text in enumerate(rows)]
    assert _texts(*code) == [line.text for line in code]


def test_paragraph_that_an_image_reaches_into_stays_whole() -> None:
    lines = [
        _line("The capacity of drugs was examined in several ways over time,", 60, 120 + 12 * n) for n in range(4)
    ] + [_line("and it was high.", 60, 168)]
    layout = PageLayout(1, 400, 600, tuple(lines))
    assert text_in_figures(layout, {3, 4}, [], BODY_SIZE) == {3, 4}


def test_words_of_a_scanned_page_are_text_unless_its_figure_has_a_caption() -> None:
    lines = [replace(_line(text, 60, 140), ocr=True) for text in ("Guest bath", "Laundry")]
    page = PageLayout(1, 350, 500, tuple(lines))
    assert text_in_figures(page, {0, 1}, [Figure("figure", page.box)], BODY_SIZE) == {0, 1}
    assert not text_in_figures(page, {0, 1}, [], BODY_SIZE)


def test_text_on_a_picture_as_wide_as_the_page_is_text() -> None:
    box = (0.0, 100.0, 400.0, 350.0)
    lines = _line("Jane Doe, Institute", 60, 200, size=12), _line("North dam", 60, 250, size=8)
    assert _texts_on(Figure("figure", box, rasters=(place_photo(*box),)), *lines) == ["Jane Doe, Institute"]
    assert _texts_on(Figure("figure", box), *lines) == []  # labels of a drawing


def test_title_on_a_picture_is_text_and_labels_are_not() -> None:
    lines = _line("Storage for islands", 60, 200, size=20), _line("45 %", 60, 250, size=20), _line("Pump", 60, 300)
    assert _texts_on(Figure("figure", FIGURE, rasters=(place_photo(*FIGURE),)), *lines) == ["Storage for islands"]
    assert _texts_on(Figure("figure", FIGURE), *lines) == ["Storage for islands"]
    ticks = [_line(f"{n}0", 60 + 40 * n, 400) for n in range(4)]
    assert _texts_on(Figure("figure", FIGURE), *lines, *ticks) == []  # the title of a plot
