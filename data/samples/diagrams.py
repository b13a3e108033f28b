"""The manual's block diagram, wiring diagram, flow chart and site drawing."""

from __future__ import annotations

from itertools import pairwise

from samples.flow import Drawing
from samples.sheet import (
    BLUE,
    CORAL,
    GREEN,
    GREY,
    INK,
    PALE,
    SAND,
    SEA,
    WHITE,
    Color,
    Point,
    Sheet,
)

BROWN: Color = (0.47, 0.28, 0.14)


def _box(sheet: Sheet, at: Point, size: Point, text: str, fill: Color = PALE, edge: Color = SEA) -> None:
    """A labelled box around its centre."""
    (x, y), (w, h) = at, size
    sheet.rect((x - w / 2, y - h / 2, x + w / 2, y + h / 2), fill, edge, 0.9, radius=4)
    sheet.label(at, text, "sans", 7.6)


def _valve(sheet: Sheet, at: Point, name: str, color: Color, below: bool = False) -> None:
    x, y = at
    sheet.poly([(x - 8, y - 5), (x - 8, y + 5), (x + 8, y - 5), (x + 8, y + 5)], WHITE, color, 1)
    sheet.label((x, y + 12 if below else y - 12), name, "bold", 7.6)


def flow(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """From the sea to the tank."""
    mid, low = y + 56, y + 128
    sheet.rect((x, y, x + wide, y + 168), None, PALE, 1)
    stations = [
        ("Strainer\n150 µm", 40),
        ("Feed pump\n60 kPa", 110),
        ("Pre-filter\n20 µm", 180),
        ("Pre-filter\n5 µm", 246),
    ]
    for (_, left), (_, right) in pairwise(stations):
        sheet.arrow([(x + left + 27, mid), (x + right - 27, mid)], BLUE, 1.6)
    for text, offset in stations:
        _box(sheet, (x + offset, mid), (54, 34), text)
    sheet.arrow([(x + 273, mid), (x + 296, mid)], BLUE, 1.6)
    _box(sheet, (x + 325, mid), (58, 40), "High-pressure\npump\n4.8 MPa", SAND, CORAL)
    sheet.arrow([(x + 354, mid), (x + 384, mid)], CORAL, 1.9)
    sheet.rect((x + 384, mid - 22, x + 486, mid + 22), SAND, CORAL, 1, radius=10)
    sheet.line([(x + 390, mid + 14), (x + 480, mid - 14)], GREY, 0.8, "[3 2] 0")
    sheet.label((x + 413, mid - 10), "Membrane", "bold", 7.6)
    sheet.label((x + 455, mid + 12), "BW-4410", "sans", 7.6)
    sheet.arrow([(x + 369, mid), (x + 369, y + 24), (x + 325, y + 24)], CORAL, 1.2)
    _valve(sheet, (x + 342, y + 24), "V1 relief, 5.8 MPa", CORAL)
    _flow_outlets(sheet, x, mid, low)


def _flow_outlets(sheet: Sheet, x: float, mid: float, low: float) -> None:
    sheet.arrow([(x + 405, mid + 22), (x + 405, low), (x + 92, low)], GREY, 1.6)
    _valve(sheet, (x + 330, low), "V2 pressure", GREY, below=True)
    _box(sheet, (x + 53, low), (78, 26), "Brine outlet\n230 L/h", WHITE, GREY)
    sheet.line([(x + 466, mid + 22), (x + 466, low - 28)], GREEN, 1.6)
    sheet.circle((x + 466, low - 36), 9, WHITE, GREEN, 1.2)
    sheet.label((x + 466, low - 36), "QC", "bold", 7)
    sheet.arrow([(x + 466, low - 27), (x + 466, low + 8)], GREEN, 1.6)
    _valve(sheet, (x + 466, low - 12), "", GREEN)
    sheet.text((x + 478, low - 9), "V3", "bold", 7.6)
    _box(sheet, (x + 459, low + 20), (64, 24), "Fresh water\ntank", WHITE, GREEN)
    sheet.arrow([(x + 458, low - 12), (x + 437, low - 12), (x + 437, low - 1)], GREY, 1.0, 4)
    sheet.text((x + 479, low - 33), "cell", "sans", 7, GREY)
    sheet.text((x + 150, low + 12), "salty fresh water returns to the brine line", "italic", 7.4, GREY)


def site(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Shore, sea, unit, strainer and brine outlet with their distances."""
    sea, end = y + 92, x + wide
    sheet.rect((x, sea, end, y + 186), (0.85, 0.92, 0.97))
    sheet.poly([(x, y + 58), (x + 84, y + 58), (x + 128, y + 168), (end, y + 172), (end, y + 186), (x, y + 186)],
               (0.90, 0.83, 0.68))  # fmt: skip
    sheet.line([(x + 97, sea), (end, sea)], BLUE, 1.2)
    sheet.rect((x + 24, y + 34, x + 70, y + 58), CORAL, INK, 0.8, radius=3)
    sheet.label((x + 47, y + 46), "W40", "bold", 8, WHITE)
    sheet.curve([(x + 70, y + 48), (x + 104, y + 44), (x + 130, y + 74), (x + 134, y + 122)], BLUE, 2)
    sheet.rect((x + 128, y + 122, x + 140, y + 142), GREY, INK, 0.6, radius=2)
    sheet.text((x + 144, y + 135), "strainer", "sans", 7.5)
    sheet.curve([(x + 70, y + 40), (x + 140, y + 26), (x + 196, y + 62), (x + 214, y + 108)], GREY, 2)
    sheet.text((x + 207, y + 119), "brine", "sans", 7.5)
    sheet.arrow([(x + 12, y + 58), (x + 12, sea)], INK, 0.7, 4, both=True)
    sheet.line([(x + 6, sea), (x + 97, sea)], INK, 0.5, "[2 2] 0")
    sheet.text((x + 17, y + 80), "2.5 m max.", "bold", 7.5)
    sheet.arrow([(x + 134, sea + 1), (x + 134, y + 121)], CORAL, 0.9, 4, both=True)
    sheet.text((x + 139, y + 110), "1 m min.", "bold", 7.5)
    sheet.arrow([(x + 134, y + 143), (x + 134, y + 168)], CORAL, 0.9, 4, both=True)
    sheet.text((x + 139, y + 160), "0.6 m min.", "bold", 7.5)
    sheet.arrow([(x + 134, y + 84), (x + 208, y + 84)], CORAL, 0.9, 4, both=True)
    sheet.text((x + 152, y + 80), "6 m min.", "bold", 7.5)
    sheet.arrow([(x + 168, y + 179), (x + 214, y + 179)], SEA, 1.2, 5)
    sheet.text((x + 163, y + 182), "current", "italic", 7.5, SEA, "right")
    sheet.text((x + 2, y + 8), "shade", "italic", 7.5, GREY)
    sheet.line([(x + 4, y + 14), (x + 84, y + 22)], GREY, 2)
    sheet.line([(x + 80, y + 22), (x + 80, y + 58)], GREY, 1)


WIRES: list[tuple[str, str, Color, int]] = [
    ("1", "brown 6 mm²", BROWN, 1),
    ("2", "blue 6 mm²", BLUE, 1),
    ("3", "red 1 mm²", CORAL, 1),
    ("4", "red 1 mm²", CORAL, 1),
    ("5", "white 0.75 mm²", GREY, 1),
    ("6", "green 0.75 mm²", GREEN, 1),
]
"""Terminal of X1, the words beside its wire, its colour."""


def wiring(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Panels, controller, battery, terminal block, and what hangs on it."""
    sheet.rect((x, y, x + wide, y + 196), None, PALE, 1)
    rows = [y + 26 + index * 28 for index in range(6)]
    _supply(sheet, x, rows)
    sheet.rect((x + 300, y + 10, x + 330, y + 184), PALE, INK, 1)
    sheet.text((x + 315, y + 193), "X1", "bold", 7.6, INK, "center")
    for row, (terminal, _, _, _) in zip(rows, WIRES, strict=True):
        sheet.circle((x + 315, row), 8.5, WHITE, INK, 0.8)
        sheet.label((x + 315, row), terminal, "bold", 7.6)
    for row, (_, text, color, _) in zip(rows, WIRES, strict=True):
        sheet.line([(x + 324, row), (x + 412, row)], color, 1.8)
        sheet.text((x + 334, row - 3.5), text, "sans", 7.2)
    for index, text in enumerate(("Motor drive\nBW-6100", "Emergency\nstop S2", "Tank level\nswitch S3")):
        top = rows[2 * index]
        sheet.rect((x + 412, top - 12, x + 484, top + 40), SAND, CORAL, 0.9, radius=4)
        sheet.label((x + 448, top + 14), text, "sans", 7.6)


def _supply(sheet: Sheet, x: float, rows: list[float]) -> None:
    plus, minus = rows[0], rows[1]
    for index in range(2):
        left = x + 16 + index * 44
        sheet.rect((left, rows[3] + 12, left + 38, rows[5] + 10), (0.12, 0.25, 0.45), INK, 0.8)
        for step in (1, 2):
            sheet.line([(left + step * 38 / 3, rows[3] + 12), (left + step * 38 / 3, rows[5] + 10)], WHITE, 0.5)
        for step in (1, 2, 3):
            sheet.line([(left, rows[3] + 12 + step * 13.5), (left + 38, rows[3] + 12 + step * 13.5)], WHITE, 0.5)
    sheet.text((x + 57, rows[5] + 21), "panels 2 × 300 W", "sans", 7.5, INK, "center")
    _box(sheet, (x + 57, rows[2] + 4), (88, 30), "Charge controller\n30 A, MPPT", WHITE, GREEN)
    sheet.arrow([(x + 57, rows[3] + 12), (x + 57, rows[2] + 20)], GREEN, 1.4)
    _box(sheet, (x + 57, (plus + minus) / 2 - 4), (88, 34), "Battery\n24 V, 100 Ah", WHITE, SEA)
    sheet.arrow([(x + 57, rows[2] - 11), (x + 57, minus + 1)], GREEN, 1.4, both=False)
    sheet.line([(x + 101, plus), (x + 306, plus)], BROWN, 2)
    sheet.line([(x + 101, minus - 10), (x + 112, minus - 10), (x + 112, minus), (x + 306, minus)], BLUE, 2)
    sheet.text((x + 104, plus - 4), "+", "bold", 9)
    sheet.text((x + 116, minus - 4), "–", "bold", 9)
    sheet.rect((x + 150, plus - 6, x + 178, plus + 6), WHITE, INK, 0.9)
    sheet.label((x + 164, plus - 13), "F1, 30 A", "bold", 7.5)
    sheet.rect((x + 222, plus - 7, x + 254, plus + 7), WHITE)
    sheet.line([(x + 222, plus), (x + 250, plus - 12)], INK, 1.4)
    sheet.circle((x + 222, plus), 2, fill=INK)
    sheet.circle((x + 254, plus), 2, fill=INK)
    sheet.text((x + 238, plus + 14), "S1 isolator", "bold", 7.5, INK, "center")
    sheet.line([(x + 200, minus), (x + 200, rows[3])], GREEN, 1.4, "[4 3] 0")
    for step in range(3):
        sheet.line([(x + 191 + 3 * step, rows[3] + 4 * step), (x + 209 - 3 * step, rows[3] + 4 * step)], GREEN, 1.4)
    sheet.text((x + 214, rows[3] + 3), "sea earth, bronze plate", "sans", 7.5)
    sheet.text((x + 207, rows[2] + 14), "yellow-green 10 mm²", "sans", 7.2)


STEPS = [
    ("Is the feed pressure\nbelow 35 kPa?", "Clean the strainer,\nthen bleed the hose"),
    ("Do the pre-filters drop\nmore than 80 kPa?", "Replace both\ncartridges"),
    ("Is the sea colder\nthan 10 °C?", "Low output is normal,\nsee the chart"),
    ("Is the gauge below\n4.5 MPa?", "Turn knob G to the\nright, half a turn"),
    ("Has the membrane\nbeen cleaned?", "Replace the\nmembrane"),
]


def faults(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Questions down the left, remedies on the right."""
    ask, act, step = x + 59, x + wide - 47, 56.0
    sheet.rect((ask - 46, y + 2, ask + 46, y + 20), SEA, radius=9)
    sheet.label((ask, y + 11), "Output too low", "bold", 7.8, WHITE)
    for index, (question, remedy) in enumerate(STEPS):
        mid = y + 58 + index * step
        sheet.arrow([(ask, mid - 38 if index == 0 else mid - 32), (ask, mid - 22)], INK, 0.9, 4)
        sheet.poly([(ask - 59, mid), (ask, mid - 22), (ask + 59, mid), (ask, mid + 22)], WHITE, SEA, 1)
        sheet.label((ask, mid), question, "sans", 6.9)
        sheet.arrow([(ask + 59, mid), (act - 47, mid)], INK, 0.9, 4)
        sheet.text((ask + 61, mid - 4), "yes", "bold", 7, GREEN)
        sheet.rect((act - 47, mid - 15, act + 47, mid + 15), SAND, CORAL, 0.9, radius=4)
        sheet.label((act, mid), remedy, "sans", 7.4)
        sheet.text((ask + 4, mid + 29), "no", "bold", 7, CORAL)
    last = y + 58 + (len(STEPS) - 1) * step
    sheet.arrow([(ask, last + 22), (ask, last + 36)], INK, 0.9, 4)
    sheet.rect((ask - 58, last + 36, ask + 58, last + 62), PALE, SEA, 0.9, radius=4)
    sheet.label((ask, last + 49), "Clean it: alkaline first,\nthen acid", "sans", 7.4)


DIAGRAMS = {
    "flow": Drawing(168, flow),
    "site": Drawing(186, site),
    "wiring": Drawing(196, wiring),
    "faults": Drawing(346, faults),
}
