"""Figures with their captions, labels and panels, on pages laid out by hand and on a drawn one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractors.geometry import coverage, merge_boxes
from extractors.layout.figures.figures import find_figures
from extractors.layout.furniture import Furniture
from extractors.page import Drawing, Line, PageLayout
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from extractors.types import Box
from tests.support.drawn_pages import (
    WORDS,
    draw_box,
    draw_plot,
    find,
    labelled_boxes,
    make_page,
    place_photo,
    write_line,
    write_prose,
)


def test_captions_between_stacked_figures_belong_to_the_figure_above() -> None:
    lines = [write_line("Figure 1. Upper.", 50, 220), write_line("Figure 2. Lower.", 50, 460), *write_prose(50, 500, 6)]
    page = make_page(lines, [place_photo(50, 50, 290, 200), place_photo(50, 232, 290, 440, digest="b")])
    assert labelled_boxes(find(page)) == {"figure 1": (50, 50, 290, 200), "figure 2": (50, 232, 290, 440)}


def test_captions_above_all_figures_belong_to_the_figure_below() -> None:
    lines = [write_line("Figure 1. Upper.", 50, 60), write_line("Figure 2. Lower.", 50, 290), *write_prose(50, 500, 6)]
    page = make_page(lines, [place_photo(50, 70, 290, 270), place_photo(50, 300, 290, 480, digest="b")])
    assert labelled_boxes(find(page)) == {"figure 1": (50, 70, 290, 270), "figure 2": (50, 300, 290, 480)}


def test_nearest_figure_is_left_to_the_caption_that_needs_it() -> None:
    # Figure 1's caption is nearer to the lower photo than that photo's own caption is.
    lines = [write_line("Figure 1. Upper.", 50, 228), write_line("Figure 2. Lower.", 50, 475), *write_prose(50, 500, 6)]
    page = make_page(lines, [place_photo(50, 50, 290, 200), place_photo(50, 236, 290, 450, digest="b")])
    assert labelled_boxes(find(page)) == {"figure 1": (50, 50, 290, 200), "figure 2": (50, 236, 290, 450)}


def test_caption_beside_its_figure_is_matched() -> None:
    lines = [write_line("Figure 1. Beside", 310, 120), write_line("the photo.", 310, 132), *write_prose(50, 500, 6)]
    assert labelled_boxes(find(make_page(lines, [place_photo(50, 100, 290, 300)]))) == {"figure 1": (50, 100, 290, 300)}


def test_figure_across_two_columns_is_matched() -> None:
    lines = [write_line("Figure 1. Wide.", 50, 322), *write_prose(50, 360, 20), *write_prose(310, 360, 20)]
    assert labelled_boxes(find(make_page(lines, [place_photo(50, 100, 550, 300)]))) == {"figure 1": (50, 100, 550, 300)}


def test_text_in_between_separates_caption_and_figure() -> None:
    lines = [*write_prose(50, 320, 10), write_line("Figure 1. Lost.", 50, 470)]
    found = find(make_page(lines, [place_photo(50, 100, 290, 300)]))
    assert [caption.label for caption in found.unmatched] == ["figure 1"]
    assert [figure.label for figure in found.figures] == [""]


def test_unmatched_caption_is_carried_to_the_next_page() -> None:
    first = find(make_page([*write_prose(50, 100, 20), write_line("Figure 4. Next page.", 50, 780)]))
    second = find_figures(
        make_page(write_prose(50, 500, 6), [place_photo(50, 60, 290, 300)]), (), Furniture(), first.unmatched
    )
    assert [(figure.label, figure.caption) for figure in second.figures] == [("figure 4", "Figure 4. Next page.")]


def test_figure_of_several_panels_is_kept_whole_and_in_panels() -> None:
    photos = [place_photo(60, 100, 270, 250, digest="before"), place_photo(320, 100, 530, 250, digest="after")]
    lines = [write_line("Figure 2. The bank. (a) Before the flood. (b) After it.", 60, 270), *write_prose(50, 400, 6)]
    found = find(make_page(lines, photos)).figures
    assert [(figure.kind, figure.label, figure.caption) for figure in found] == [
        ("figure", "figure 2", "Figure 2. The bank. (a) Before the flood. (b) After it."),
        ("panel", "figure 2a", "(a) Before the flood."),
        ("panel", "figure 2b", "(b) After it."),
    ]
    assert coverage(found[1].box, found[0].box) == coverage(found[2].box, found[0].box) == 1


def test_caption_that_names_panels_afterwards_is_not_divided() -> None:
    photos = [place_photo(60, 100, 270, 250, digest="before"), place_photo(320, 100, 530, 250, digest="after")]
    lines = [write_line("Figure 2. The bank before (a) and after the flood (b).", 60, 270), *write_prose(50, 400, 6)]
    assert [(f.label, f.caption) for f in find(make_page(lines, photos)).figures[1:]] == [
        ("figure 2a", ""), ("figure 2b", "")
    ]  # fmt: skip


def test_lettered_charts_with_axes_are_figures_of_their_own() -> None:
    left, left_ticks = draw_plot(60, 100, 270, 250)
    right, right_ticks = draw_plot(320, 100, 530, 250)
    letters = [write_line("(a)", 65, 112, 8, "Sans"), write_line("(b)", 325, 112, 8, "Sans")]
    lines = [*left_ticks, *right_ticks, *letters, write_line("Figure 3. Dry year (a) and wet year (b).", 60, 300)]
    found = find(make_page([*lines, *write_prose(50, 400, 6)], drawings=[*left, *right])).figures
    assert [(figure.kind, figure.label, figure.panel) for figure in found] == [
        ("figure", "figure 3a", "a"), ("figure", "figure 3b", "b")
    ]  # fmt: skip
    assert {figure.caption for figure in found} == {"Figure 3. Dry year (a) and wet year (b)."}


def test_wide_line_under_a_photo_is_no_label() -> None:
    lines = [
        *write_prose(50, 400, 6),
        write_line("CALL US  www.example.org  info@example.org  555 0100", 40, 264, 10, "Sans"),
    ]
    (figure,) = find(make_page(lines, [place_photo(400, 100, 550, 250)])).figures
    assert figure.box == (400, 100, 550, 250)


def test_title_of_an_axis_belongs_to_the_plot() -> None:
    drawings, ticks = draw_plot(100, 100, 280, 250)
    title = write_line("Year of birth", 160, 288, 9, "Sans")
    (figure,) = find(make_page([*ticks, title, *write_prose(50, 400, 6)], drawings=drawings)).figures
    assert figure.box[3] == title.box[3]


def test_letters_of_panels_do_not_divide_a_figure() -> None:
    upper, lower = draw_plot(100, 100, 280, 200), draw_plot(100, 240, 280, 340)
    letters = [write_line("a", 80, 96, 14, "Sans", bold=True), write_line("b", 80, 236, 14, "Sans", bold=True)]
    lines = [*upper[1], *lower[1], *letters, write_line("Figure 1: Two plots.", 100, 380)]
    found = labelled_boxes(find(make_page(lines, drawings=[*upper[0], *lower[0]])))
    assert list(found) == ["figure 1a", "figure 1b"]


def test_paragraph_in_a_narrow_column_is_no_label_of_the_chart_beside_it() -> None:
    drawings, ticks = draw_plot(230, 100, 500, 300)
    rows = ["a considerable majority", "favoured restrictions as"]
    paragraph = [write_line(rows[n % 2], 90, 112 + 14 * n, 11, block=3) for n in range(12)]
    (figure,) = find(make_page([*ticks, *paragraph], drawings=drawings)).figures
    assert figure.box[0] > 210


def test_heading_above_a_chart_is_its_caption() -> None:
    drawings, ticks = draw_plot(60, 140, 290, 300)
    lines = [write_line("Most people walk to work", 60, 130, 12, bold=True), *ticks, *write_prose(50, 400, 6)]
    (figure,) = find(make_page(lines, drawings=drawings)).figures
    assert (figure.label, figure.caption) == ("", "Most people walk to work")


def test_table_and_figure_get_their_own_captions() -> None:
    lines = [write_line("Table 1. Doses.", 50, 95), write_line("Figure 1. Photo.", 50, 470), *write_prose(50, 520, 6)]
    found = find(make_page(lines, [place_photo(50, 250, 290, 450)]), tables=((50, 100, 290, 240),))
    assert labelled_boxes(found) == {"table 1": (50, 100, 290, 240), "figure 1": (50, 250, 290, 450)}


def test_legend_and_plot_under_a_large_title_are_one_figure() -> None:
    drawings, ticks = draw_plot(100, 100, 280, 250)
    key = Drawing((150, 290, 160, 298), 4, filled=True, stroked=False, curved=True)
    legend = write_line("Measured", 164, 298, 8, "Sans")
    title = write_line("Alloc", 170, 106, 14, "Sans Title")
    caption = write_line("Figure 1: A plot.", 100, 330)
    lines = [title, *ticks, legend, caption, *write_prose(50, 360, 6)]
    (box,) = labelled_boxes(find(make_page(lines, drawings=[*drawings, key]))).values()
    assert box[1] <= 100
    assert box[3] >= 298


@pytest.mark.parametrize("rotation", [0, 90])
def test_figures_of_a_drawn_page(rotation: int) -> None:
    """A vector chart and a photo with captions, whose boxes are those of the displayed page when it is rotated."""
    module = pymupdf()
    page = module.open().new_page(width=600, height=800)
    page.insert_textbox((50, 40, 550, 150), WORDS * 6, fontsize=10)
    for n, height in enumerate((40, 80, 60, 100)):
        page.draw_rect((80 + 50 * n, 300 - height, 110 + 50 * n, 300), color=None, fill=(0.2, 0.4, 0.8))
    page.draw_line((70, 190), (70, 300))
    page.draw_line((70, 300), (290, 300))
    page.insert_text((70, 330), "Figure 1: Bars that grow.", fontsize=9)
    pixels = module.Pixmap(module.csRGB, module.IRect(0, 0, 60, 60))
    pixels.clear_with(120)
    page.insert_image((330, 190, 530, 300), pixmap=pixels, keep_proportion=False)
    page.insert_text((330, 330), "Figure 2: A grey photo.", fontsize=9)
    page.insert_textbox((50, 360, 550, 700), WORDS * 20, fontsize=10)
    page.set_rotation(rotation)
    layout = read_page(module.open("pdf", page.parent.tobytes())[0], 1)
    pairs = labelled_boxes(find_figures(layout, (), Furniture(1, {}, 10.0)))
    expected: dict[str, Box] = {"figure 1": (70, 190, 290, 300), "figure 2": (330, 190, 530, 300)}
    if rotation:
        expected = {label: (800 - y1, x0, 800 - y0, x1) for label, (x0, y0, x1, y1) in expected.items()}
    assert set(pairs) == set(expected)
    for label, box in expected.items():
        around = merge_boxes([box, pairs[label]])
        assert coverage(around, box) > 0.9, label


def _plot_with_large_ticks(*below: Line) -> PageLayout:
    """A page with a plot whose ticks are larger than the text, the lines `below` it, a caption and prose."""
    drawings, ticks = draw_plot(100, 100, 280, 250)
    ticks = [replace(tick, size=12.0, font="Plain") for tick in ticks]
    caption = write_line("Figure 1: A plot of all the places.", 100, 350)
    return make_page([*ticks, *below, caption, *write_prose(50, 400, 6)], drawings=drawings)


def test_large_title_of_an_axis_is_part_of_its_plot() -> None:
    title = replace(write_line("Latitude in degrees", 120, 286, size=12), font="Plain")
    (figure,) = find(_plot_with_large_ticks(title)).figures
    assert (figure.label, figure.box[3]) == ("figure 1", title.box[3])
    (figure,) = find(_plot_with_large_ticks(replace(title, font="Other"))).figures
    assert figure.box[3] < title.box[1]  # a heading of the text


def test_large_names_in_a_legend_are_part_of_its_plot() -> None:
    names = [replace(write_line(name, x, 320, size=12), font="Plain") for name, x in (("Before", 120), ("After", 220))]
    names = [replace(name, bold=True) for name in names]
    page = _plot_with_large_ticks(*names)
    keys = [draw_box(name.box[0] - 10, 311, name.box[0] - 4, 317) for name in names]
    (figure,) = find(replace(page, drawings=(*page.drawings, *keys))).figures
    assert (figure.label, figure.box[3]) == ("figure 1", names[0].box[3])
    # A heading with a mark, alone or beside one without, belongs to the text.
    for lines in (names, names[:1]):
        page = _plot_with_large_ticks(*lines)
        bottoms = [figure.box[3] for figure in find(replace(page, drawings=(*page.drawings, keys[0]))).figures]
        assert names[0].box[3] not in bottoms


@pytest.mark.parametrize(
    ("size", "font", "x", "y", "is_caption"),
    [
        (8, "Plain", 50, 216, True),
        (10, "Plain", 50, 216, False),
        (8, "Serif", 50, 216, False),
        (8, "Plain", 50, 300, False),
        (8, "Plain", 50, 20, False),
        (8, "Plain", 310, 216, False),
    ],
)
def test_number_above_a_figure_has_its_text_below(size: float, font: str, x: float, y: float, is_caption: bool) -> None:
    number = replace(write_line("Figure 1", 50, 60, size=8), font="Plain-Bold")
    words = ("The study was designed by a committee", "and ran for a year.")
    text = [replace(write_line(row, x, y + 11 * n, size=size), font=font) for n, row in enumerate(words)]
    found = find(make_page([number, *text, *write_prose(50, 400, 12)], [place_photo(50, 70, 290, 200)]))
    (figure,) = found.figures
    assert figure.caption == ("Figure 1 " + " ".join(words) if is_caption else "Figure 1")
    assert found.caption_lines == ({0, 1, 2} if is_caption else {0})


def test_plots_beside_each_other_are_figures_of_their_own_if_each_has_a_caption() -> None:
    left, right = draw_plot(60, 100, 280, 250), draw_plot(286, 100, 506, 250)
    plots = ([*left[0], *right[0]], [*left[1], *right[1]])
    captions = [write_line("Figure 4: Yield in dry years.", 60, 290), write_line("Figure 5: In wet ones.", 300, 290)]
    prose = write_prose(50, 400, 6)
    boxes = labelled_boxes(find(make_page([*plots[1], *captions, *prose], drawings=plots[0])))
    assert set(boxes) == {"figure 4", "figure 5"}
    assert boxes["figure 4"][2] < 300  # its last tick label
    assert boxes["figure 5"][0] > 270
    shared = [*plots[0], draw_box(60, 100, 506, 104)]
    assert len(find(make_page([*plots[1], *captions, *prose], drawings=shared)).figures) == 1


def test_frame_of_a_caption_is_no_part_of_the_figure() -> None:
    caption = [write_line("Figure 1. A photo of the trees in spring, before", 54, 320)]
    caption.append(write_line("the leaves came, from the south side of the hill.", 54, 332))
    frame = draw_box(50, 300, 330, 336)
    page = make_page([*caption, *write_prose(50, 400, 6)], [place_photo(50, 100, 330, 300)], drawings=[frame])
    assert labelled_boxes(find(page)) == {"figure 1": (50, 100, 330, 300)}
