"""deck.pptx: a field trial in eight slides: native chart, table, pictures, group, notes, one slide hidden."""

from __future__ import annotations

import datetime
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR
from pptx.util import Inches, Pt

from samples import photos, scenes

SEA, CORAL, INK = RGBColor(11, 69, 102), RGBColor(219, 84, 51), RGBColor(33, 38, 46)
PALE, WHITE, GREY = RGBColor(230, 237, 242), RGBColor(255, 255, 255), RGBColor(115, 122, 133)
MADE = datetime.datetime(2025, 10, 6, 8, 0)
Box = tuple[float, float, float, float]
"""Left, top, width, height in inches."""

WEEKS = ["Week 1", "Week 2", "Week 3", "Week 4", "Week 5", "Week 6"]
OUTPUT = {"Boathouse": (1840, 1910, 1870, 1420, 1260, 1930), "Clinic": (1510, 1560, 1620, 1600, 1590, 1640)}
"""Litres a week at each site: the chart."""
COSTS = [
    ("Site", "Litres made", "EUR per 1000 L", "By tanker before"),
    ("Boathouse", "10 230", "11.40", "96.00"),
    ("Clinic", "9 520", "9.80", "138.00"),
    ("Research hut", "2 160", "31.50", "410.00"),
]
TITLES = (
    "Six weeks of water from the sea",
    "Three sites, one question",
    "Where the units stood",
    "Litres made each week",
    "What a thousand litres cost",
    "What we learned about filters",
    "Budget for the second year",
    "What happens next",
)
NOTES = (
    "Welcome. The trial ran from 4 August to 14 September 2025 at three sites on the coast. Allow twenty minutes.",
    "Say why we chose these sites: the boathouse has sand, the clinic must never run dry, and the hut has no mains.",
    "The map is not to scale. The crossing takes 50 minutes, so every visit to the hut costs a full day.",
    "The dip in weeks 4 and 5 at the boathouse was the torn O-ring; the service visit of 11 September mended it.",
    "The hut looks dear because its two visits by boat are counted in. Without them it would be 14.20 euros.",
    "Pass the two cartridges round. People remember the smell of the brown one better than any chart.",
    "Hidden in the public talk. The budget is not approved yet; do not send this slide out.",
    "Ask the clinic to keep the second unit as a reserve over the winter. A decision is needed by 15 November.",
)
SITES = (
    "The boathouse and the clinic lie on the mainland and share a keeper. The research hut stands on the island, "
    "and the unit runs there without anyone near for five days a week."
)
RESULT = "21 910 L in six weeks, 98 lorry kilometres a week saved, no day without water at the clinic."
BULLETS = {
    2: [
        "Can a crew without training keep a W40 going?",
        "Boathouse: 24 people, shallow water with much sand",
        "Clinic: 11 beds, a tank of 3 m³, no other source",
        "Research hut: 4 people, panels only, reached by boat",
    ],
    6: [
        "Sand fills the 20 µm cartridge in 40 hours, not 60",
        "A settling bucket before the strainer doubled its life",
        "Rinsing helps once; after the second time output drops",
        "Crews changed cartridges too late, never too early",
    ],
    7: [
        "Two more units: 2 × EUR 6,900",
        "Cartridges and oil: EUR 1,150 a year",
        "Boat days: 6 × EUR 240",
        "Reserve: EUR 2,000",
    ],
    8: [
        "Keep all three units running until the end of the year",
        "Move the strainer at the boathouse 12 m out, beyond the sandbar",
        "Train one keeper a site: half a day, in November",
        "Report again in April 2026",
    ],
}


def _runs(paragraph: Any, text: str, size: float, color: RGBColor, bold: bool = False) -> None:
    run = paragraph.add_run()
    run.text = text
    run.font.size, run.font.bold, run.font.color.rgb, run.font.name = Pt(size), bold, color, "Arial"


def _place(shape: Any, box: Box) -> None:
    shape.left, shape.top, shape.width, shape.height = (Inches(edge) for edge in box)


