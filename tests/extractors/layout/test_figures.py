"""Figures and their captions, on pages of 600 by 800 points laid out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from extractors.geometry import coverage, merge_boxes
from extractors.layout.figures import PageFigures, find_figures
from extractors.layout.furniture import Furniture
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from extractors.types import Box

_WORDS = "the quick brown fox jumps over the lazy dog and runs on through the wide field"


def _line(text: str, x: float, base: float, size: float = 10, font: str = "Serif", **more: Any) -> Line:
    return Line((x, base - size, x + 0.5 * size * len(text), base + 2), text, size, font, **more)


def _prose(x: float, y: float, rows: int, width: float = 240) -> list[Line]:
    """A paragraph of `rows` lines from `y` downwards, 12 points a line."""
    text = (_WORDS * 3)[: int(width / 5)]
    return [_line(text, x, y + 12 * (row + 1), block=int(y)) for row in range(rows)]


def _photo(*box: float, digest: str = "photo") -> Raster:
    x0, y0, x1, y1 = box
    return Raster((x0, y0, x1, y1), 400, 300, digest, xref=7)


def _plot(x0: float, y0: float, x1: float, y1: float) -> tuple[list[Drawing], list[Line]]:
    """Axes, a curve and a few markers, with tick labels below."""
    axes = [
        Drawing((x0, y0, x0, y1), 1, filled=False, stroked=True, rectangle=True),
        Drawing((x0, y1, x1, y1), 1, filled=False, stroked=True, rectangle=True),
    ]
    curve = Drawing((x0 + 2, y0 + 10, x1 - 2, y1 - 10), 40, filled=False, stroked=True, curved=True)
    steps = [x0 + (x1 - x0) * n / 4 for n in range(5)]
    markers = [Drawing((x - 2, y1 - 30, x + 2, y1 - 26), 4, filled=True, stroked=False, curved=True) for x in steps]
    ticks = [_line(str(10 * n), x - 5, y1 + 12, 8, "Sans") for n, x in enumerate(steps)]
    return [*axes, curve, *markers], ticks


def _page(lines: list[Line], rasters: list[Raster] | None = None, drawings: list[Drawing] | None = None) -> PageLayout:
    return PageLayout(1, 600, 800, tuple(lines), tuple(rasters or ()), tuple(drawings or ()))


def _find(page: PageLayout, tables: tuple[Box, ...] = (), furniture: Furniture | None = None) -> PageFigures:
    return find_figures(page, tables, furniture or Furniture(1, {}, 10.0))


def _labelled_boxes(found: PageFigures) -> dict[str, Box]:
    return {figure.label: figure.box for figure in found.figures if figure.label}


# --- what is a figure ---------------------------------------------------------------------------------------------


def test_photo_gets_its_caption() -> None:
    page = _page([*_prose(50, 400, 6), _line("Figure 1. A photo.", 50, 320)], [_photo(50, 100, 290, 300)])
    (figure,) = _find(page).figures
    assert (figure.kind, figure.label, figure.box) == ("figure", "figure 1", (50, 100, 290, 300))
    assert figure.caption == "Figure 1. A photo."
    assert figure.alone


def test_plot_includes_its_tick_labels_but_not_the_text() -> None:
    drawings, ticks = _plot(100, 100, 280, 250)
    prose = _prose(50, 330, 6)
    found = _find(_page([*ticks, _line("Figure 1: A plot.", 60, 290), *prose], drawings=drawings))
    (figure,) = found.figures
    assert round(figure.box[3]) == 264  # down to the tick labels
    assert found.inside == set(range(len(ticks)))
    assert found.caption_lines == {len(ticks)}
    assert not figure.alone


def _box(*box: float, **more: Any) -> Drawing:
    """A filled box with rounded corners."""
    x0, y0, x1, y1 = box
    return Drawing((x0, y0, x1, y1), 8, filled=True, stroked=True, fill=(0.8, 0.9, 1), curved=True, **more)


@pytest.mark.parametrize(
    ("shapes", "lines"),
    [
        (
            [_box(50, 100, 300, 220)],
            [_line(f"if x[{n}] < y[{n}]: swap(x, y, {n})", 60, 115 + 11 * n, 9, "Mono") for n in range(9)],
        ),
        (
            [_box(50, 100, 550, 160), Drawing((500, 90, 560, 150), 4, filled=True, stroked=False, curved=True)],
            [_line("Annual report of the harbour", 70, 140, 26, "Sans")],
        ),
        ([_box(50, 100 + 40 * n, 150, 116 + 40 * n) for n in range(4)], [_line("stable", 60, 112, 9, "Sans")]),
    ],
    ids=["framed listing", "title on a banner", "tags"],
)
def test_decorated_text_is_no_figure(shapes: list[Drawing], lines: list[Line]) -> None:
    assert _find(_page([*lines, *_prose(50, 400, 12)], drawings=shapes)).figures == ()


def test_rounded_cards_of_text_are_no_figure() -> None:
    boxes = [(40.0, 90.0, 320.0, 190.0), (40.0, 200.0, 320.0, 300.0)]
    cards = [Drawing(box, 36, filled=True, stroked=False, fill=(0.9, 0.95, 0.9), curved=True) for box in boxes]
    lines = [*_prose(60, 110, 3, width=200), *_prose(60, 220, 3, width=200)]
    assert not _find(_page(lines, drawings=cards)).figures


def test_text_with_a_shadow_is_no_figure() -> None:
    title = _line("Results of the survey", 60, 130, 24)
    assert _find(_page([title, *_prose(50, 400, 6)], [_photo(58, 104, 316, 136, digest="shadow")])).figures == ()


def test_blank_strips_of_a_scan_belong_to_its_background() -> None:
    strips = [_photo(0, y, 600, y + 50, digest="blank" if y % 100 else str(y)) for y in range(0, 800, 50)]
    repeated = Furniture.learn([_page([], strips) for _ in range(4)])
    assert find_figures(_page([], strips), (), repeated).figures == ()


def test_slices_of_one_image_are_one_figure() -> None:
    slices = [_photo(50, y, 290, y + 50, digest=str(y)) for y in (100, 150, 200)]
    (figure,) = _find(_page(_prose(50, 400, 6), slices)).figures
    assert len(figure.rasters) == 3
    assert figure.box == (50, 100, 290, 250)


def test_chart_in_a_card_with_text_is_a_figure_without_the_card() -> None:
    drawings, ticks = _plot(90, 180, 270, 300)
    card = Drawing((40, 90, 320, 380), 1, filled=True, stroked=False, fill=(0.95, 0.95, 0.98), rectangle=True)
    text = _prose(60, 110, 4)
    caption = _line("Figure 1. Yield of the orchards in three years.", 60, 350, 9)
    (figure,) = _find(_page([*text, *ticks, caption], drawings=[card, *drawings])).figures
    assert figure.label == "figure 1"
    assert figure.box == pytest.approx((85, 180, 275, 312), abs=8)


def test_text_beside_and_below_a_photo_does_not_part_it_from_its_caption() -> None:
    beside, below = _prose(50, 100, 14, width=200), _prose(50, 282, 3, width=500)
    page = _page(
        [*beside, *below, _line("Figure 1. A photo of the orchard.", 280, 262, 9)], [_photo(280, 100, 550, 245)]
    )
    (figure,) = _find(page).figures
    assert figure.label == "figure 1"


def test_two_photos_apart_are_two_figures() -> None:
    page = _page(_prose(50, 400, 6), [_photo(50, 100, 280, 300), _photo(320, 100, 550, 300, digest="other")])
    assert len(_find(page).figures) == 2


def _rule(x0: float, y: float, x1: float) -> Drawing:
    return Drawing((x0, y, x1, y), 1, filled=False, stroked=True, rectangle=True)


@pytest.mark.parametrize(
    "drawing",
    [
        _rule(50, 390, 550),
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
    found = _find(_page(_prose(50, 400, 20), drawings=[drawing]))
    assert not found.figures
    assert not found.flagged


def test_rules_of_a_table_are_no_second_figure() -> None:
    rules = [_rule(50, y, 290) for y in (100, 120, 200)]
    cells = [_line("12.5", x, y, 8) for x in (60, 140, 220) for y in (115, 135, 155, 175, 195)]
    lines = [*cells, _line("Table 1. Doses.", 50, 95), *_prose(50, 400, 6)]
    (table,) = _find(_page(lines, drawings=rules), tables=((50, 100, 290, 200),)).figures
    assert (table.kind, table.label, table.box) == ("table", "table 1", (50, 100, 290, 200))


def test_repeated_logo_is_ignored_but_photo_is_not() -> None:
    def page(number: int) -> PageLayout:
        rasters = (_photo(500, 20, 560, 60, digest="logo"), _photo(50, 100, 290, 300, digest=f"photo {number}"))
        return PageLayout(number, 600, 800, tuple(_prose(50, 400, 6)), rasters)

    pages = [page(number) for number in range(1, 9)]
    furniture = Furniture.learn(pages)
    for one in pages:
        assert [figure.box for figure in find_figures(one, (), furniture).figures] == [(50, 100, 290, 300)]


def test_scanned_page_is_visual_but_no_figure() -> None:
    found = _find(_page([], [_photo(0, 0, 600, 800)]))
    assert not found.figures
    assert found.visual
    assert found.flagged


# --- captions and figures -----------------------------------------------------------------------------------------


def test_captions_between_stacked_figures_belong_to_the_figure_above() -> None:
    lines = [_line("Figure 1. Upper.", 50, 220), _line("Figure 2. Lower.", 50, 460), *_prose(50, 500, 6)]
    page = _page(lines, [_photo(50, 50, 290, 200), _photo(50, 232, 290, 440, digest="b")])
    assert _labelled_boxes(_find(page)) == {"figure 1": (50, 50, 290, 200), "figure 2": (50, 232, 290, 440)}


def test_captions_above_all_figures_belong_to_the_figure_below() -> None:
    lines = [_line("Figure 1. Upper.", 50, 60), _line("Figure 2. Lower.", 50, 290), *_prose(50, 500, 6)]
    page = _page(lines, [_photo(50, 70, 290, 270), _photo(50, 300, 290, 480, digest="b")])
    assert _labelled_boxes(_find(page)) == {"figure 1": (50, 70, 290, 270), "figure 2": (50, 300, 290, 480)}


def test_nearest_figure_is_left_to_the_caption_that_needs_it() -> None:
    # Figure 1's caption is nearer to the lower photo than that photo's own caption is.
    lines = [_line("Figure 1. Upper.", 50, 228), _line("Figure 2. Lower.", 50, 475), *_prose(50, 500, 6)]
    page = _page(lines, [_photo(50, 50, 290, 200), _photo(50, 236, 290, 450, digest="b")])
    assert _labelled_boxes(_find(page)) == {"figure 1": (50, 50, 290, 200), "figure 2": (50, 236, 290, 450)}


def test_caption_beside_its_figure_is_matched() -> None:
    lines = [_line("Figure 1. Beside", 310, 120), _line("the photo.", 310, 132), *_prose(50, 500, 6)]
    assert _labelled_boxes(_find(_page(lines, [_photo(50, 100, 290, 300)]))) == {"figure 1": (50, 100, 290, 300)}


def test_figure_across_two_columns_is_matched() -> None:
    lines = [_line("Figure 1. Wide.", 50, 322), *_prose(50, 360, 20), *_prose(310, 360, 20)]
    assert _labelled_boxes(_find(_page(lines, [_photo(50, 100, 550, 300)]))) == {"figure 1": (50, 100, 550, 300)}


def test_text_in_between_separates_caption_and_figure() -> None:
    lines = [*_prose(50, 320, 10), _line("Figure 1. Lost.", 50, 470)]
    found = _find(_page(lines, [_photo(50, 100, 290, 300)]))
    assert [caption.label for caption in found.unmatched] == ["figure 1"]
    assert [figure.label for figure in found.figures] == [""]


def test_unmatched_caption_is_carried_to_the_next_page() -> None:
    first = _find(_page([*_prose(50, 100, 20), _line("Figure 4. Next page.", 50, 780)]))
    second = find_figures(_page(_prose(50, 500, 6), [_photo(50, 60, 290, 300)]), (), Furniture(), first.unmatched)
    assert [(figure.label, figure.caption) for figure in second.figures] == [("figure 4", "Figure 4. Next page.")]


def test_figure_of_several_panels_is_kept_whole_and_in_panels() -> None:
    photos = [_photo(60, 100, 270, 250, digest="before"), _photo(320, 100, 530, 250, digest="after")]
    lines = [_line("Figure 2. The bank. (a) Before the flood. (b) After it.", 60, 270), *_prose(50, 400, 6)]
    found = _find(_page(lines, photos)).figures
    assert [(figure.kind, figure.label, figure.caption) for figure in found] == [
        ("figure", "figure 2", "Figure 2. The bank. (a) Before the flood. (b) After it."),
        ("panel", "figure 2a", "(a) Before the flood."),
        ("panel", "figure 2b", "(b) After it."),
    ]
    assert coverage(found[1].box, found[0].box) == coverage(found[2].box, found[0].box) == 1


def test_caption_that_names_panels_afterwards_is_not_divided() -> None:
    photos = [_photo(60, 100, 270, 250, digest="before"), _photo(320, 100, 530, 250, digest="after")]
    lines = [_line("Figure 2. The bank before (a) and after the flood (b).", 60, 270), *_prose(50, 400, 6)]
    assert [(f.label, f.caption) for f in _find(_page(lines, photos)).figures[1:]] == [
        ("figure 2a", ""), ("figure 2b", "")
    ]  # fmt: skip


def test_lettered_charts_with_axes_are_figures_of_their_own() -> None:
    left, left_ticks = _plot(60, 100, 270, 250)
    right, right_ticks = _plot(320, 100, 530, 250)
    letters = [_line("(a)", 65, 112, 8, "Sans"), _line("(b)", 325, 112, 8, "Sans")]
    lines = [*left_ticks, *right_ticks, *letters, _line("Figure 3. Dry year (a) and wet year (b).", 60, 300)]
    found = _find(_page([*lines, *_prose(50, 400, 6)], drawings=[*left, *right])).figures
    assert [(figure.kind, figure.label, figure.panel) for figure in found] == [
        ("figure", "figure 3a", "a"), ("figure", "figure 3b", "b")
    ]  # fmt: skip
    assert {figure.caption for figure in found} == {"Figure 3. Dry year (a) and wet year (b)."}


def test_charts_side_by_side_under_their_own_headings_are_two_figures() -> None:
    left, left_ticks = _plot(60, 140, 270, 250)
    right, right_ticks = _plot(290, 140, 500, 250)
    pane = Drawing((50, 100, 510, 280), 1, filled=True, stroked=False, fill=(0.9, 0.9, 0.9), rectangle=True)
    headings = [
        _line("Trains", 120, 125, 9, bold=True, font="Sans"),
        _line("Buses", 350, 125, 9, bold=True, font="Sans"),
    ]
    lines = [*headings, *left_ticks, *right_ticks, *_prose(50, 400, 6)]
    boxes = [figure.box for figure in _find(_page(lines, drawings=[pane, *left, *right])).figures]
    assert [(round(box[0]), round(box[2])) for box in boxes] == [(55, 273), (285, 503)]


def test_photos_beside_each_other_are_not_merged() -> None:
    photos = [_photo(50, 100, 200, 250, digest="left"), _photo(202, 100, 350, 250, digest="right")]
    frame = Drawing((202, 100, 350, 250), 1, filled=False, stroked=True, rectangle=True)
    boxes = [figure.box for figure in _find(_page(_prose(50, 400, 6), photos, [frame])).figures]
    assert boxes == [(50, 100, 200, 250), (202, 100, 350, 250)]


def test_badge_between_photos_does_not_merge_them() -> None:
    photos = [_photo(50, 100, 190, 400, digest="tall")]
    photos += [_photo(x, y, x + 140, y + 140, digest=f"{x}{y}") for y in (150, 295) for x in (195, 340)]
    badge = Drawing((195, 110, 245, 125), 30, filled=True, stroked=False, fill=(0.1, 0.1, 0.1), curved=True)
    names = [_line("Kitchen", 200, 165), _line("p. 96", 345, 165)]
    found = _find(_page(names, photos, [badge]))
    assert {photo.box for photo in photos[1:]} <= {figure.box for figure in found.figures}


def test_pane_behind_a_photo_and_text_is_no_part_of_the_photo() -> None:
    pane = Drawing((40, 90, 560, 260), 1, filled=True, stroked=False, fill=(0.1, 0.1, 0.1), rectangle=True)
    (figure,) = _find(_page(_prose(50, 400, 6), [_photo(60, 100, 200, 250)], [pane])).figures
    assert figure.box == (60, 100, 200, 250)


def test_rule_between_sections_is_no_panel_of_a_figure() -> None:
    rules = [_rule(0, 290, 500), Drawing((60, 289, 60, 291), 1, filled=False, stroked=True, rectangle=True)]
    lines = [_line("Figure 1. Above.", 300, 90), _line("The next section", 60, 312, 14, bold=True), *_prose(50, 400, 6)]
    (figure,) = _find(_page(lines, [_photo(300, 100, 420, 250)], rules)).figures
    assert figure.box == (300, 100, 420, 250)


def test_wide_line_under_a_photo_is_no_label() -> None:
    lines = [*_prose(50, 400, 6), _line("CALL US  www.example.org  info@example.org  555 0100", 40, 264, 10, "Sans")]
    (figure,) = _find(_page(lines, [_photo(400, 100, 550, 250)])).figures
    assert figure.box == (400, 100, 550, 250)


def test_title_of_an_axis_belongs_to_the_plot() -> None:
    drawings, ticks = _plot(100, 100, 280, 250)
    title = _line("Year of birth", 160, 288, 9, "Sans")
    (figure,) = _find(_page([*ticks, title, *_prose(50, 400, 6)], drawings=drawings)).figures
    assert figure.box[3] == title.box[3]


def test_scattered_points_on_a_pane_are_a_plot() -> None:
    pane = Drawing((100, 100, 300, 250), 1, filled=True, stroked=False, fill=(0.9, 0.9, 0.9), rectangle=True)
    points = [
        Drawing((x, 245 - n * 20, x + 3, 248 - n * 20), 4, filled=True, stroked=False, curved=True)
        for n, x in enumerate(range(110, 290, 30))
    ]
    ticks = [_line(str(n * 25), 100 + 40 * n, 262, 8, "Sans") for n in range(5)]
    (figure,) = _find(_page([*ticks, *_prose(50, 400, 6)], drawings=[pane, *points])).figures
    assert coverage(pane.box, figure.box) == 1


def test_bars_filled_and_outlined_are_a_chart_not_a_grid() -> None:
    bars = [(150, 100 + 20 * n, 500 - 25 * n, 112 + 20 * n) for n in range(10)]
    fills = [Drawing(bar, 1, filled=True, stroked=False, fill=(0, 0, 1), rectangle=True) for bar in bars]
    outlines = [Drawing(bar, 1, filled=False, stroked=True, stroke=(0, 0, 0), rectangle=True) for bar in bars]
    names = [_line(f"City {n}", 100, 110 + 20 * n, 8, "Sans") for n in range(10)]
    (figure,) = _find(_page(names, drawings=[*fills, *outlines])).figures
    assert coverage((100, 100, 500, 292), figure.box) > 0.95


def test_letterhead_and_band_at_the_head_are_no_figures() -> None:
    letterhead = _photo(80, 40, 520, 90, digest="crest")
    band = _photo(0, 760, 600, 800, digest="band")
    assert not _find(_page(_prose(50, 200, 12), [letterhead, band])).figures


def test_white_strokes_are_visible_on_a_dark_page() -> None:
    night = Drawing((0, 0, 600, 800), 1, filled=True, stroked=False, fill=(0, 0, 0.1), rectangle=True)
    white = (1.0, 1.0, 1.0)
    circles = [
        Drawing((100 + 60 * n, 300, 150 + 60 * n, 350), 4, filled=False, stroked=True, stroke=white, curved=True)
        for n in range(4)
    ]
    labels = [_line(str(n), 120 + 60 * n, 330) for n in range(4)]
    assert not _find(_page(labels, drawings=circles)).figures  # nothing shows on paper
    (figure,) = _find(_page(labels, drawings=[night, *circles])).figures
    assert figure.box == (100, 300, 330, 350)


def test_letters_of_panels_do_not_divide_a_figure() -> None:
    upper, lower = _plot(100, 100, 280, 200), _plot(100, 240, 280, 340)
    letters = [_line("a", 80, 96, 14, "Sans", bold=True), _line("b", 80, 236, 14, "Sans", bold=True)]
    lines = [*upper[1], *lower[1], *letters, _line("Figure 1: Two plots.", 100, 380)]
    found = _labelled_boxes(_find(_page(lines, drawings=[*upper[0], *lower[0]])))
    assert list(found) == ["figure 1a", "figure 1b"]


def test_paragraph_in_a_narrow_column_is_no_label_of_the_chart_beside_it() -> None:
    drawings, ticks = _plot(230, 100, 500, 300)
    rows = ["a considerable majority", "favoured restrictions as"]
    paragraph = [_line(rows[n % 2], 90, 112 + 14 * n, 11, block=3) for n in range(12)]
    (figure,) = _find(_page([*ticks, *paragraph], drawings=drawings)).figures
    assert figure.box[0] > 210


def test_large_sheet_is_searched_like_a_page() -> None:
    small = _page([*_prose(50, 400, 6), _line("Figure 1. A photo.", 50, 320)], [_photo(50, 100, 290, 300)])
    (figure,) = find_figures(small.scaled(4), (), Furniture(1, {}, 40.0)).figures
    assert (figure.label, [round(edge) for edge in figure.box]) == ("figure 1", [200, 400, 1160, 1200])


def test_heading_above_a_chart_is_its_caption() -> None:
    drawings, ticks = _plot(60, 140, 290, 300)
    lines = [_line("Most people walk to work", 60, 130, 12, bold=True), *ticks, *_prose(50, 400, 6)]
    (figure,) = _find(_page(lines, drawings=drawings)).figures
    assert (figure.label, figure.caption) == ("", "Most people walk to work")


def test_table_and_figure_get_their_own_captions() -> None:
    lines = [_line("Table 1. Doses.", 50, 95), _line("Figure 1. Photo.", 50, 470), *_prose(50, 520, 6)]
    found = _find(_page(lines, [_photo(50, 250, 290, 450)]), tables=((50, 100, 290, 240),))
    assert _labelled_boxes(found) == {"table 1": (50, 100, 290, 240), "figure 1": (50, 250, 290, 450)}


# --- a real page --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [0, 90])
def test_figures_of_a_drawn_page(rotation: int) -> None:
    """A vector chart and a photo with captions, whose boxes are those of the displayed page when it is rotated."""
    module = pymupdf()
    page = module.open().new_page(width=600, height=800)
    page.insert_textbox((50, 40, 550, 150), _WORDS * 6, fontsize=10)
    for n, height in enumerate((40, 80, 60, 100)):
        page.draw_rect((80 + 50 * n, 300 - height, 110 + 50 * n, 300), color=None, fill=(0.2, 0.4, 0.8))
    page.draw_line((70, 190), (70, 300))
    page.draw_line((70, 300), (290, 300))
    page.insert_text((70, 330), "Figure 1: Bars that grow.", fontsize=9)
    pixels = module.Pixmap(module.csRGB, module.IRect(0, 0, 60, 60))
    pixels.clear_with(120)
    page.insert_image((330, 190, 530, 300), pixmap=pixels, keep_proportion=False)
    page.insert_text((330, 330), "Figure 2: A grey photo.", fontsize=9)
    page.insert_textbox((50, 360, 550, 700), _WORDS * 20, fontsize=10)
    page.set_rotation(rotation)
    layout = read_page(module.open("pdf", page.parent.tobytes())[0], 1)
    pairs = _labelled_boxes(find_figures(layout, (), Furniture(1, {}, 10.0)))
    expected: dict[str, Box] = {"figure 1": (70, 190, 290, 300), "figure 2": (330, 190, 530, 300)}
    if rotation:
        expected = {label: (800 - y1, x0, 800 - y0, x1) for label, (x0, y0, x1, y1) in expected.items()}
    assert set(pairs) == set(expected)
    for label, box in expected.items():
        around = merge_boxes([box, pairs[label]])
        assert coverage(around, box) > 0.9, label


def test_each_photo_of_a_mosaic_is_a_figure() -> None:
    places: list[Box] = [(60, 60, 160, 160), (160, 60, 260, 160), (60, 160, 160, 260), (160, 160, 260, 260)]
    blocks = [
        Drawing(box, items=1, filled=True, stroked=False, fill=(0, 0.6, 0.7), rectangle=True) for box in places[1:3]
    ]
    photos = [_photo(*places[0], digest="one"), _photo(*places[3], digest="two")]
    found = _find(_page([_line("Annual report", 300, 400, 30)], photos, blocks))
    assert [figure.box for figure in found.figures] == [places[0], places[3]]


def test_title_page_is_visual_but_the_last_lines_of_a_chapter_are_not() -> None:
    title = [_line("Improving the water supply", 150, 200, 24), _line("A hearing of the council", 200, 260, 12)]
    assert _find(_page(title)).visual
    assert not _find(_page(_prose(50, 60, 4))).visual
    assert not _find(_page([])).visual
