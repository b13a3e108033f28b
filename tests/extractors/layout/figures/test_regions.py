"""Which words and marks belong to a picture, on pages laid out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractors.page import Drawing, Line
from tests.support.drawn_pages import (
    draw_plot,
    draw_rule,
    find,
    make_page,
    place_photo,
    write_line,
    write_prose,
)


def _draw_bars() -> list[Drawing]:
    bars = [(200, 120 + 30 * n, 300 + 25 * n, 140 + 30 * n) for n in range(5)]
    return [Drawing(box, 1, filled=True, stroked=False, fill=(0.2, 0.3, 0.8), rectangle=True) for box in bars]


def _name_bars() -> list[Line]:
    return [write_line(f"Name {n}", 160, 135 + 30 * n) for n in range(5)]


def test_text_below_a_framed_photo_is_no_label() -> None:
    photo = place_photo(50, 100, 290, 300)
    frame = Drawing((49, 99, 291, 301), 1, filled=False, stroked=True, stroke=(0, 0, 0), rectangle=True)
    text = write_line("The town hall", 60, 314)
    (figure,) = find(make_page([text], [photo], [frame])).figures
    assert figure.box == frame.box


def test_framed_photos_with_a_line_between_them_are_two_figures() -> None:
    boxes = [(50, 100, 290, 240), (50, 265, 290, 400)]
    photos = [place_photo(*box, digest=str(box)) for box in boxes]
    frames = [Drawing(box, 1, filled=False, stroked=True, stroke=(0, 0, 0), rectangle=True) for box in boxes]
    figures = find(make_page([write_line("The town hall", 60, 252)], photos, frames)).figures
    assert [figure.box for figure in figures] == boxes


def test_photos_with_marks_on_them_are_two_figures_without_the_text_beside() -> None:
    boxes = [(100, 100, 300, 240), (307, 100, 500, 240)]
    photos = [place_photo(*box, digest=str(box)) for box in boxes]
    marks = [draw_rule(120, 200, 280), draw_rule(330, 200, 480)]
    figures = find(make_page([write_line("Old town", 505, 120)], photos, marks)).figures
    assert [figure.box for figure in figures] == boxes


def test_ticks_at_an_image_make_it_a_plot_with_labels() -> None:
    ticks = [
        Drawing((100 + 50 * n, 300, 100 + 50 * n, 303), 1, filled=False, stroked=True, rectangle=True) for n in range(5)
    ]
    names = [write_line(str(n), 98 + 50 * n, 314, 8) for n in range(5)]
    (figure,) = find(make_page(names, [place_photo(100, 100, 300, 300)], ticks)).figures
    assert figure.box[3] > 310


@pytest.mark.parametrize(
    ("rows", "top"),
    [
        (["There are", "more of them", "than it was", "known before"], 65),
        (["Peru", "Chile", "Brazil", "Cuba", "Haiti"], 120),
        (
            ["It is known to", "all of us that", "there are more", "of them than", "there were", "in former years"] * 2,
            120,
        ),
    ],
    ids=["heading", "list", "text"],
)
def test_short_text_at_a_chart_belongs_to_it_as_a_whole_and_longer_text_does_not(rows: list[str], top: float) -> None:
    text = [write_line(row, 215, 117 - 14 * n) for n, row in enumerate(reversed(rows))]
    (figure,) = find(make_page([*_name_bars(), *text], drawings=_draw_bars())).figures
    assert figure.box[1] == pytest.approx(top, abs=2)


def test_words_of_a_table_are_no_labels_of_the_chart_beside_it() -> None:
    cells = [write_line(word, x, 140 + 30 * n) for n in range(5) for x, word in ((70, "of them"), (130, "12"))]
    page = make_page([*_name_bars(), *cells], drawings=_draw_bars())
    figure, _ = find(page, ((68, 128, 142, 264),)).figures
    assert figure.box[0] == 160


def test_path_with_the_rules_of_two_tables_is_no_figure() -> None:
    cells = [write_line("12", x, y + 14 * n) for y in (112, 312) for n in range(6) for x in (110, 210, 310)]
    rules = Drawing((98, 96, 342, 392), 60, filled=False, stroked=True, stroke=(0, 0, 0))
    found = find(make_page(cells, drawings=[rules]), ((100, 98, 340, 190), (100, 298, 340, 390)))
    assert [figure.kind for figure in found.figures] == ["table", "table"]


def test_narrow_paragraph_beside_a_chart_is_no_label() -> None:
    rows = [
        "Similar shares of them",
        "(70%) and of the others",
        "(72%) say that they are",
        "not in favour of more",
        "(88%).",
    ]
    text = [write_line(row, 40, 140 + 13 * n) for n, row in enumerate(rows)]
    (figure,) = find(make_page([*_name_bars(), *text], drawings=_draw_bars())).figures
    assert figure.box[0] == 160


def test_axis_far_below_its_curve_is_part_of_the_chart() -> None:
    drawings, _ = draw_plot(100, 100, 400, 250)
    curve = [drawing for drawing in drawings if not drawing.rectangle]
    axis = [
        draw_rule(100, 300, 400),
        *(
            Drawing((100 + 60 * n, 300, 100 + 60 * n, 306), 1, filled=False, stroked=True, rectangle=True)
            for n in range(6)
        ),
    ]
    years = [write_line(str(2000 + n), 90 + 60 * n, 318, 8) for n in range(6)]
    (figure,) = find(make_page(years, drawings=[*curve, *axis])).figures
    assert figure.box[1] < 112
    assert figure.box[3] == 320


def test_plots_with_axes_of_their_own_on_one_line_are_two_figures() -> None:
    (left, left_names), (right, right_names) = draw_plot(60, 100, 230, 250), draw_plot(280, 100, 450, 250)
    figures = find(make_page([*left_names, *right_names], drawings=[*left, *right])).figures
    assert len(figures) == 2


def test_stacked_bars_on_one_line_are_one_chart() -> None:
    bars = [(100 + 60 * n, 120 + 10 * n, 140 + 60 * n, 220) for n in range(4)]
    stacks = [box for x0, y0, x1, y1 in bars for box in ((x0, y0, x1, 170), (x0, 170, x1, y1))]
    drawings = [Drawing(box, 1, filled=True, stroked=False, fill=(0.2, 0.3, 0.8), rectangle=True) for box in stacks]
    names = [write_line(f"Q{n}", 110 + 60 * n, 232) for n in range(4)]
    (figure,) = find(make_page(names, drawings=drawings)).figures
    assert figure.box[2] == 320


def test_bars_without_the_axis_of_the_others_are_part_of_the_chart() -> None:
    axis = Drawing((200, 117, 200, 263), 1, filled=False, stroked=True, stroke=(0, 0, 0), rectangle=True)
    others = [replace(bar, box=(418, bar.box[1], 460, bar.box[3])) for bar in _draw_bars()]
    (figure,) = find(make_page(_name_bars(), drawings=[axis, *_draw_bars(), *others])).figures
    assert figure.box[2] == 460


def test_rows_filled_in_the_colour_of_their_box_do_not_show() -> None:
    grey = (0.9, 0.9, 0.85)
    drawings, ticks = draw_plot(300, 150, 500, 250)
    boxes = [(40, 90, 560, 500), *((50, 100 + 14 * n, 290, 114 + 14 * n) for n in range(20))]
    fills = [Drawing(box, 1, filled=True, stroked=False, fill=grey, rectangle=True) for box in boxes]
    text = [write_line("a few of the words", 50, 112 + 14 * n) for n in range(20)]
    (figure,) = find(make_page([*text, *ticks, *write_prose(50, 395, 8)], drawings=[*fills, *drawings])).figures
    assert figure.box[0] > 280


@pytest.mark.parametrize(("colour", "count"), [((0.3, 0.4, 0.5), 0), (None, 1)])
def test_bars_with_shadings_show_on_a_shading(colour: tuple[float, ...] | None, count: int) -> None:
    boxes = [(100, 100, 400, 300), *((120 + 20 * n, 120, 130 + 20 * n, 280 - 8 * n) for n in range(10))]
    fills = [Drawing(box, 1, filled=True, stroked=False, fill=colour, rectangle=True) for box in boxes]
    names = [write_line("Name", x, 130) for x in (110, 200, 300)]
    assert len(find(make_page([*names, *write_prose(50, 400, 8)], drawings=fills)).figures) == count


@pytest.mark.parametrize(("left", "count"), [(0, 0), (60, 1)])
def test_wordless_shapes_at_the_edge_of_a_page_of_text_are_ornaments(left: float, count: int) -> None:
    boxes = [(left + 40 * n, 60 + 40 * n, left + 60 + 40 * n, 120 + 40 * n) for n in range(4)]
    shapes = [Drawing(box, 6, filled=True, stroked=False, fill=(0.2, 0.3, 0.5), slanted=True) for box in boxes]
    assert len(find(make_page(write_prose(50, 400, 8), drawings=shapes)).figures) == count


def test_band_behind_a_heading_is_no_part_of_the_photo_below() -> None:
    band = Drawing((50, 84, 550, 99), 1, filled=True, stroked=False, fill=(0.9, 0.8, 0.8), rectangle=True)
    border = [replace(band, box=box) for box in ((49, 84, 50, 99), (550, 84, 551, 99), (49, 99, 551, 100))]
    lines = [write_line("Interface", 55, 95), *write_prose(50, 400, 6)]
    (figure,) = find(make_page(lines, [place_photo(90, 102, 500, 300)], [band, *border])).figures
    assert figure.box == (90, 102, 500, 300)


def test_long_bars_with_words_on_them_are_a_chart() -> None:
    bars = [(100, 120 + 24 * n, 400 + 30 * n, 138 + 24 * n) for n in range(5)]
    drawings = [Drawing(box, 1, filled=True, stroked=False, fill=(0.2, 0.3, 0.8), rectangle=True) for box in bars]
    names = [write_line(f"Region {n}", 110, 132 + 24 * n) for n in range(5)]
    (figure,) = find(make_page([*names, *write_prose(50, 400, 6)], drawings=drawings)).figures
    assert figure.box == (100, 120, 520, 234)
