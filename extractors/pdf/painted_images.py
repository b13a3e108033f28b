"""Images and shadings as a page paints them: placed by their matrices, cut by the clips in force.

MuPDF's text device knows where an image is placed but not what of it shows: a photo larger than its frame would
cover the text beside it. So the page is played once more into a device of our own that keeps a stack of clips.
Coordinates come out as displayed, rotation and crop applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from extractors.page import Raster
from extractors.pdf.render import pymupdf
from extractors.types import Box

_EVERYWHERE: Box = (-1e6, -1e6, 1e6, 1e6)


@dataclass(frozen=True, slots=True)
class Painted:
    """One image (or, without pixels, one shading or stencil of a single pixel) as painted."""

    box: Box
    """What shows of it."""
    placed: Box
    """Where it would lie without clips."""
    width: int = 0
    height: int = 0
    bytes: int = 0
    """Size of the image's own data, a few dozen bytes of overhead included."""
    upright: bool = True


def _shared(a: Box, b: Box) -> Box:
    return (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


class _Record:
    """What a page paints: MuPDF calls the methods named in `_CALLED` of its device while it plays the page."""

    def __init__(self) -> None:
        self.painted: list[Painted] = []
        self.clips: list[Box] = [_EVERYWHERE]
        self.masks = 0

    def _add(self, placed: Box, **image: Any) -> None:
        box = _shared(placed, self.clips[-1])
        # What is painted into a soft mask never shows as such.
        if not self.masks and box[0] < box[2] and box[1] < box[3]:
            self.painted.append(Painted(box, placed, **image))

    def _image(self, image: Any, ctm: Any) -> None:
        corners_x = sorted((ctm.e, ctm.e + ctm.a, ctm.e + ctm.c, ctm.e + ctm.a + ctm.c))
        corners_y = sorted((ctm.f, ctm.f + ctm.b, ctm.f + ctm.d, ctm.f + ctm.b + ctm.d))
        turned = max(abs(ctm.b), abs(ctm.c)) > 0.01 * max(abs(ctm.a), abs(ctm.d))
        self._add(
            (corners_x[0], corners_y[0], corners_x[-1], corners_y[-1]),
            width=image.w,
            height=image.h,
            bytes=pymupdf().mupdf.ll_fz_image_size(image),
            upright=not turned and ctm.a > 0 and ctm.d > 0,
        )

    def fill_image(self, context: Any, image: Any, ctm: Any, *paint: Any) -> None:
        self._image(image, ctm)

    def fill_image_mask(self, context: Any, image: Any, ctm: Any, *paint: Any) -> None:
        self._image(image, ctm)

    def fill_shade(self, context: Any, shade: Any, ctm: Any, *paint: Any) -> None:
        rect = pymupdf().mupdf.ll_fz_bound_shade(shade, ctm)
        self._add((rect.x0, rect.y0, rect.x1, rect.y1))

    def clip_path(self, context: Any, path: Any, even_odd: Any, ctm: Any, scissor: Any) -> None:
        rect = pymupdf().mupdf.ll_fz_bound_path(path, None, ctm)
        self.clips.append(_shared((rect.x0, rect.y0, rect.x1, rect.y1), self.clips[-1]))

    def clip_image_mask(self, context: Any, image: Any, ctm: Any, scissor: Any) -> None:
        self.clips.append(self.clips[-1])

    def clip_text(self, context: Any, text: Any, ctm: Any, scissor: Any) -> None:
        self.clips.append(self.clips[-1])

    def clip_stroke_path(self, context: Any, path: Any, stroke: Any, ctm: Any, scissor: Any) -> None:
        self.clips.append(self.clips[-1])

    def clip_stroke_text(self, context: Any, text: Any, stroke: Any, ctm: Any, scissor: Any) -> None:
        self.clips.append(self.clips[-1])

    def begin_mask(self, context: Any, *mask: Any) -> None:
        self.masks += 1
        self.clips.append(self.clips[-1])  # popped like a clip, once what it masks is painted

    def end_mask(self, context: Any, *mask: Any) -> None:
        self.masks -= 1

    def pop_clip(self, context: Any) -> None:
        if len(self.clips) > 1:
            self.clips.pop()


_CALLED = (
    "fill_image", "fill_image_mask", "fill_shade", "clip_path", "clip_image_mask", "clip_text",
    "clip_stroke_path", "clip_stroke_text", "begin_mask", "end_mask", "pop_clip",
)  # fmt: skip


@cache
def _device_class() -> Any:
    """The device, defined when MuPDF is first needed."""
    device: Any = pymupdf().mupdf.FzDevice2

    class Painter(_Record, device):  # type: ignore[misc]
        def __init__(self) -> None:
            _Record.__init__(self)
            device.__init__(self)
            for name in _CALLED:
                getattr(self, f"use_virtual_{name}")()

    return Painter


def painted(page: Any) -> list[Painted]:
    """What a `pymupdf.Page` paints besides text and paths, in painting order."""
    mupdf = pymupdf().mupdf
    device = _device_class()()
    mupdf.fz_run_page(mupdf.FzPage(page.this), device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    found: list[Painted] = device.painted
    return found


def named(page: Any, images: Iterable[Painted], limits: Box) -> tuple[Raster, ...]:
    """`images` as rasters with their object numbers, cut to `limits`.

    The object is told by size in pixels and length in bytes: comparing pixels would decode every image twice.
    """
    objects: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in page.get_images(full=True):
        objects.setdefault((row[2], row[3]), []).append((row[0], _length(page.parent, row[0])))
    rasters = []
    for image in images:
        box = _shared(image.box, limits)
        if box[0] >= box[2] or box[1] >= box[3]:
            continue
        candidates = objects.get((image.width, image.height), [])
        xref, _ = min(candidates, key=lambda c: abs(image.bytes - c[1]), default=(0, 0))
        digest = f"{image.width}x{image.height}:{image.bytes}"
        whole = all(abs(a - b) < 2 for a, b in zip(box, image.placed, strict=True))
        rasters.append(Raster(box, image.width, image.height, digest, xref, image.upright and whole))
    return tuple(rasters)


def _length(document: Any, xref: int) -> int:
    kind, value = document.xref_get_key(xref, "Length")
    if kind == "int":
        return int(value)
    return len(document.xref_stream_raw(xref) or b"")