def _label(slide: Any, box: Box, text: str, size: float, color: RGBColor) -> None:
    frame = slide.shapes.add_textbox(*(Inches(edge) for edge in box)).text_frame
    frame.word_wrap = True
    _runs(frame.paragraphs[0], text, size, color)


def _bar(shapes: Any, box: Box, color: RGBColor, kind: Any = MSO_SHAPE.RECTANGLE) -> Any:
    shape = shapes.add_shape(kind, *(Inches(edge) for edge in box))
    shape.fill.solid()
    shape.fill.fore_color.rgb = color
    shape.line.fill.background()
    shape.shadow.inherit = False
    if kind == MSO_SHAPE.ROUNDED_RECTANGLE:
        shape.adjustments[0] = 0.1
    return shape


def _to_back(slide: Any, shape: Any) -> None:
    """Put a shape below all others."""
    slide.shapes._spTree.insert(2, shape._element)


def _slide(deck: Any, number: int) -> Any:
    """A slide with its title, bullets if it has any, foot line and notes."""
    bullets = BULLETS.get(number)
    slide = deck.slides.add_slide(deck.slide_layouts[1 if bullets else 5])
    _bar(slide.shapes, (0, 0, 0.22, 7.5), SEA)
    title = slide.shapes.title
    _place(title, (0.7, 0.35, 11.9, 0.95))
    frame = title.text_frame
    _runs(frame.paragraphs[0], TITLES[number - 1], 34, SEA, bold=True)
    frame.paragraphs[0].alignment = 1
    _bar(slide.shapes, (0.8, 1.32, 1.2, 0.06), CORAL)
    if bullets:
        body = slide.placeholders[1]
        _place(body, (0.7, 1.75, 7.0, 4.6))
        for index, text in enumerate(bullets):
            paragraph = body.text_frame.paragraphs[0] if index == 0 else body.text_frame.add_paragraph()
            _runs(paragraph, text, 22, INK)
            paragraph.space_after = Pt(12)
    _label(slide, (0.7, 6.95, 9, 0.35), "Field trial of the Brinewell W40 · August and September 2025", 12, GREY)
    _label(slide, (12.3, 6.95, 0.7, 0.35), str(number), 12, GREY)
    slide.notes_slide.notes_text_frame.text = NOTES[number - 1]
    return slide


def _picture(slide: Any, data: bytes, at: tuple[float, float], wide: float, alt: str) -> None:
    picture = slide.shapes.add_picture(BytesIO(data), Inches(at[0]), Inches(at[1]), width=Inches(wide))
    picture._element.nvPicPr.cNvPr.set("descr", alt)


def _title_slide(deck: Any) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    _to_back(slide, _bar(slide.shapes, (0, 0, 6.2, 7.5), SEA))
    _picture(slide, photos.cover(), (6.2, 0), 8.72, "An orange watermaker case on a beach")
    picture = slide.shapes[-1]
    picture.crop_left, picture.crop_right = 0.12, 0.062
    picture.left, picture.width = Inches(6.2), Inches(7.133)
    _place(slide.shapes.title, (0.7, 2.0, 5.2, 1.7))
    frame = slide.shapes.title.text_frame
    _runs(frame.paragraphs[0], TITLES[0], 38, WHITE, bold=True)
    frame.paragraphs[0].alignment = 1
    _bar(slide.shapes, (0.8, 3.9, 1.2, 0.06), CORAL)
    _label(slide, (0.7, 4.15, 5.2, 0.9), "Field trial of the Brinewell W40 at three sites on the coast", 20, WHITE)
    _label(slide, (0.7, 6.6, 5.2, 0.4), "Results, October 2025", 14, PALE)
    slide.notes_slide.notes_text_frame.text = NOTES[0]


