"""The images and shadings that a page paints, and what shows of them.

MuPDF reports where an image is placed, but not how it is clipped, nor where it is transparent: a photo larger than its
frame would cover the text beside it. Therefore the page is run through a device that keeps a stack of clips and reads
the images' masks. Boxes are on the page as displayed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from extractors.geometry import intersection, merge_boxes, shorter_side
from extractors.page import Raster
from extractors.pdf.render import pymupdf
from extractors.types import Box

MAX_SKEW = 0.01  # ratio of a placement's off-diagonal entries to its scale that still counts as upright
MAX_OVERHEAD = 1000  # bytes that MuPDF adds to the size of an image; some 60 to 700 were seen
MAX_CLIPPED = 2  # points of each edge that may be hidden from an image that is shown whole

MIN_TRIMMED_SIDE = 36.0  # points; margins of smaller images hide nothing
MAX_MASK_PIXELS = 50_000_000  # larger masks are not decoded just for their margins
MIN_OPAQUE = 0.5  # share of an image's greatest opacity; its shadow has less

_EVERYWHERE: Box = (-1e6, -1e6, 1e6, 1e6)
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class PaintedImage:
    """One image, or a shading, which has no pixels."""

    box: Box  # what shows of it
    placed: Box  # where it would be without clips
    width: int = 0
    height: int = 0
    bytes: int = 0  # size of its encoded data, with MuPDF's overhead
    upright: bool = True


def identify_images(page: Any, images: Iterable[PaintedImage], limits: Box) -> tuple[Raster, ...]:
    """Return `images` with their object numbers, cut to `limits`.

    Objects are recognised by their size in pixels and bytes: comparing pixels would decode every image twice. That is
    only done on pages with objects of the same size.
    """
    objects: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for xref, _, width, height, *_ in page.get_images(full=True):
        objects.setdefault((width, height), []).append((_stream_length(page.parent, xref), xref))
    decoded = _decode_images(page) if any(map(_has_twins, objects.values())) else []
    rasters = []
    for image in images:
        box = intersection(image.box, limits)
        if box[0] >= box[2] or box[1] >= box[3]:
            continue
        candidates = objects.get((image.width, image.height), [])
        _, xref = min(candidates, key=lambda candidate: abs(image.bytes - candidate[0]), default=(0, 0))
        digest = f"{image.width}x{image.height}:{image.bytes}"
        if same := next((one for one in decoded if _is_same(one, image)), None):
            xref, digest = same["xref"], same["digest"].hex()
        is_whole = all(abs(a - b) < MAX_CLIPPED for a, b in zip(box, image.placed, strict=True))
        rasters.append(Raster(box, image.width, image.height, digest, xref, image.upright and is_whole))
    return tuple(rasters)


def _has_twins(objects: Iterable[tuple[int, int]]) -> bool:
    """Whether lengths of streams, each with its object, are too close to tell the objects apart."""
    return any(second - first < MAX_OVERHEAD for (first, _), (second, _) in pairwise(sorted(objects)))


def _decode_images(page: Any) -> list[dict[str, Any]]:
    """Return what PyMuPDF knows of the page's images, with boxes on the page as displayed."""
    images = page.get_image_info(xrefs=True)
    for image in images:
        image["bbox"] = tuple(pymupdf().Rect(image["bbox"]) * page.rotation_matrix)
    return list(images)


def _is_same(decoded: dict[str, Any], image: PaintedImage) -> bool:
    edges = zip(decoded["bbox"], image.placed, strict=True)
    return (decoded["width"], decoded["height"]) == (image.width, image.height) and all(
        abs(a - b) < MAX_CLIPPED for a, b in edges
    )


def _stream_length(document: Any, xref: int) -> int:
    kind, value = document.xref_get_key(xref, "Length")
    return int(value) if kind == "int" else len(document.xref_stream_raw(xref) or b"")


