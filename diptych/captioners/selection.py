"""Decide which pictures of a document are sent to the captioner, and say why the others are not.

The decision rests on size, tones and position. When in doubt, the picture is sent: a picture left out by mistake stays
hard to find, while a caption that nobody needs costs less than a cent.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from extractors.errors import ExtractionError
from extractors.pictures.decode import normalise_image, open_image
from extractors.pictures.store import image_path
from extractors.types import WHOLE_KINDS, Extraction, Picture

if TYPE_CHECKING:
    from PIL import Image

MIN_SIDE = 32
"""Pixels of the shorter side. Below, a model sees hardly anything."""
MAX_ASPECT = 20
"""Longer side over shorter side. Above, the picture is a ruled line or an ornament."""
MIN_INK = 0.0003
"""Share of pixels that differ from the background. A page of text has 0.05, a thin line across a picture 0.002."""
INK_CONTRAST = 32
"""Grey levels between ink and background; above the noise of JPEG."""

MAX_ICON_SIDE = 40
"""PDF points of the longer side: about half an inch."""
MAX_LOGO_AREA = 15_000
"""Square PDF points, about one inch by three: the size of letterheads. Some drawings in manuals are as small, so a
logo must also be flat and on the first or last page."""
MIN_BANNER_ASPECT, MAX_BANNER_HEIGHT = 6, 60
"""Width over height, and height in PDF points, of a letterhead across the first page."""
LOGO_TONES, MIN_LOGO_SHARE = 6, 0.9
"""A picture is flat like a logo if its 6 most frequent of 64 tones cover 90 % of it."""

MAX_SOLID_SHARE, MAX_STROKE_SHARE = 0.001, 0.0025
"""Share of positions where a solid block, or an upright stroke, fits into the ink of a page that holds only text."""
SOLID_BLOCK, UPRIGHT_STROKE = (7, 7), (26, 1)
"""(height, width) on the page scaled to 512 x 512: both larger than any part of a letter in running text."""
STROKE_CONTRAST = 40
"""Grey levels between strokes and background: scaling down blurs letters, which must not count as solid."""
MIN_TEXT_CHARACTERS, MIN_OCR_CHARACTERS = 20, 200
"""Characters extracted from a page before it can count as text only. OCR misses handwriting, so it needs more."""

MAX_ASPECT_CHANGE = 0.03
MAX_HASH_DISTANCE = 24
"""Of 256 bits, between near-duplicates."""
MAX_TONE_CHANGE = 24
"""Of 256 levels, at any position of near-duplicates scaled to 128 x 128; saving as JPEG changes less."""

_HASH_SIDE, _COMPARED_SIDE, _SCALED_SIDE = 16, 128, 512


@dataclass(frozen=True, slots=True)
class Selection:
    """Whether a picture is sent."""

    skipped: str = ""
    """Why the picture is not sent, in a word or two; empty if it is."""
    twin: int | None = None
    """Index of an earlier picture that looks the same and shares its caption."""
    problem: str = ""
    """Why the picture could not be opened."""
    pixels: str = ""
    """See `hash_pixels`; of pictures that are sent."""


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """Measurements that decisions are based on."""

    aspect: float
    """Width over height."""
    ink: float
    """Share of pixels that differ from the background."""
    flat: bool
    """Consists of few tones, as logos do."""
    solids: float
    strokes: float
    hash_bits: NDArray[np.bool_]
    """Difference hash, shape (256,): whether each of 16 x 16 cells is brighter than its left neighbour."""
    thumbnail: NDArray[np.int16]
    """RGB, shape (128, 128, 3)."""


def select_pictures(extraction: Extraction, pictures: Path) -> list[Selection]:
    """One selection for each picture, in the extraction's order. `pictures` is the folder of the picture store."""
    selections: list[Selection] = []
    sent: list[tuple[Picture, ImageFeatures, int]] = []
    for index, picture in enumerate(extraction.pictures):
        try:
            file = image_path(picture.image, pictures)
            with open_image(file, f"the picture on page {picture.page}", stored=True) as image:
                features, pixels = measure_image(image), hash_pixels(image)
        except ExtractionError as error:
            selections.append(Selection("unreadable", problem=str(error)))
            continue
        if reason := _reason_to_skip(picture, features, extraction):
            selections.append(Selection(reason))
            continue
        twins = (at for other, seen, at in sent if _are_duplicates(other, seen, picture, features))
        if (twin := next(twins, None)) is not None:
            selections.append(Selection("duplicate", twin))
            continue
        selections.append(Selection(pixels=pixels))
        sent.append((picture, features, index))
    return selections


