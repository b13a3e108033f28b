"""Which pictures of a document are worth a caption that costs money, and why the others are not.

It is decided by size, tones and place, and in doubt a picture is sent: what is left out wrongly is found less well for
ever, what is sent for nothing costs less than a cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from extractors.errors import ExtractionError
from extractors.pictures.decode import normalise_image, open_image
from extractors.pictures.store import image_path
from extractors.types import Extraction, Picture

if TYPE_CHECKING:
    from PIL import Image

LEAST_PIXELS = 32
"""Of the shorter side: in less nobody sees much."""
RULE_ASPECT = 20
"""So much longer than wide: a rule or an ornament."""
BLANK_INK = 0.0003
"""Least share of pixels that are not background: a page of text has 0.05, a thin line across a picture 0.002."""
ICON_POINTS = 40
LOGO_POINTS = 15_000
"""Square points, an inch by three: letterheads are as large. So are drawings in manuals, hence the other signs."""
BANNER_ASPECT, BANNER_POINTS = 6, 60
LOGO_TONES, LOGO_SHARE = 6, 0.9
"""A logo is flat: so many tones of sixty-four cover so much of it."""
TEXT_FILLS, TEXT_STROKES = 0.001, 0.0025
"""Most share of solid areas, and of upright strokes, on a page that shows nothing but text."""
TEXT_CHARACTERS, OCR_CHARACTERS = 20, 200
"""Least words by which such a page is known; OCR may have missed what is written by hand."""
ALIKE_BITS, ALIKE_TONES = 24, 24
"""Near-duplicates differ by at most so many of 256 bits, and nowhere by more than so many of 256 shades."""
_BITS, _SIDE, _MASK = 16, 128, 512


@dataclass(frozen=True, slots=True)
class Verdict:
    skipped: str = ""
    """Why the picture is not sent, in a word or two; empty: it is."""
    twin: int | None = None
    """The place of an earlier picture that looks the same, whose caption is this one's too."""
    problem: str = ""
    """The picture could not be looked at: one clear sentence."""


@dataclass(frozen=True, slots=True)
class Look:
    """A picture as far as decisions need it."""

    aspect: float
    """Width over height."""
    ink: float
    """Share of pixels that are not background."""
    flat: bool
    fills: float
    strokes: float
    bits: NDArray[np.bool_]
    """Difference hash, shape (256,): is each of 16 x 16 places brighter than its left neighbour?"""
    small: NDArray[np.int16]
    """Red, green and blue, shape (128, 128, 3)."""


def judge(extraction: Extraction, pictures: Path) -> list[Verdict]:
    """One verdict a picture, in the extraction's order; `pictures`: folder of the picture store."""
    verdicts: list[Verdict] = []
    sent: list[tuple[int, Look]] = []
    for place, picture in enumerate(extraction.pictures):
        try:
            with open_image(image_path(picture.image, pictures), f"the picture on page {picture.page}") as image:
                seen = look(image)
        except ExtractionError as error:
            verdicts.append(Verdict("unreadable", problem=str(error)))
            continue
        skipped = _reason(picture, seen, extraction)
        twin = None if skipped else next((n for n, other in sent if _alike(n, other, place, seen, extraction)), None)
        if twin is not None:
            verdicts.append(Verdict("duplicate", twin))
            continue
        verdicts.append(Verdict(skipped))
        if not skipped:
            sent.append((place, seen))
    return verdicts


def look(image: Image.Image) -> Look:
    """Measure a picture; decodes it once."""
    upright = normalise_image(image)
    grey = upright.convert("L")
    counts = np.array(grey.histogram())
    background = int(counts.argmax())
    tones = np.arange(256)
    groups = np.sort(counts.reshape(64, 4).sum(axis=1))[::-1]
    mask = np.abs(_shrunk(grey, _MASK, _MASK) - background) > 40
    tiny = _shrunk(grey, _BITS + 1, _BITS)
    return Look(
        aspect=grey.width / grey.height,
        ink=float(counts[np.abs(tones - background) > 32].sum() / counts.sum()),
        flat=bool(groups[:LOGO_TONES].sum() >= LOGO_SHARE * counts.sum()),
        fills=float(_eroded(mask, 7, 7).mean()),
        strokes=float(_eroded(mask, 26, 1).mean()),
        bits=(tiny[:, 1:] > tiny[:, :-1]).ravel(),
        small=_shrunk(upright.convert("RGB"), _SIDE, _SIDE),
    )


def _shrunk(image: Image.Image, width: int, height: int) -> NDArray[np.int16]:
    from PIL import Image

    return np.asarray(image.resize((width, height), Image.Resampling.BOX), np.int16)


def _eroded(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Where a block of `height` x `width` lies wholly on the mask."""
    sums = np.pad(mask.astype(np.int32), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    whole = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    return np.asarray(whole == height * width)


def _reason(picture: Picture, seen: Look, extraction: Extraction) -> str:
    if seen.ink < BLANK_INK:
        return "blank"
    if picture.kind != "table" and max(seen.aspect, 1 / seen.aspect) > RULE_ASPECT:
        return "rule"
    if min(picture.image.width, picture.image.height) < LEAST_PIXELS:
        return "too small"
    if picture.kind in ("page", "slide"):
        return "text only" if _only_text(picture, seen, extraction) else ""
    if picture.kind == "figure" and not (picture.caption or picture.label or picture.context):
        return _ornament(picture, seen, extraction)
    return ""


def _ornament(picture: Picture, seen: Look, extraction: Extraction) -> str:
    """Of a figure without a caption that nothing refers to: is it an icon or a logo?

    Logos stand on the first page or the last; a small drawing elsewhere may be just what somebody looks for.
    """
    if picture.box is None:
        return ""
    x0, y0, x1, y1 = picture.box
    width, height = x1 - x0, y1 - y0
    if max(width, height) <= ICON_POINTS:
        return "icon"
    if picture.page == 1 and height <= BANNER_POINTS and width >= BANNER_ASPECT * height:
        return "logo"
    outside = picture.page in (1, extraction.report.pages)
    return "logo" if outside and width * height <= LOGO_POINTS and seen.flat else ""


def _only_text(picture: Picture, seen: Look, extraction: Extraction) -> bool:
    """A page that shows nothing but words which are known anyway."""
    if picture.page in extraction.report.flagged_pages:
        return False  # the extractor saw more there than it found
    known = len(picture.words) >= (OCR_CHARACTERS if picture.ocr else TEXT_CHARACTERS)
    return known and seen.fills <= TEXT_FILLS and seen.strokes <= TEXT_STROKES


def _alike(earlier: int, one: Look, later: int, other: Look, extraction: Extraction) -> bool:
    """Whether two pictures show the same: alike in the large and everywhere in the small, with the same words.

    Charts of one make share frame, axes and white ground, so a hash alone would take one for the other.
    """
    first, second = extraction.pictures[earlier], extraction.pictures[later]
    if first.image.sha256 == second.image.sha256:
        return True
    if not first.ocr and not second.ocr and _letters(first.words) != _letters(second.words):
        return False
    if abs(one.aspect / other.aspect - 1) > 0.03 or np.count_nonzero(one.bits != other.bits) > ALIKE_BITS:
        return False
    return bool(np.abs(one.small - other.small).max() <= ALIKE_TONES)


def _letters(words: str) -> str:
    return "".join(character for character in words.lower() if character.isalnum())
