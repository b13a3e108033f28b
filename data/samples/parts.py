"""The manual's mechanical drawings: the exploded pump, the end cap, the outline with dimensions."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi, sin

from samples.flow import Drawing
from samples.sheet import CORAL, GREY, INK, PALE, SAND, SEA, WHITE, Color, Point, Sheet

BRONZE: Color = (0.80, 0.62, 0.33)
STEEL: Color = (0.78, 0.81, 0.84)
RUBBER: Color = (0.25, 0.26, 0.28)


def _disc(sheet: Sheet, at: Point, size: Point, deep: float, fill: Color) -> None:
    """A short cylinder seen aslant, its axis running to the right."""
    (x, y), (w, h) = at, size
    dark = tuple(part * 0.82 for part in fill)
    sheet.oval((x + deep - w, y - h, x + deep + w, y + h), (dark[0], dark[1], dark[2]), INK, 0.7)
    sheet.rect((x, y - h, x + deep, y + h), fill)
    sheet.line([(x, y - h), (x + deep, y - h)], INK, 0.7)
    sheet.line([(x, y + h), (x + deep, y + h)], INK, 0.7)
    sheet.oval((x - w, y - h, x + w, y + h), fill, INK, 0.7)


def pump(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Parts along three axes that run from the bolts on the left to the crankcase on the right."""
    axes = [y + 70, y + 108, y + 146]
    for axis in axes:
        sheet.line([(x + 8, axis), (x + 190, axis)], GREY, 0.6, "[6 2 1 2] 0")
    for axis in (y + 50, y + 166):
        sheet.line([(x + 8, axis), (x + 60, axis)], GREY, 0.6, "[6 2 1 2] 0")
        sheet.rect((x + 12, axis - 2.5, x + 36, axis + 2.5), STEEL, INK, 0.7)
        sheet.rect((x + 6, axis - 5, x + 13, axis + 5), STEEL, INK, 0.7)
    _head(sheet, x, y, axes)
    for axis in axes:
        _disc(sheet, (x + 97, axis), (4, 10), 3, RUBBER)
        _disc(sheet, (x + 113, axis), (4, 9), 9, STEEL)
        _disc(sheet, (x + 136, axis), (3.5, 8), 4, (0.30, 0.45, 0.60))
        _disc(sheet, (x + 152, axis), (2.5, 5), 28, WHITE)
    _crankcase(sheet, x, y, axes)
    numbers = [
        ("1", (x + 20, y + 22), (x + 22, y + 48)),
        ("2", (x + 66, y + 16), (x + 66, y + 46)),
        ("3", (x + 97, y + 16), (x + 98, y + 62)),
        ("4", (x + 122, y + 16), (x + 118, y + 62)),
        ("5", (x + 138, y + 198), (x + 138, y + 153)),
        ("6", (x + 166, y + 198), (x + 168, y + 149)),
        ("7", (x + 204, y + 16), (x + 206, y + 46)),
        ("8", (x + 222, y + 198), (x + 214, y + 152)),
    ]
    for number, at, to in numbers:
        sheet.balloon(at, number, to)


def _head(sheet: Sheet, x: float, y: float, axes: list[float]) -> None:
    sheet.poly([(x + 48, y + 42), (x + 60, y + 34), (x + 88, y + 34), (x + 76, y + 42)], BRONZE, INK, 0.7)
    sheet.poly([(x + 76, y + 42), (x + 88, y + 34), (x + 88, y + 166), (x + 76, y + 174)], (0.66, 0.50, 0.26), INK, 0.7)
    sheet.rect((x + 48, y + 42, x + 76, y + 174), BRONZE, INK, 0.8)
    for axis in axes:
        sheet.circle((x + 62, axis), 9, (0.70, 0.53, 0.27), INK, 0.7)
        sheet.circle((x + 62, axis), 5, RUBBER, INK, 0.5)


def _crankcase(sheet: Sheet, x: float, y: float, axes: list[float]) -> None:
    sheet.poly([(x + 188, y + 42), (x + 199, y + 32), (x + 234, y + 32), (x + 223, y + 42)], SEA, INK, 0.7)
    sheet.poly(
        [(x + 223, y + 42), (x + 234, y + 32), (x + 234, y + 166), (x + 223, y + 176)], (0.03, 0.2, 0.3), INK, 0.7
    )
    sheet.rect((x + 188, y + 42, x + 223, y + 176), SEA, INK, 0.8)
    for axis in axes:
        sheet.circle((x + 197, axis), 5.5, RUBBER, INK, 0.6)
    sheet.circle((x + 213, y + 147), 7, SAND, INK, 0.8)
    for step in range(4):
        sheet.line([(x + 206, y + 60 + 18 * step), (x + 219, y + 60 + 18 * step)], WHITE, 0.7)