def measure_image(image: Image.Image) -> ImageFeatures:
    """The features of an image, which is decoded once."""
    upright = normalise_image(image)
    grey = upright.convert("L")
    counts = np.array(grey.histogram())
    background = int(counts.argmax())
    tones = np.sort(counts.reshape(64, 4).sum(axis=1))[::-1]
    strokes = np.abs(_scale(grey, _SCALED_SIDE, _SCALED_SIDE) - background) > STROKE_CONTRAST
    cells = _scale(grey, _HASH_SIDE + 1, _HASH_SIDE)
    return ImageFeatures(
        aspect=grey.width / grey.height,
        ink=float(counts[np.abs(np.arange(256) - background) > INK_CONTRAST].sum() / counts.sum()),
        flat=bool(tones[:LOGO_TONES].sum() >= MIN_LOGO_SHARE * counts.sum()),
        solids=float(_erode(strokes, *SOLID_BLOCK).mean()),
        strokes=float(_erode(strokes, *UPRIGHT_STROKE).mean()),
        hash_bits=(cells[:, 1:] > cells[:, :-1]).ravel(),
        thumbnail=_scale(upright.convert("RGB"), _COMPARED_SIDE, _COMPARED_SIDE),
    )


def hash_pixels(image: Image.Image) -> str:
    """A hash of what a PNG file shows, whatever library compressed it; empty for files that need interpretation."""
    if image.format != "PNG" or image.mode not in ("L", "RGB") or image.info:
        return ""
    return hashlib.sha256(f"{image.mode} {image.size}\0".encode() + image.tobytes()).hexdigest()


def _scale(image: Image.Image, width: int, height: int) -> NDArray[np.int16]:
    from PIL import Image

    return np.asarray(image.resize((width, height), Image.Resampling.BOX), np.int16)


def _erode(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Positions where a block of `height` x `width` lies completely on the mask."""
    sums = np.pad(mask.astype(np.int32), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    block = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    return np.asarray(block == height * width)


def _reason_to_skip(picture: Picture, features: ImageFeatures, extraction: Extraction) -> str:
    if features.ink < MIN_INK:
        return "blank"
    if picture.kind != "table" and max(features.aspect, 1 / features.aspect) > MAX_ASPECT:
        return "rule"
    if min(picture.image.width, picture.image.height) < MIN_SIDE:
        return "too small"
    if picture.kind in WHOLE_KINDS:
        return "text only" if _is_text_only(picture, features, extraction) else ""
    if picture.kind == "figure" and not (picture.caption or picture.label or picture.context):
        return _classify_ornament(picture, features, extraction)
    return ""


def _classify_ornament(picture: Picture, features: ImageFeatures, extraction: Extraction) -> str:
    """`icon` or `logo` if a figure that no text refers to is one, else empty."""
    if picture.box is None:
        return ""
    x0, y0, x1, y1 = picture.box
    width, height = x1 - x0, y1 - y0
    if max(width, height) <= MAX_ICON_SIDE:
        return "icon"
    if picture.page == 1 and height <= MAX_BANNER_HEIGHT and width >= MIN_BANNER_ASPECT * height:
        return "logo"
    outer_page = picture.page in (1, extraction.report.pages)
    return "logo" if outer_page and width * height <= MAX_LOGO_AREA and features.flat else ""


def _is_text_only(picture: Picture, features: ImageFeatures, extraction: Extraction) -> bool:
    """Whether a page shows nothing but text that has been extracted."""
    if picture.page in extraction.report.flagged_pages:
        return False  # the extractor saw something there that it could not extract
    extracted = len(picture.words) >= (MIN_OCR_CHARACTERS if picture.ocr else MIN_TEXT_CHARACTERS)
    return extracted and features.solids <= MAX_SOLID_SHARE and features.strokes <= MAX_STROKE_SHARE


def _are_duplicates(first: Picture, seen: ImageFeatures, second: Picture, features: ImageFeatures) -> bool:
    """Whether two pictures look the same, in outline and in detail, and contain the same words.

    Charts in one style share their frame, axes and background, so a hash alone would confuse them.
    """
    if first.image.sha256 == second.image.sha256:
        return True
    if not first.ocr and not second.ocr and _letters(first.words) != _letters(second.words):
        return False
    if abs(seen.aspect / features.aspect - 1) > MAX_ASPECT_CHANGE:
        return False
    if np.count_nonzero(seen.hash_bits != features.hash_bits) > MAX_HASH_DISTANCE:
        return False
    return bool(np.abs(seen.thumbnail - features.thumbnail).max() <= MAX_TONE_CHANGE)


def _letters(words: str) -> str:
    return "".join(character for character in words.lower() if character.isalnum())
