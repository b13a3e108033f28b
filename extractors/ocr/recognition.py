"""Words from pixels: by Tesseract where it is installed, by RapidOCR otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, cast

from extractors.errors import ExtractionError
from extractors.ocr.engines import Angle, Engine, Word, orientation, rapidocr_words, tesseract_lacks, tesseract_words
from extractors.page import Line
from extractors.types import Box, Options

if TYPE_CHECKING:
    from PIL import Image

OCR_LONG_SIDE = 1800
"""Pixels of the long side at which pages are read: larger images are shrunk to it, so render no finer."""

_COARSE_SIDE = 1300
_LEAST_SIDE, _LEAST_AREA = 40, 8_000  # pixels: smaller pictures hold no words worth a process
_SURE, _READABLE = 0.6, 0.3  # confidence of a word that stands alone, and of one in a line that is sure as a whole
_SURE_ALONE = 0.85
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_MUCH_UNREAD = 0.3  # of the sharp edges
_NO_TEXT = 0.5  # sureness of the orientation
_DENSE = 800  # letters: a page of text, whose other edges are stamps and pictures
_WORDLIKE = re.compile(rf"[^\W_]{{2}}|[{_IDEOGRAPH}]|^\W*\d\W*$")
_SPACE_BETWEEN_IDEOGRAPHS = re.compile(rf"(?<=[{_IDEOGRAPH}]) (?=[{_IDEOGRAPH}])")


@dataclass(frozen=True, slots=True)
class OcrResult:
    """What was read in one image."""

    lines: tuple[Line, ...]
    """Boxes and sizes in pixels of the image after turning it by `angle`."""
    angle: Angle
    """Degrees clockwise by which the image had to be turned to stand upright."""
    engine: Engine
    confidence: float
    """Mean over the characters kept, 0 to 1; 0 when nothing was read."""


def choose_engine(options: Options) -> tuple[Engine | None, str]:
    """The engine to use, or None, with a sentence on what is missing and what that costs, or ""."""
    if options.ocr == "off":
        return None, "OCR is switched off: pages and pictures without text stay without words"
    missing = "" if options.ocr == "rapidocr" else tesseract_lacks(options.ocr_languages)
    if options.ocr != "rapidocr" and not missing:
        return "tesseract", ""
    if options.ocr == "tesseract":
        return None, f"{missing}; pages and pictures without text stay without words"
    if find_spec("rapidocr"):
        return "rapidocr", f"{missing}; RapidOCR reads instead, some ten times slower" if missing else ""
    parts = [part for part in (missing, "RapidOCR is not installed (pip install rapidocr)") if part]
    return None, f"{'; '.join(parts)}; pages and pictures without text stay without words"


def recognise_page(image: Image.Image, options: Options) -> OcrResult:
    """All lines of a page's image, turned upright first where it stands on its side or head.

    Raises `ExtractionError` when there is no engine, or when it takes too long or fails.
    """
    engine = _engine(options)
    look = _reader(engine, options)
    grey, scale = _prepared(image)
    angle: Angle = 0
    words = look(grey, False)
    if _looks_turned(words):
        angle, words = _upright(look, grey, words, engine)
    kept = _kept(words, _READABLE)
    upright = _turn(grey, angle)
    dense = _value(kept) > max(_DENSE, 0.85 * _letters(words))
    if engine == "tesseract" and not dense and _unread(kept, upright) > _MUCH_UNREAD:
        # Slides, covers, maps: words on pictures, which the analysis of the page passes over.
        more = _second_look(look, _without(upright, kept))
        rubbish = _letters(kept) + _letters(_kept(more, _SURE)) < 0.1 * _letters(more)
        kept = [] if rubbish else _joined(kept, more)
    letters = sum(len(word.text) for word in kept)
    confidence = sum(word.confidence * len(word.text) for word in kept) / letters if letters else 0.0
    return OcrResult(_lines(kept, scale), angle, engine, confidence)


def recognise_words(image: Image.Image, options: Options) -> str:
    """The words within a figure's image, line by line; "" for tiny pictures. Raises as `recognise_page` does."""
    if min(image.size) < _LEAST_SIDE or image.width * image.height < _LEAST_AREA:
        return ""
    grey, scale = _prepared(image)
    words = _kept(_reader(_engine(options), options)(grey, True), _SURE)
    return "\n".join(line.text for line in _lines(words, scale))


def _engine(options: Options) -> Engine:
    engine, reason = choose_engine(options)
    if engine is None:
        raise ExtractionError(reason)
    return engine


_Reader = Callable[["Image.Image", bool], list[Word]]
"""(grey image, sparse) -> words, boxes in its pixels."""


def _reader(engine: Engine, options: Options) -> _Reader:
    if engine == "rapidocr":
        return lambda image, sparse: rapidocr_words(image)
    return lambda image, sparse: tesseract_words(image, options.ocr_languages, sparse=sparse)


def _prepared(image: Image.Image) -> tuple[Image.Image, float]:
    """Grey, its long side `OCR_LONG_SIDE` (small pictures at most doubled), and the factor it was scaled by."""
    from PIL import Image

    from extractors.pictures.decode import flatten_image

    grey = flatten_image(image).convert("L")
    scale = min(OCR_LONG_SIDE / max(grey.size), 2.0)
    size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
    return grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0), scale


def _turn(image: Image.Image, angle: Angle) -> Image.Image:
    from PIL import Image

    method = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    return image.transpose(method[angle]) if angle else image  # Pillow turns anticlockwise


