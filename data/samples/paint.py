"""Painting pictures with Pillow: shapes filled with gradients, soft shadows, film grain.

Coordinates are pixels of the finished picture; it is painted larger and scaled down to smooth the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Rgb = tuple[int, int, int]
Xy = tuple[float, float]
Box = tuple[float, float, float, float]
Stops = Sequence[Rgb]
"""Colours spread evenly along a gradient."""
Shape = Callable[[ImageDraw.ImageDraw, int, int], None]
"""Draws a mask, moved by (left, top) large pixels."""
ZOOM = 3


def _moved(box: Box, left: int, top: int) -> Box:
    """The box in large pixels, moved."""
    return (box[0] * ZOOM + left, box[1] * ZOOM + top, box[2] * ZOOM + left, box[3] * ZOOM + top)


def _ramp(size: tuple[int, int], stops: Stops, across: bool) -> Image.Image:
    """A gradient through all `stops`, downwards or across."""
    length = size[0] if across else size[1]
    places = np.linspace(0, len(stops) - 1, max(length, 1))
    table = np.array(stops, dtype=float)
    ramp = np.stack([np.interp(places, range(len(stops)), table[:, band]) for band in range(3)], axis=1)
    line = ramp.round().astype(np.uint8)
    pixels = line[None, :, :] if across else line[:, None, :]
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (size[1], size[0], 3))))


class Canvas:
    """A picture being painted, `size` = (width, height)."""

    def __init__(self, size: tuple[int, int], stops: Stops) -> None:
        self.size = size
        self.image = _ramp((size[0] * ZOOM, size[1] * ZOOM), stops, across=False)

    def _fill(self, box: Box, stops: Stops, across: bool, shape: Shape) -> None:
        """Let `shape` draw a mask of the size of `box`, and pour the gradient through it."""
        area = tuple(round(edge * ZOOM) + grow for edge, grow in zip(box, (-1, -1, 2, 2), strict=True))
        size = (area[2] - area[0], area[3] - area[1])
        mask = Image.new("L", size)
        shape(ImageDraw.Draw(mask), -area[0], -area[1])
        self.image.paste(_ramp(size, stops, across), (area[0], area[1]), mask)

    def polygon(self, points: Sequence[Xy], *stops: Rgb, across: bool = False) -> None:
        """A filled polygon; several colours make a gradient."""
        xs, ys = [x for x, _ in points], [y for _, y in points]

        def shape(draw: ImageDraw.ImageDraw, left: int, top: int) -> None:
            draw.polygon([(x * ZOOM + left, y * ZOOM + top) for x, y in points], fill=255)

        self._fill((min(xs), min(ys), max(xs), max(ys)), stops, across, shape)

    def rounded(self, box: Box, radius: float, *stops: Rgb, across: bool = False) -> None:
        """A rectangle with round corners."""

        def shape(draw: ImageDraw.ImageDraw, left: int, top: int) -> None:
            draw.rounded_rectangle(_moved(box, left, top), radius * ZOOM, fill=255)

        self._fill(box, stops, across, shape)

    def ellipse(self, box: Box, *stops: Rgb, across: bool = False) -> None:
        """A filled ellipse."""

        def shape(draw: ImageDraw.ImageDraw, left: int, top: int) -> None:
            draw.ellipse(_moved(box, left, top), fill=255)

        self._fill(box, stops, across, shape)

    def pie(self, box: Box, start: float, end: float, *stops: Rgb, across: bool = False) -> None:
        """A slice of an ellipse, from `start` to `end` degrees, clockwise from three o'clock."""

        def shape(draw: ImageDraw.ImageDraw, left: int, top: int) -> None:
            draw.pieslice(_moved(box, left, top), start, end, fill=255)

        self._fill(box, stops, across, shape)

    def arc(self, box: Box, start: float, end: float, color: Rgb, thick: float) -> None:
        """A piece of an ellipse's outline."""
        ImageDraw.Draw(self.image).arc(_moved(box, 0, 0), start, end, fill=color, width=round(thick * ZOOM))

    def line(self, points: Sequence[Xy], color: Rgb, thick: float) -> None:
        """A line with round joints and ends."""
        draw, reach = ImageDraw.Draw(self.image), thick * ZOOM / 2
        scaled = [(x * ZOOM, y * ZOOM) for x, y in points]
        draw.line(scaled, fill=color, width=round(thick * ZOOM), joint="curve")
        for x, y in (scaled[0], scaled[-1]):
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=color)

    def hose(self, points: Sequence[Xy], color: Rgb, thick: float) -> None:
        """A bent tube through `points`, with a light along it."""
        path = smooth(points)
        dark = tuple(int(part * 0.6) for part in color)
        light = tuple(min(255, part + 70) for part in color)
        self.line(path, (dark[0], dark[1], dark[2]), thick)
        self.line([(x, y - thick * 0.06) for x, y in path], color, thick * 0.75)
        self.line([(x, y - thick * 0.2) for x, y in path], (light[0], light[1], light[2]), thick * 0.18)

    def text(self, at: Xy, text: str, size: float, color: Rgb, anchor: str = "mm") -> None:
        """Letters of Pillow's own font."""
        font = ImageFont.load_default(size * ZOOM)
        ImageDraw.Draw(self.image).text((at[0] * ZOOM, at[1] * ZOOM), text, fill=color, font=font, anchor=anchor)

    def shadow(self, box: Box, blur: float = 12, strength: int = 90) -> None:
        """A soft oval shadow."""
        self.glow(box, (20, 24, 30), blur, strength)

    def glow(self, box: Box, color: Rgb, blur: float = 12, strength: int = 120) -> None:
        """A soft oval light."""
        reach = blur * 2
        area = (box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach)

        # Blurred at the final size, which looks the same and takes a ninth of the time.
        mask = Image.new("L", (round(area[2] - area[0]), round(area[3] - area[1])))
        ImageDraw.Draw(mask).ellipse((reach, reach, mask.width - reach, mask.height - reach), fill=strength)
        mask = mask.filter(ImageFilter.GaussianBlur(blur / 2)).resize((mask.width * ZOOM, mask.height * ZOOM))
        self.image.paste(color, (round(area[0] * ZOOM), round(area[1] * ZOOM)), mask)

    def finished(self, grain: float = 0, seed: int = 0) -> Image.Image:
        """The picture in its size, with the grain of a photograph (standard deviation in grey levels)."""
        picture = self.image.resize(self.size, Image.Resampling.LANCZOS)
        if not grain:
            return picture
        noise = np.random.default_rng(seed).normal(0, grain, (self.size[1], self.size[0], 1))
        pixels = np.asarray(picture, dtype=float) + noise
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def smooth(points: Sequence[Xy], steps: int = 16) -> list[Xy]:
    """Points of a Catmull-Rom curve through `points`."""
    path = [points[0], *points, points[-1]]
    result: list[Xy] = []
    for a, b, c, d in zip(path, path[1:], path[2:], path[3:], strict=False):
        for t in (step / steps for step in range(steps)):
            result.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*result, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    """The picture as JPEG bytes."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