ORDER = (1, 3, 5, 2, 4, 6)
"""When the bolt is tightened; clockwise, from the top."""


def bolts(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """The end cap with the number of each bolt in it."""
    at = (x + wide / 2, y + 74)
    sheet.circle(at, 70, STEEL, INK, 1)
    sheet.circle(at, 63, PALE, INK, 0.6)
    sheet.circle(at, 24, WHITE, INK, 0.8)
    sheet.circle(at, 6, RUBBER, INK, 0.8)
    spots = [(at[0] + 45 * sin(step * pi / 3), at[1] - 45 * cos(step * pi / 3)) for step in range(6)]
    by_order = [spots[ORDER.index(turn)] for turn in range(1, 7)]
    for start, end in pairwise(by_order):
        sheet.line([start, end], CORAL, 0.7, "[3 2] 0")
    for spot, turn in zip(spots, ORDER, strict=True):
        hexagon = [(spot[0] + 12 * cos(k * pi / 3), spot[1] + 12 * sin(k * pi / 3)) for k in range(6)]
        sheet.poly(hexagon, WHITE, INK, 0.9)
        sheet.label(spot, str(turn), "bold", 10)
    sheet.text((at[0] + 47, y + 6), "fresh water tube", "sans", 7.5)
    sheet.line([(at[0] + 43, y + 6), (at[0] + 3, at[1] - 4)], INK, 0.6)
    sheet.text((at[0] - 47, y + 147), "pull-out thread", "sans", 7.5, INK, "right")
    sheet.circle((at[0] - 8, at[1] + 14), 2, RUBBER)
    sheet.line([(at[0] - 43, y + 144), (at[0] - 9, at[1] + 16)], INK, 0.6)


def _dimension(sheet: Sheet, start: Point, end: Point, text: str) -> None:
    sheet.arrow([start, end], INK, 0.6, 4, both=True)
    upright = abs(start[0] - end[0]) < 1
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    at = (middle[0] - 3, middle[1]) if upright else (middle[0], middle[1] - 3)
    sheet.text(at, text, "sans", 7.5, INK, "center", 90 if upright else 0)


def outline(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Two views side by side: (a) front, (b) side with the lid open and the tray drawn out."""
    base, left, right, tray = y + 112, x + 166, x + 220, x + 133
    sheet.rect((x + 14, base - 34, x + 106, base), SAND, INK, 0.9, radius=4)
    sheet.rect((x + 14, base - 48, x + 106, base - 34), PALE, INK, 0.9, radius=4)
    for lock in (30, 80):
        sheet.rect((x + lock, base - 39, x + lock + 11, base - 29), STEEL, INK, 0.7)
    sheet.rect((x + 48, base - 21, x + 72, base - 15), STEEL, INK, 0.7, radius=3)
    _dimension(sheet, (x + 14, base + 12), (x + 106, base + 12), "720")
    _dimension(sheet, (x + 7, base), (x + 7, base - 48), "380")
    sheet.rect((left, base - 34, right, base), SAND, INK, 0.9, radius=4)
    lid = [(right - 2, base - 37), (right + 5, base - 35), (right + 15, base - 97), (right + 1, base - 101)]
    sheet.poly(lid, PALE, INK, 0.9)
    sheet.circle((right, base - 35), 2.5, STEEL, INK, 0.7)
    sheet.rect((tray, base - 12, left, base - 5), STEEL, INK, 0.7)
    _dimension(sheet, (left, base + 12), (right, base + 12), "420")
    _dimension(sheet, (tray, base - 18), (left, base - 18), "260")
    _dimension(sheet, (x + 124, base), (x + 124, base - 101), "790")
    sheet.line([(x + 120, base - 101), (right, base - 101)], GREY, 0.5)
    sheet.line([(x + 120, base), (left, base)], GREY, 0.5)
    sheet.text((x + 60, base + 28), "(a)", "bold", 8, INK, "center")
    sheet.text(((left + right) / 2, base + 28), "(b)", "bold", 8, INK, "center")


PARTS = {"pump": Drawing(210, pump), "bolts": Drawing(148, bolts), "outline": Drawing(144, outline)}