# --- judging what was read ---------------------------------------------------


def _letters(words: Iterable[Word], confidence: float = 0.0) -> int:
    return sum(len(word.text) for word in words if word.confidence >= confidence)


def _value(words: Sequence[Word]) -> int:
    """How much was surely read in upright words; tells a right turn from a wrong one."""
    return _letters([word for word in words if _WORDLIKE.search(word.text) and not _tall(word)], _SURE)


def _tall(word: Word) -> bool:
    width, height = word.box[2] - word.box[0], word.box[3] - word.box[1]
    return len(word.text) > 2 and height > 1.5 * width


def _looks_turned(words: Sequence[Word]) -> bool:
    """Much was read and most of it is doubtful, or most words run up or down."""
    letters = _letters(words)
    return letters >= 30 and _value(words) < 0.5 * letters


def _unread(words: Sequence[Word], image: Image.Image) -> float:
    """The share of sharp edges that lie outside of all words: letters not found, or pictures."""
    import numpy as np

    # Half the pixels each way suffice, and an edge is a step of 60 of 255: paper grain and shades are none.
    edges = np.abs(np.diff(np.asarray(image, dtype=np.int16)[::2, ::2], axis=1)) > 60
    total = int(edges.sum())
    for word in words:
        x0, y0, x1, y1 = (max(0, int(value / 2)) for value in word.box)
        edges[max(0, y0 - 1) : y1 + 2, max(0, x0 - 1) : x1 + 2] = False
    return float(edges.sum()) / total if total else 0.0


def _second_look(look: _Reader, image: Image.Image) -> list[Word]:
    """Sparse words at a coarser scale, for what stands on pictures is large, and a search of pictures slow."""
    scale = min(1.0, _COARSE_SIDE / max(image.size))
    coarse = image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))
    words = look(coarse, True)
    return [replace(word, box=cast(Box, tuple(value / scale for value in word.box))) for word in words]


def _without(image: Image.Image, words: Sequence[Word]) -> Image.Image:
    """The image with these words painted over in the shade behind them, so that they are not read again."""
    import numpy as np
    from PIL import Image

    pixels = np.array(image)
    for word in words:
        x0, y0, x1, y1 = (max(0, int(value)) for value in word.box)
        part = pixels[y0 : y1 + 1, x0 : x1 + 1]
        if part.size:
            part[...] = np.median(part)  # letters cover less than half of their box
    return Image.fromarray(pixels)


def _upright(look: _Reader, grey: Image.Image, words: list[Word], engine: Engine) -> tuple[Angle, list[Word]]:
    """The turn under which most is surely read, and what is read then; tries until one reads well."""
    best: tuple[Angle, list[Word]] = (0, words)
    angles = cast(tuple[Angle, ...], (90, 270, 180))
    if engine == "tesseract" and (told := orientation(grey)):
        if told[1] < _NO_TEXT:
            return best  # a picture, of which any turn gives rubbish
        angles = tuple(sorted(angles, key=lambda angle: angle != told[0]))
    for angle in angles:
        turned = look(_turn(grey, angle), False)
        if _value(turned) > 1.2 * _value(best[1]):
            best = angle, turned
        if not _looks_turned(best[1]):
            break
    return best


def _joined(words: list[Word], more: list[Word]) -> list[Word]:
    """`words`, and those of `more` that lie elsewhere; numbers of lines do not collide."""
    after = 1 + max((word.line[0] for word in words), default=0)
    fresh = [word for word in _kept(more, _SURE) if not any(_overlap(word.box, known.box) for known in words)]
    return words + [replace(word, line=(word.line[0] + after, *word.line[1:])) for word in fresh]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _kept(words: Iterable[Word], least: float) -> list[Word]:
    """The words of lines that are worth keeping: sure alone, or readable (`least`) in a line that is sure.

    Grain and leaves also give a `by` here and a `3` there: three letters or fewer alone must be surer.
    """
    kept: list[Word] = []
    for line in _grouped(words):
        sure = fmean(word.confidence for word in line) >= 0.75
        rest = [word for word in line if word.confidence >= (least if sure else _SURE)]
        if _letters(rest) <= 3:
            rest = [word for word in rest if word.confidence >= _SURE_ALONE]
        if any(_WORDLIKE.search(word.text) for word in rest):
            kept += rest
    return kept


def _grouped(words: Iterable[Word]) -> list[list[Word]]:
    lines: dict[tuple[int, ...], list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return list(lines.values())


def _lines(words: Iterable[Word], scale: float) -> tuple[Line, ...]:
    lines = []
    for group in (part for line in _grouped(words) for part in _apart(line)):
        boxes = list(zip(*(word.box for word in group), strict=True))
        low, high = [min(side) / scale for side in boxes[:2]], [max(side) / scale for side in boxes[2:]]
        text = _SPACE_BETWEEN_IDEOGRAPHS.sub("", " ".join(word.text for word in group))
        box = (low[0], low[1], high[0], high[1])
        lines.append(Line(box, text, size=high[1] - low[1], block=group[0].line[0], ocr=True))
    return tuple(lines)


def _apart(line: list[Word]) -> list[list[Word]]:
    """Cut where the white is wider than two lines are high: cells of a table, or columns."""
    parts = [line[:1]]
    height = max(word.box[3] - word.box[1] for word in line)
    for before, word in pairwise(line):
        if word.box[0] - before.box[2] > 2 * height:
            parts.append([])
        parts[-1].append(word)
    return parts
