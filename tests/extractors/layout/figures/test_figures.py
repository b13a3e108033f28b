"""What is a figure, on pages laid out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from extractors.geometry import coverage
from extractors.layout.figures.figures import find_figures
from extractors.layout.furniture import Furniture
from extractors.layout.page_sample import PageSample
from extractors.page import Drawing, Line, PageLayout
from extractors.types import Box
from tests.support.drawn_pages import (
    draw_box,
    draw_plot,
    draw_rule,
    find,
    make_page,
    place_photo,
    write_line,
    write_prose,
)


def test_photo_gets_its_caption() -> None:
    page = make_page(
        [*write_prose(50, 400, 6), write_line("Figure 1. A photo.", 50, 320)], [place_photo(50, 100, 290, 300)]
    )
    (figure,) = find(page).figures
    assert (figure.kind, figure.label, figure.box) == ("figure", "figure 1", (50, 100, 290, 300))
    assert figure.caption == "Figure 1. A photo."
    assert figure.alone


def test_map_with_many_names_is_a_figure_but_an_image_below_a_table_is_not() -> None:
    image = place_photo(50, 100, 550, 700)
    scattered = [write_line(f"Town {'abcdefgh'[n % 8]}", 60 + 83 * n % 420, 110 + 9.5 * n) for n in range(60)]
    (figure,) = find(make_page(scattered, [image])).figures
    assert figure.box == image.box
    table = [write_line(f"Town {n}", 60 + 110 * (n % 4), 110 + 20 * (n // 4)) for n in range(100)]
    assert not find(make_page(table, [image])).figures


def test_plot_includes_its_tick_labels_but_not_the_text() -> None:
    drawings, ticks = draw_plot(100, 100, 280, 250)
    prose = write_prose(50, 330, 6)
    found = find(make_page([*ticks, write_line("Figure 1: A plot.", 60, 290), *prose], drawings=drawings))
    (figure,) = found.figures
    assert round(figure.box[3]) == 264  # down to the tick labels
    assert found.inside == set(range(len(ticks)))
    assert found.caption_lines == {len(ticks)}
    assert not figure.alone


@pytest.mark.parametrize(
    ("shapes", "lines"),
    [
        (
            [draw_box(50, 100, 300, 220)],
            [write_line(f"if x[{n}] < y[{n}]: swap(x, y, {n})", 60, 115 + 11 * n, 9, "Mono") for n in range(9)],
        ),
        (
            [draw_box(50, 100, 550, 160), Drawing((500, 90, 560, 150), 4, filled=True, stroked=False, curved=True)],
            [write_line("Annual report of the harbour", 70, 140, 26, "Sans")],
        ),
        ([draw_box(50, 100 + 40 * n, 150, 116 + 40 * n) for n in range(4)], [write_line("stable", 60, 112, 9, "Sans")]),
    ],
    ids=["framed listing", "title on a banner", "tags"],
)
def test_decorated_text_is_no_figure(shapes: list[Drawing], lines: list[Line]) -> None:
    assert find(make_page([*lines, *write_prose(50, 400, 12)], drawings=shapes)).figures == ()


def test_rounded_cards_of_text_are_no_figure() -> None:
    boxes = [(40.0, 90.0, 320.0, 190.0), (40.0, 200.0, 320.0, 300.0)]
    cards = [Drawing(box, 36, filled=True, stroked=False, fill=(0.9, 0.95, 0.9), curved=True) for box in boxes]
    lines = [*write_prose(60, 110, 3, width=200), *write_prose(60, 220, 3, width=200)]
    assert not find(make_page(lines, drawings=cards)).figures


def test_listing_in_a_box_of_many_segments_is_no_figure() -> None:
    box = Drawing((40, 90, 320, 190), 20, filled=True, stroked=False, fill=(0.9, 0.95, 0.9), curved=True)
    lines = [write_line(f"if x[{n}] < y[{n}]: swap(x, {n})", 60, 115 + 18 * n, 9, "Mono") for n in range(4)]
    assert not find(make_page(lines, drawings=[box])).figures


def test_rule_below_a_caption_is_no_figure() -> None:
    lines = [*write_prose(50, 100, 6), write_line("Figure 1. Not here.", 50, 220)]
    assert not find(make_page(lines, drawings=[draw_rule(50, 226, 160)])).figures


def test_text_with_a_shadow_is_no_figure() -> None:
    title = write_line("Results of the survey", 60, 130, 24)
    assert (
        find(make_page([title, *write_prose(50, 400, 6)], [place_photo(58, 104, 316, 136, digest="shadow")])).figures
        == ()
    )


def test_blank_strips_of_a_scan_belong_to_its_background() -> None:
    strips = [place_photo(0, y, 600, y + 50, digest="blank" if y % 100 else str(y)) for y in range(0, 800, 50)]
    repeated = Furniture.learn(PageSample.of(make_page([], strips)) for _ in range(4))
    assert find_figures(make_page([], strips), (), repeated).figures == ()


def test_slices_of_one_image_are_one_figure() -> None:
    slices = [place_photo(50, y, 290, y + 50, digest=str(y)) for y in (100, 150, 200)]
    (figure,) = find(make_page(write_prose(50, 400, 6), slices)).figures
    assert len(figure.rasters) == 3
    assert figure.box == (50, 100, 290, 250)


def test_chart_in_a_card_with_text_is_a_figure_without_the_card() -> None:
    drawings, ticks = draw_plot(90, 180, 270, 300)
    card = Drawing((40, 90, 320, 380), 1, filled=True, stroked=False, fill=(0.95, 0.95, 0.98), rectangle=True)
    text = write_prose(60, 110, 4)
    caption = write_line("Figure 1. Yield of the orchards in three years.", 60, 350, 9)
    (figure,) = find(make_page([*text, *ticks, caption], drawings=[card, *drawings])).figures
    assert figure.label == "figure 1"
    assert figure.box == pytest.approx((85, 180, 275, 312), abs=8)


def test_text_beside_and_below_a_photo_does_not_part_it_from_its_caption() -> None:
    beside, below = write_prose(50, 100, 14, width=200), write_prose(50, 282, 3, width=500)
    page = make_page(
        [*beside, *below, write_line("Figure 1. A photo of the orchard.", 280, 262, 9)],
        [place_photo(280, 100, 550, 245)],
    )
    (figure,) = find(page).figures
    assert figure.label == "figure 1"


def test_only_panel_letters_are_labels_of_a_photo() -> None:
    photo = place_photo(50, 100, 290, 300)
    for text, bottom in (("(a)", 314), ("•", 300), ("John Smith", 300)):
        (figure,) = find(make_page([write_line(text, 160, 312)], [photo])).figures
        assert figure.box == (50, 100, 290, bottom), text


def test_names_beside_the_bars_of_a_scanned_chart_belong_to_it() -> None:
    names = [replace(write_line("Apples and pears", 96, 112 + 30 * n), ocr=True) for n in range(5)]
    end = names[0].box[2]
    chart = place_photo(end + 2, 100, end + 200, 260)
    text = replace(write_line("as in the year before", end + 2, 273), ocr=True)
    (figure,) = find(make_page([*names, text], [chart])).figures
    assert figure.box == (names[0].box[0], 100, end + 200, 260)


def test_text_that_goes_on_beside_a_plot_is_no_label() -> None:
    drawings, ticks = draw_plot(200, 100, 380, 250)
    warning = write_line("## Warning: it is deprecated", 90, 95)
    watermark = replace(write_line("DRAFT", 390, 0), box=(390, 20, 402, 700), horizontal=False, angle=90)
    (figure,) = find(make_page([*ticks, warning, watermark], drawings=drawings)).figures
    assert figure.box[0] > 190
    assert figure.box[1] == 100
    assert figure.box[3] < 270


def test_two_photos_apart_are_two_figures() -> None:
    page = make_page(
        write_prose(50, 400, 6), [place_photo(50, 100, 280, 300), place_photo(320, 100, 550, 300, digest="other")]
    )
    assert len(find(page).figures) == 2


@pytest.mark.parametrize(
    "drawing",
    [
        draw_rule(50, 390, 550),
        Drawing((50, 410, 290, 424), 1, filled=True, stroked=False, fill=(1, 1, 0), rectangle=True),
        Drawing((40, 395, 300, 660), 1, filled=True, stroked=True, fill=(0.9, 0.9, 1), rectangle=True),
        Drawing((0, 0, 600, 800), 1, filled=True, stroked=False, fill=(0.9, 0.9, 0.8), rectangle=True),
        Drawing((0, 0, 400, 500), 8, filled=True, stroked=False, fill=(0.9, 1, 1), curved=True),
        Drawing((0, 0, 16, 800), 20, filled=True, stroked=False, fill=(0.2, 0.2, 0.9), curved=True),
        Drawing((20, 100, 600, 300), 20, filled=True, stroked=False, fill=(0.9, 1, 1), rectangle=True),
        Drawing((310, 100, 500, 300), 30, filled=True, stroked=False, fill=(1, 1, 1), curved=True),
    ],
    ids=["rule", "highlight", "box around text", "background", "bleeding ornament", "stripe", "band", "white on white"],
)
def test_decoration_is_no_figure(drawing: Drawing) -> None:
    found = find(make_page(write_prose(50, 400, 20), drawings=[drawing]))
    assert not found.figures
    assert not found.flagged


def test_rules_of_a_table_are_no_second_figure() -> None:
    rules = [draw_rule(50, y, 290) for y in (100, 120, 200)]
    cells = [write_line("12.5", x, y, 8) for x in (60, 140, 220) for y in (115, 135, 155, 175, 195)]
    lines = [*cells, write_line("Table 1. Doses.", 50, 95), *write_prose(50, 400, 6)]
    (table,) = find(make_page(lines, drawings=rules), tables=((50, 100, 290, 200),)).figures
    assert (table.kind, table.label, table.box) == ("table", "table 1", (50, 100, 290, 200))


def test_repeated_logo_is_ignored_but_photo_is_not() -> None:
    def page(number: int) -> PageLayout:
        rasters = (
            place_photo(500, 20, 560, 60, digest="logo"),
            place_photo(50, 100, 290, 300, digest=f"photo {number}"),
        )
        return PageLayout(number, 600, 800, tuple(write_prose(50, 400, 6)), rasters)

    pages = [page(number) for number in range(1, 9)]
    furniture = Furniture.learn(map(PageSample.of, pages))
    for one in pages:
        assert [figure.box for figure in find_figures(one, (), furniture).figures] == [(50, 100, 290, 300)]


def test_scanned_page_is_visual_but_no_figure() -> None:
    found = find(make_page([], [place_photo(0, 0, 600, 800)]))
    assert not found.figures
    assert found.visual
    assert found.flagged


def test_charts_side_by_side_under_their_own_headings_are_two_figures() -> None:
    left, left_ticks = draw_plot(60, 140, 270, 250)
    right, right_ticks = draw_plot(290, 140, 500, 250)
    pane = Drawing((50, 100, 510, 280), 1, filled=True, stroked=False, fill=(0.9, 0.9, 0.9), rectangle=True)
    headings = [
        write_line("Trains", 120, 125, 9, bold=True, font="Sans"),
        write_line("Buses", 350, 125, 9, bold=True, font="Sans"),
    ]
    lines = [*headings, *left_ticks, *right_ticks, *write_prose(50, 400, 6)]
    boxes = [figure.box for figure in find(make_page(lines, drawings=[pane, *left, *right])).figures]
    assert [(round(box[0]), round(box[2])) for box in boxes] == [(55, 273), (285, 503)]


def test_photos_beside_each_other_are_not_merged() -> None:
    photos = [place_photo(50, 100, 200, 250, digest="left"), place_photo(202, 100, 350, 250, digest="right")]
    frame = Drawing((202, 100, 350, 250), 1, filled=False, stroked=True, rectangle=True)
    boxes = [figure.box for figure in find(make_page(write_prose(50, 400, 6), photos, [frame])).figures]
    assert boxes == [(50, 100, 200, 250), (202, 100, 350, 250)]


def test_badge_between_photos_does_not_merge_them() -> None:
    photos = [place_photo(50, 100, 190, 400, digest="tall")]
    photos += [place_photo(x, y, x + 140, y + 140, digest=f"{x}{y}") for y in (150, 295) for x in (195, 340)]
    badge = Drawing((195, 110, 245, 125), 30, filled=True, stroked=False, fill=(0.1, 0.1, 0.1), curved=True)
    names = [write_line("Kitchen", 200, 165), write_line("p. 96", 345, 165)]
    found = find(make_page(names, photos, [badge]))
    assert {photo.box for photo in photos[1:]} <= {figure.box for figure in found.figures}


def test_pane_behind_a_photo_and_text_is_no_part_of_the_photo() -> None:
    pane = Drawing((40, 90, 560, 260), 1, filled=True, stroked=False, fill=(0.1, 0.1, 0.1), rectangle=True)
    (figure,) = find(make_page(write_prose(50, 400, 6), [place_photo(60, 100, 200, 250)], [pane])).figures
    assert figure.box == (60, 100, 200, 250)


def test_rule_between_sections_is_no_panel_of_a_figure() -> None:
    rules = [draw_rule(0, 290, 500), Drawing((60, 289, 60, 291), 1, filled=False, stroked=True, rectangle=True)]
    lines = [
        write_line("Figure 1. Above.", 300, 90),
        write_line("The next section", 60, 312, 14, bold=True),
        *write_prose(50, 400, 6),
    ]
    (figure,) = find(make_page(lines, [place_photo(300, 100, 420, 250)], rules)).figures
    assert figure.box == (300, 100, 420, 250)


def test_scattered_points_on_a_pane_are_a_plot() -> None:
    pane = Drawing((100, 100, 300, 250), 1, filled=True, stroked=False, fill=(0.9, 0.9, 0.9), rectangle=True)
    points = [
        Drawing((x, 245 - n * 20, x + 3, 248 - n * 20), 4, filled=True, stroked=False, curved=True)
        for n, x in enumerate(range(110, 290, 30))
    ]
    ticks = [write_line(str(n * 25), 100 + 40 * n, 262, 8, "Sans") for n in range(5)]
    (figure,) = find(make_page([*ticks, *write_prose(50, 400, 6)], drawings=[pane, *points])).figures
    assert coverage(pane.box, figure.box) == 1


def test_bars_filled_and_outlined_are_a_chart_not_a_grid() -> None:
    bars = [(150, 100 + 20 * n, 500 - 25 * n, 112 + 20 * n) for n in range(10)]
    fills = [Drawing(bar, 1, filled=True, stroked=False, fill=(0, 0, 1), rectangle=True) for bar in bars]
    outlines = [Drawing(bar, 1, filled=False, stroked=True, stroke=(0, 0, 0), rectangle=True) for bar in bars]
    names = [write_line(f"City {n}", 100, 110 + 20 * n, 8, "Sans") for n in range(10)]
    (figure,) = find(make_page(names, drawings=[*fills, *outlines])).figures
    assert coverage((100, 100, 500, 292), figure.box) > 0.95


def test_letterhead_and_band_at_the_head_are_no_figures() -> None:
    letterhead = place_photo(80, 40, 520, 90, digest="crest")
    band = place_photo(0, 760, 600, 800, digest="band")
    assert not find(make_page(write_prose(50, 200, 12), [letterhead, band])).figures


def test_masthead_of_a_journal_is_no_figure() -> None:
    logos = [place_photo(40, 70, 100, 150, digest="tree"), place_photo(500, 70, 560, 150, digest="cover")]
    pane = Drawing((110, 70, 490, 150), 1, filled=True, stroked=False, fill=(0.9, 0.9, 0.9), rectangle=True)
    names = [write_line("Contents lists available", 200, 90, 8), write_line("Science of Trees", 200, 120, 14)]
    rule = Drawing((40, 152, 560, 156), 1, filled=True, stroked=False, fill=(0, 0, 0), rectangle=True)
    page = make_page([*names, *write_prose(50, 300, 12)], logos, [pane, rule])
    assert not find(page).figures
    assert find(replace(page, number=2)).figures


def test_tab_of_a_chapter_at_the_side_is_no_figure() -> None:
    tab = Drawing((560, 400, 600, 640), 60, filled=True, stroked=False, fill=(0.9, 0.7, 0.4), curved=True)
    name = Line((572, 460, 584, 580), "The year in brief", 10, "Serif", angle=90)
    assert not find(make_page([*write_prose(50, 200, 12), name], drawings=[tab])).figures


def test_white_strokes_are_visible_on_a_dark_page() -> None:
    night = Drawing((0, 0, 600, 800), 1, filled=True, stroked=False, fill=(0, 0, 0.1), rectangle=True)
    white = (1.0, 1.0, 1.0)
    circles = [
        Drawing((100 + 60 * n, 300, 150 + 60 * n, 350), 4, filled=False, stroked=True, stroke=white, curved=True)
        for n in range(4)
    ]
    labels = [write_line(str(n), 120 + 60 * n, 330) for n in range(4)]
    assert not find(make_page(labels, drawings=circles)).figures  # nothing shows on paper
    (figure,) = find(make_page(labels, drawings=[night, *circles])).figures
    assert figure.box == (100, 300, 330, 350)


def test_large_sheet_is_searched_like_a_page() -> None:
    small = make_page(
        [*write_prose(50, 400, 6), write_line("Figure 1. A photo.", 50, 320)], [place_photo(50, 100, 290, 300)]
    )
    (figure,) = find_figures(small.scaled(4), (), Furniture(1, {}, 40.0)).figures
    assert (figure.label, [round(edge) for edge in figure.box]) == ("figure 1", [200, 400, 1160, 1200])


def test_each_photo_of_a_mosaic_is_a_figure() -> None:
    places: list[Box] = [(60, 60, 160, 160), (160, 60, 260, 160), (60, 160, 160, 260), (160, 160, 260, 260)]
    blocks = [
        Drawing(box, items=1, filled=True, stroked=False, fill=(0, 0.6, 0.7), rectangle=True) for box in places[1:3]
    ]
    photos = [place_photo(*places[0], digest="one"), place_photo(*places[3], digest="two")]
    found = find(make_page([write_line("Annual report", 300, 400, 30)], photos, blocks))
    assert [figure.box for figure in found.figures] == [places[0], places[3]]


def test_title_page_is_visual_but_the_last_lines_of_a_chapter_are_not() -> None:
    title = [
        write_line("Improving the water supply", 150, 200, 24),
        write_line("A hearing of the council", 200, 260, 12),
    ]
    assert find(make_page(title)).visual
    assert not find(make_page(write_prose(50, 60, 4))).visual
    assert not find(make_page([])).visual


def test_legend_that_reads_like_a_table_is_part_of_its_figure() -> None:
    drawings, ticks = draw_plot(100, 100, 400, 300)
    page = make_page([*ticks, write_line("Figure 1: A plot.", 100, 340)], drawings=drawings)
    (figure,) = find(page, tables=((250, 120, 390, 180),)).figures
    assert figure.label == "figure 1"


def test_background_of_a_section_is_no_figure() -> None:
    drawings, ticks = draw_plot(330, 220, 520, 350)
    section = Drawing((0, 200, 570, 400), 1, filled=True, stroked=False, fill=(0.96, 0.96, 0.96), rectangle=True)
    (figure,) = find(make_page([*ticks, *write_prose(40, 220, 3, 200)], drawings=[section, *drawings])).figures
    assert figure.box[0] > 300


@pytest.mark.parametrize(
    ("side", "rows", "is_figure"),
    [(10, (0, 6, 8, 13, 17), False), (18, (0, 6, 8, 13, 17), True), (10, range(18), True)],
)
def test_symbols_after_names_are_no_figure(side: float, rows: Sequence[int], is_figure: bool) -> None:
    names = [write_line("Ada Lovelace", 50 + 20 * (row % 3 == 0), 100 + 12 * row) for row in range(18)]
    corners = [(names[row].box[2] + 2, names[row].box[1]) for row in rows]
    icons = [Drawing((x, y, x + side, y + side), 40, filled=True, stroked=False, curved=True) for x, y in corners]
    assert bool(find(make_page([*names, *write_prose(50, 400, 12)], drawings=icons)).figures) == is_figure


def test_dots_beside_text_are_a_figure() -> None:
    corners = [(330 + 7 * column, 100 + 7 * row) for column in range(20) for row in range(20)]
    dots = [Drawing((x, y, x + 3, y + 3), 4, filled=True, stroked=False, curved=True) for x, y in corners]
    assert len(find(make_page(write_prose(50, 90, 20), drawings=dots)).figures) == 1