def _steps(slide: Any) -> None:
    """The trial's four steps as one group of shapes."""
    group = slide.shapes.add_group_shape()
    steps = (("Install", "1 day"), ("Train the crew", "2 hours"), ("Run alone", "6 weeks"), ("Inspect", "1 visit"))
    for index, (name, time) in enumerate(steps):
        box = (8.3, 1.75 + index * 1.2, 4.2, 0.95)
        shape = _bar(group.shapes, box, (SEA, CORAL)[index % 2], MSO_SHAPE.ROUNDED_RECTANGLE)
        frame = shape.text_frame
        frame.word_wrap = True
        _runs(frame.paragraphs[0], name, 20, WHITE, bold=True)
        _runs(frame.add_paragraph(), time, 16, WHITE)
        for paragraph in frame.paragraphs:
            paragraph.alignment = 2
    group.name = "Steps of the trial"


def _chart(slide: Any) -> None:
    data = CategoryChartData()
    data.categories = WEEKS
    for name, values in OUTPUT.items():
        data.add_series(name, values)
    frame = slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(0.8), Inches(1.6), Inches(11.6), Inches(5.2), data
    )
    chart = frame.chart
    chart.has_legend, chart.has_title = True, True
    chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    chart.chart_title.text_frame.text = "Fresh water, litres a week"
    chart.value_axis.maximum_scale, chart.value_axis.minimum_scale = 2000, 0
    chart.font.size, chart.font.name = Pt(14), "Arial"
    for series, color in zip(chart.series, (CORAL, SEA), strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = color
    chart.plots[0].gap_width, chart.plots[0].overlap = 70, -5


def _table(slide: Any) -> None:
    shape = slide.shapes.add_table(len(COSTS), 4, Inches(0.8), Inches(1.8), Inches(11.6), Inches(3.2))
    for row, cells in enumerate(COSTS):
        for column, text in enumerate(cells):
            cell = shape.table.cell(row, column)
            cell.fill.solid()
            cell.fill.fore_color.rgb = SEA if row == 0 else (PALE if row % 2 == 0 else WHITE)
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            paragraph = cell.text_frame.paragraphs[0]
            _runs(paragraph, text, 20, WHITE if row == 0 else INK, bold=row == 0)
            paragraph.alignment = 1 if column == 0 else 3
    remark = "Costs of the unit are spread over seven years. Tanker prices are those of the harbour office, 2024."
    _label(slide, (0.8, 5.4, 11.6, 0.9), remark, 18, INK)


def _settled(data: bytes) -> bytes:
    """The same Office file with fixed dates, so that every run writes the same bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith(".xlsx"):
                part = _settled(part)
            if name == "docProps/core.xml":
                part = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", MADE.strftime("%Y-%m-%dT%H:%M:%SZ").encode(), part)
            new.writestr(zipfile.ZipInfo(name, (2025, 10, 6, 8, 0, 0)), part, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def make(target: Path) -> None:
    """Write the deck to `target`."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    _title_slide(deck)
    slides = {number: _slide(deck, number) for number in range(2, 9)}
    _steps(slides[2])
    _picture(slides[3], scenes.chart_of_coast(), (0.8, 1.6), 7.2, "Map of the three sites")
    _label(slides[3], (8.3, 2.0, 4.3, 3.5), SITES, 20, INK)
    _chart(slides[4])
    _table(slides[5])
    for index, age in enumerate("ac"):
        _picture(
            slides[6],
            photos.cartridge(age),
            (7.9 + index * 2.5, 1.8),
            2.35,
            f"Cartridge {'new' if age == 'a' else 'spent'}",
        )
    slides[7]._element.set("show", "0")
    _bar(slides[8].shapes, (8.3, 1.9, 4.2, 3.6), PALE, MSO_SHAPE.ROUNDED_RECTANGLE)
    _label(slides[8], (8.6, 2.2, 3.7, 3.0), RESULT, 24, SEA)
    deck.core_properties.title, deck.core_properties.author = TITLES[0], "Brinewell field trials"
    deck.core_properties.created = deck.core_properties.modified = MADE
    buffer = BytesIO()
    deck.save(buffer)
    target.write_bytes(_settled(buffer.getvalue()))
