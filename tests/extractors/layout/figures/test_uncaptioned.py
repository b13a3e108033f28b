"""Which regions without a caption are pictures, on pages laid out by hand."""

from __future__ import annotations

from dataclasses import replace

from extractors.layout.furniture import Furniture
from extractors.layout.page_sample import PageSample
from extractors.page import Drawing
from tests.support.drawn_pages import draw_box, draw_rule, find, make_page, place_photo, write_line, write_prose


def test_section_of_a_form_is_no_figure() -> None:
    lines, shapes = [write_line("Part 2: Trees", 60, 262)], [draw_box(50, 250, 550, 266)]
    for row, answers in enumerate([("Apple", "Pear", "Plum"), ("Young", "Old"), ("Pruned", "Wild", "Grafted", "Dead")]):
        y = 270 + 17 * row
        lines.append(write_line(f"{row + 1}. Which are they?", 60, y + 8))
        shapes.append(draw_rule(60, y + 12, 148))
        for n, answer in enumerate(answers):
            x = 150 + 17 * row + 75 * n
            shapes.append(replace(draw_box(x, y, x + 11, y + 11), items=1, rectangle=True))
            lines.append(write_line(answer, x + 14, y + 8))
    assert not find(make_page([*lines, *write_prose(50, 400, 12)], drawings=shapes)).figures


def test_ruled_cells_with_few_words_are_no_figure_but_a_plot_with_grid_lines_is() -> None:
    rules = [draw_rule(72, 100 + 34 * n, 540) for n in range(5)]
    sides = [
        Drawing((x, 100 + 34 * n, x, 134 + 34 * n), 1, filled=False, stroked=True, rectangle=True)
        for x in (72, 306, 540)
        for n in range(4)
    ]
    cells = [
        Drawing((x, 134, x + 234, 168), 1, filled=True, stroked=False, fill=(0.8, 0.9, 0.9), rectangle=True)
        for x in (72, 306)
    ]
    words = [
        write_line(text, 80, 154 + 34 * n) for n, text in enumerate(("Severity: low", "Type: logic", "Target: all"))
    ]
    assert not find(make_page([*words, *write_prose(50, 400, 12)], drawings=[*rules, *sides, *cells])).figures
    years = [write_line(str(2000 + n), 80 + 110 * n, 250) for n in range(5)]
    plot = make_page([*years, *write_prose(50, 400, 12)], drawings=[*rules, *sides, *cells])
    assert len(find(plot).figures) == 1


def test_screenshot_on_a_backdrop_is_a_figure_if_only_ocr_reads_its_words() -> None:
    backdrop, screenshot = place_photo(0, 0, 600, 800, digest="sky"), place_photo(60, 200, 320, 440)
    words = write_prose(65, 202, 19, 250)
    scanned = [replace(line, ocr=True) for line in words]
    (figure,) = find(make_page(scanned, [backdrop, screenshot])).figures
    assert figure.box == screenshot.box
    assert not find(make_page(words, [backdrop, screenshot])).figures
    assert not find(make_page(scanned, [screenshot])).figures  # it may be a scanned page
    pages = [make_page(scanned, [backdrop]) for _ in range(6)]
    slides = Furniture.learn(PageSample.of(replace(page, number=n)) for n, page in enumerate(pages, 1))
    assert len(find(make_page(scanned, [backdrop, screenshot]), furniture=slides).figures) == 1