class Recorder:
    """The methods of an `FzDevice2` that MuPDF calls while it runs a page; those of subclasses as well."""

    def __init__(self) -> None:
        self.painted: list[PaintedImage] = []  # images and shadings in painting order
        self.clips: list[Box] = [_EVERYWHERE]
        self.masks = 0

    def _add(self, placed: Box, opaque: Box, **image: Any) -> None:
        box = intersection(opaque, self.clips[-1])
        # What is painted into a soft mask never shows as such.
        if not self.masks and box[0] < box[2] and box[1] < box[3]:
            self.painted.append(PaintedImage(box, placed, **image))

    def fill_image(self, context: Any, image: Any, ctm: Any, *paint: Any) -> None:
        placed = _on_page(ctm, _WHOLE)
        has_mask = image.mask and image.mask.w * image.mask.h <= MAX_MASK_PIXELS
        opaque = _opaque_part(image, ctm) if has_mask and shorter_side(placed) > MIN_TRIMMED_SIDE else _WHOLE
        is_skewed = max(abs(ctm.b), abs(ctm.c)) > MAX_SKEW * max(abs(ctm.a), abs(ctm.d))
        self._add(
            placed,
            _on_page(ctm, opaque),
            width=image.w,
            height=image.h,
            bytes=pymupdf().mupdf.ll_fz_image_size(image),
            upright=not is_skewed and ctm.a > 0 and ctm.d > 0,
        )

    fill_image_mask = fill_image

    def fill_shade(self, context: Any, shade: Any, ctm: Any, *paint: Any) -> None:
        rect = pymupdf().mupdf.ll_fz_bound_shade(shade, ctm)
        box = (rect.x0, rect.y0, rect.x1, rect.y1)
        self._add(box, box)

    def clip_path(self, context: Any, path: Any, even_odd: Any, ctm: Any, scissor: Any) -> None:
        rect = pymupdf().mupdf.ll_fz_bound_path(path, None, ctm)
        self.clips.append(intersection((rect.x0, rect.y0, rect.x1, rect.y1), self.clips[-1]))

    def clip_text(self, *call: Any) -> None:
        self.clips.append(self.clips[-1])

    clip_image_mask = clip_stroke_path = clip_stroke_text = clip_text

    def begin_mask(self, *call: Any) -> None:
        self.masks += 1
        self.clips.append(self.clips[-1])  # popped like a clip when what it masks has been painted

    def end_mask(self, *call: Any) -> None:
        self.masks -= 1

    def pop_clip(self, context: Any) -> None:
        if len(self.clips) > 1:
            self.clips.pop()


def _on_page(ctm: Any, part: Box) -> Box:
    """The box on the page of a part of an image, given in shares of its sides."""
    corners = ((ctm.a * u + ctm.c * v + ctm.e, ctm.b * u + ctm.d * v + ctm.f) for u in part[::2] for v in part[1::2])
    return merge_boxes((x, y, x, y) for x, y in corners)


def _opaque_part(image: Any, ctm: Any) -> Box:
    """The part of an image with a mask that lies within its transparent margins, in shares of its sides."""
    mupdf = pymupdf().mupdf
    try:
        pixels, *_ = mupdf.ll_fz_get_pixmap_from_image(image.mask, None, ctm)  # as many as the page shows
    except (RuntimeError, ValueError, mupdf.FzErrorBase):
        return _WHOLE
    opacity = np.array(mupdf.ll_fz_pixmap_samples_memoryview(pixels)).reshape(pixels.h, pixels.stride)[:, : pixels.w]
    mupdf.ll_fz_drop_pixmap(pixels)
    opaque = opacity >= max(1.0, MIN_OPAQUE * opacity.max())
    columns, rows = np.flatnonzero(opaque.any(0)), np.flatnonzero(opaque.any(1))
    if not len(rows):
        return _WHOLE
    height, width = opacity.shape
    return (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)


_AnyRecorder = TypeVar("_AnyRecorder", bound=Recorder)


def record_page(page: Any, recorder: type[_AnyRecorder]) -> _AnyRecorder:
    """Run a `pymupdf.Page` through a `Recorder`, and return it."""
    mupdf = pymupdf().mupdf
    device = _device_class(recorder)()  # type: ignore[arg-type]  # classes are hashable
    mupdf.fz_run_page(mupdf.FzPage(page.this), device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return device  # type: ignore[no-any-return]


@cache
def _device_class(recorder: type[Recorder]) -> Any:
    """The device class, whose base exists only after MuPDF has been imported."""
    base: Any = pymupdf().mupdf.FzDevice2

    class Device(recorder, base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            recorder.__init__(self)
            base.__init__(self)
            for name in dir(recorder):
                if enable := getattr(self, f"use_virtual_{name}", None):
                    enable()

    return Device
