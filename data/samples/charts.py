"""The charts of the manual, and their numbers, which the questions also use."""

from __future__ import annotations

from dataclasses import dataclass

from samples.flow import Drawing
from samples.sheet import BLUE, CORAL, GREEN, GREY, INK, PALE, SEA, Color, Point, Sheet

ENERGY = {"Eco": (5.2, 8.1), "Normal": (6.4, 9.8), "Boost": (8.3, 12.4)}
"""Mode -> Wh a litre at 20 and at 35 g/kg."""
TEMPERATURES = (2, 5, 10, 15, 20, 25, 30, 35, 38)
OUTPUT = {20: (29, 32, 37, 42, 46, 50, 53, 56, 57), 35: (21, 24, 28, 32, 36, 40, 44, 47, 49)}
"""Salinity in g/kg -> litres an hour at TEMPERATURES (degrees Celsius)."""
PANEL_WATTS = dict(zip(range(6, 19), (40, 110, 200, 300, 390, 460, 500, 500, 455, 380, 290, 190, 95), strict=True))
"""Hour of the day -> watts of the two panels."""
FLUSH_DAYS = {"5 °C": 12, "15 °C": 9, "25 °C": 5, "35 °C": 2}


@dataclass(frozen=True, slots=True)
class Axes:
    """A plot's frame and its scales."""

    left: float
    top: float
    right: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def at(self, x: float, y: float) -> Point:
        """The point of the page where (x, y) is plotted."""
        across = (x - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        up = (y - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        return (self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top))

    def draw(self, sheet: Sheet, ticks: range, title: str) -> None:
        """Horizontal grid with numbers, the two axes, the title of the vertical one."""
        for value in ticks:
            point = self.at(self.x_range[0], value)
            sheet.line([point, (self.right, point[1])], PALE, 0.8)
            sheet.text((self.left - 5, point[1] + 2.6), str(value), "sans", 7.5, INK, "right")
        sheet.line([(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)], INK, 0.9)
        sheet.text((self.left - 22, (self.top + self.bottom) / 2), title, "sans", 7.5, GREY, "center", 90)


def _legend(sheet: Sheet, x: float, y: float, entries: list[tuple[str, Color]]) -> None:
    for text, color in entries:
        sheet.rect((x, y - 5.5, x + 8, y + 0.5), color)
        x += 12 + sheet.text((x + 12, y), text, "sans", 7.5) + 14


def energy(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Grouped bars with their values on top."""
    axes = Axes(x + 32, y + 22, x + wide - 6, y + 150, (0, 3), (0, 14))
    _legend(sheet, axes.left + 6, y + 10, [("20 g/kg", BLUE), ("35 g/kg", CORAL)])
    axes.draw(sheet, range(0, 15, 2), "watt hours a litre")
    for group, (mode, values) in enumerate(ENERGY.items()):
        for index, (value, color) in enumerate(zip(values, (BLUE, CORAL), strict=True)):
            start = group + 0.16 + index * 0.35
            left, top = axes.at(start, value)
            sheet.rect((left, top, axes.at(start + 0.32, 0)[0], axes.bottom), color)
            sheet.label(((left + axes.at(start + 0.32, 0)[0]) / 2, top - 6), f"{value:.1f}", "bold", 7.2)
        sheet.label((axes.at(group + 0.5, 0)[0], axes.bottom + 9), mode, "sans", 8)


def output(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Two curves with markers; the values can only be read off the axes."""
    axes = Axes(x + 32, y + 8, x + wide - 8, y + 158, (0, 40), (0, 60))
    axes.draw(sheet, range(0, 61, 10), "litres an hour")
    for value in range(0, 41, 5):
        point = axes.at(value, 0)
        sheet.line([point, (point[0], axes.top)], PALE, 0.8)
        sheet.line([point, (point[0], point[1] + 3)], INK, 0.8)
        sheet.label((point[0], point[1] + 9), str(value), "sans", 7.5)
    sheet.label(((axes.left + axes.right) / 2, axes.bottom + 20), "feed temperature, °C", "sans", 7.5, GREY)
    for salinity, color in ((20, BLUE), (35, CORAL)):
        points = [axes.at(t, litres) for t, litres in zip(TEMPERATURES, OUTPUT[salinity], strict=True)]
        sheet.curve(points, color, 1.6)
        for point in points:
            sheet.circle(point, 2, fill=color)
    sheet.text(axes.at(3, 49), "brackish, 20 g/kg", "bold", 7.5, BLUE)
    sheet.text(axes.at(20, 28), "sea water, 35 g/kg", "bold", 7.5, CORAL)


def flush(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Horizontal bars; the days are written at their ends."""
    left, right = x + 40, x + wide - 14
    colors = [SEA, BLUE, GREEN, CORAL]
    scale = (right - left) / 14
    for day in range(0, 15, 2):
        at = left + day * scale
        sheet.line([(at, y + 4), (at, y + 98)], PALE, 0.8)
        sheet.label((at, y + 106), str(day), "sans", 7.5)
    for index, (label, days) in enumerate(FLUSH_DAYS.items()):
        top = y + 9 + index * 22
        sheet.text((left - 6, top + 11), label, "sans", 7.8, INK, "right")
        sheet.rect((left, top, left + days * scale, top + 15), colors[index])
        sheet.text((left + days * scale + 5, top + 11), f"{days} days", "bold", 7.5)
    sheet.line([(left, y + 4), (left, y + 98)], INK, 0.9)
    sheet.label(((left + right) / 2, y + 119), "days after the last flush", "sans", 7.5, GREY)


def litres_by() -> dict[int, float]:
    """Hour of the day -> litres made by its end, at 9.8 Wh a litre and 7 % losses."""
    hours = list(PANEL_WATTS)
    return {hour: sum(PANEL_WATTS[h] for h in hours if h <= hour) * 0.93 / 9.8 for hour in hours}


def day(sheet: Sheet, x: float, y: float, wide: float) -> None:
    """Bars on the left scale, a curve on the right one."""
    axes = Axes(x + 36, y + 8, x + wide - 36, y + 140, (6, 19), (0, 600))
    litres = Axes(axes.left, axes.top, axes.right, axes.bottom, (6, 19), (0, 400))
    axes.draw(sheet, range(0, 601, 100), "watts")
    for hour, watts in PANEL_WATTS.items():
        left, top = axes.at(hour + 0.14, watts)
        right = axes.at(hour + 0.86, 0)[0]
        sheet.rect((left, top, right, axes.bottom), (0.95, 0.74, 0.30))
        sheet.label(((left + right) / 2, axes.bottom + 9), f"{hour}–{hour + 1}", "sans", 7.5)
    sheet.label(((axes.left + axes.right) / 2, axes.bottom + 21), "hour of the day", "sans", 7.5, GREY)
    points = [litres.at(6, 0), *(litres.at(hour + 1, total) for hour, total in litres_by().items())]
    sheet.curve(points, SEA, 1.8)
    for point in points:
        sheet.circle(point, 2.2, fill=SEA)
    sheet.line([(axes.right, axes.top), (axes.right, axes.bottom)], SEA, 0.9)
    for value in range(0, 401, 100):
        sheet.text((axes.right + 5, litres.at(6, value)[1] + 2.6), str(value), "sans", 7.5, SEA)
    sheet.text((axes.right + 30, (axes.top + axes.bottom) / 2), "litres", "sans", 7.5, SEA, "center", 90)
    sheet.text(axes.at(6.4, 150), "panels", "bold", 7.5, (0.70, 0.46, 0.05))
    sheet.text(litres.at(15.2, 365), "fresh water", "bold", 7.5, SEA, "right")


CHARTS = {
    "day": Drawing(166, day),
    "energy": Drawing(164, energy),
    "output": Drawing(184, output),
    "flush": Drawing(125, flush),
}
