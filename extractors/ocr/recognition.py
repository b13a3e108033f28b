"""Reading the words of images: with Tesseract if it is installed, otherwise with RapidOCR."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import fmean, median
from typing import TYPE_CHECKING, cast

from extractors.errors import ExtractionError
from extractors.geometry import height, merge_boxes, overlap_area, width
from extractors.ocr.engines import (
    Engine,
    Word,
    rapidocr_words,
    tesseract_orientation,
    tesseract_words,
)
from extractors.ocr.languages import tesseract_problem
from extractors.ocr.lines import group_by_line, is_vertical, make_lines
from extractors.ocr.preparation import LONG_SIDE, find_skew, prepare, straighten
from extractors.ocr.ruled_grids import RuledGrid, erase_rules, find_grids, rule_ink
from extractors.ocr.unread import erase_words, unread_share
from extractors.page import Line
from extractors.scripts import SYLLABLES
from extractors.shared_programs import using
from extractors.types import Box, Options

if TYPE_CHECKING:
    from PIL import Image

SPARSE_LONG_SIDE = 1300  # the same for words on pictures: these are large, and searching pictures is slow
MIN_SIDE, MIN_AREA = 40, 8_000  # pixels; smaller pictures have too few words to start a process for
MIN_CONFIDENCE, MIN_CONFIDENCE_IN_LINE = 0.6, 0.3  # of a word, of one in a confident line
MIN_LINE_CONFIDENCE = 0.75  # mean of the words of a confident line
# Confidence of words in a line of at most so many letters: grain and leaves look like a "by" or a "3".
MIN_CONFIDENCE_SHORT, SHORT_LINE = 0.85, 3
MAX_UNREAD_EDGES = 0.3  # share of a page's sharp edges outside of words; above it, sparse words are searched
MIN_UNREAD_IN_GRID = 0.01  # the same for a grid, whose rules are erased: a word in one of a hundred cells
DENSE_PAGE = 800  # letters read with confidence that make a page of text, whose other edges are stamps and pictures
# Below this confidence an image with fewer letters than a page of text is a picture: every rotation gives nonsense.
MIN_ORIENTATION_CONFIDENCE = 0.5
SURE_ORIENTATION = 5.0  # confidence from which an image that is said to be upright is not turned, however bad it reads
MIN_LETTERS_TO_TURN = 30  # fewer doubtful letters are noise, not a turned page
# Handwriting and faint print: share of the letters read with confidence below which the other engine has a try, and by
# how much it must be better; mean confidence below which a page counts as hard to read.
MIN_READ_SHARE, MIN_ENGINE_GAIN, MIN_PAGE_CONFIDENCE = 0.5, 1.2, 0.75

_WORDLIKE = re.compile(rf"[^\W_]{{2}}|[{SYLLABLES}]|^\W*\d\W*$")

_Reader = Callable[["Image.Image", bool], list[Word]]
"""From a grey image, and whether its words are sparse, to its words."""


@dataclass(frozen=True, slots=True)
class OcrResult:
    lines: tuple[Line, ...]  # boxes and sizes in pixels of the upright and level image
    angle: int  # degrees clockwise by which the image was turned upright
    skew: float = 0.0  # degrees clockwise by which the lines of the upright image slope; it was turned level by them
    letter_height: float = 0.0  # median height of the words, in pixels of the image that was read
    note: str = ""  # what the user should know: the page is hard to read
    rules: tuple[Box, ...] = ()  # level and upright rules around the cells of tables and forms, and other level ones
    rule_ink: Image.Image | None = None  # the image, upright, level and scaled, with those of cells white on black


def choose_engine(options: Options) -> tuple[Engine | None, str]:
    """Return the engine that will be used, if any, and a sentence about what is missing, or ""."""
    if options.ocr == "off":
        return None, "OCR is switched off: pages and pictures without text have no words"
    problem = "" if options.ocr == "rapidocr" else tesseract_problem(options.ocr_languages)
    if options.ocr != "rapidocr" and not problem:
        return "tesseract", ""
    if options.ocr == "tesseract":
        return None, f"{problem}: pages and pictures without text have no words"
    if find_spec("rapidocr"):
        return "rapidocr", f"{problem}: RapidOCR is used instead, which is about ten times slower" if problem else ""
    problems = [*filter(None, [problem]), "RapidOCR is not installed (pip install rapidocr)"]
    return None, f"{'; '.join(problems)}: pages and pictures without text have no words"


@using("ocr")
def recognise_page(image: Image.Image, options: Options, long_side: int = LONG_SIDE) -> OcrResult:
    """Return all lines of a page's image, turning it upright and level first if necessary.

    The image is reduced to `long_side` pixels, and the rules of tables are erased from it. Pages that Tesseract can
    hardly read, such as handwriting, are read by RapidOCR if that reads more. Raises `ExtractionError` when there is no
    engine, or when it takes too long or fails.
    """
    engine, read_words = _open_reader(options)
    grey, scale = prepare(image, long_side)
    skew = find_skew(grey)
    grey = straighten(grey, skew) if skew else grey
    ruled, (grids, level) = grey, find_grids(grey)
    grey = erase_rules(grey, grids) if grids else grey
    words = read_words(grey, False)
    angle = 0
    if _looks_turned(words):
        angle, words = _find_upright(read_words, grey, words, engine)
    upright, ruled = _rotate(grey, angle), _rotate(ruled, angle)
    grids, level = find_grids(ruled) if angle else (grids, level)
    note = ""
    if engine == "tesseract" and _looks_turned(words):
        engine, words, note = _read_hard_page(upright, words, options)
    kept = _confident_words(words, MIN_CONFIDENCE_IN_LINE)
    if not any(grid.holds_text([word.box for word in kept]) for grid in grids):
        upright = ruled  # a picture, such as a plot with grid lines
    if engine == "tesseract" and _misses_words(kept, words, upright):
        # Slides, covers and maps have words on pictures, which Tesseract's page analysis skips.
        kept = _add_sparse_words(kept, _read_sparse_words(read_words, erase_words(upright, kept)))
    elif engine == "tesseract" and grids:
        kept = _add_words_in_grids(kept, read_words, upright, grids)
    grids = [grid for grid in grids if grid.holds_text([word.box for word in kept])]
    lines = make_lines(kept, scale, grids)
    rules = tuple(_scaled(rule, scale) for rule in (*level, *(rule for grid in grids for rule in grid.rules)))
    ink = rule_ink(ruled, grids) if grids else None
    return OcrResult(lines, angle, skew, median([height(word.box) for word in kept] or [0.0]), note, rules, ink)


def _scaled(box: Box, scale: float) -> Box:
    return cast(Box, tuple(edge / scale for edge in box))


def _misses_words(kept: Sequence[Word], words: Sequence[Word], image: Image.Image) -> bool:
    is_dense = _confident_letters(kept) > max(DENSE_PAGE, 0.85 * _letters(words))
    return not is_dense and unread_share(kept, image) > MAX_UNREAD_EDGES


def _read_hard_page(image: Image.Image, words: list[Word], options: Options) -> tuple[Engine, list[Word], str]:
    """The engine that reads more of a page that Tesseract can hardly read, its words, and what to report.

    `words` are Tesseract's. Pictures in which RapidOCR finds no words either are not reported.
    """
    unread = "handwriting or faint print; most of it could not be read"
    if options.ocr == "tesseract" or not find_spec("rapidocr"):
        return "tesseract", words, unread
    other = rapidocr_words(image)
    letters = _letters(other)
    # Tesseract's data for most languages cannot read vertical lines.
    confident = _confident_letters(other) + _letters(word for word in other if is_vertical(word))
    if confident <= MIN_ENGINE_GAIN * max(SHORT_LINE, _confident_letters(words)):
        return "tesseract", words, unread if letters >= MIN_LETTERS_TO_TURN else ""
    confidence = sum(word.confidence * len(word.text) for word in other) / letters
    is_read = confidence >= MIN_PAGE_CONFIDENCE
    note = f"hardly read by Tesseract; RapidOCR read it with a confidence of {confidence:.0%}" if is_read else unread
    return "rapidocr", other, note


def recognise_words(image: Image.Image, options: Options) -> str:
    """Return the words of a figure's image, line by line; "" for tiny images. Raises as `recognise_page` does."""
    if min(image.size) < MIN_SIDE or image.width * image.height < MIN_AREA:
        return ""
    grey, scale = prepare(image)
    read_words = _open_reader(options)[1]
    with using("ocr"):
        words = _confident_words(read_words(grey, True), MIN_CONFIDENCE)
    return "\n".join(line.text for line in make_lines(words, scale))


def _open_reader(options: Options) -> tuple[Engine, _Reader]:
    engine, reason = choose_engine(options)
    if engine is None:
        raise ExtractionError(reason)
    if engine == "rapidocr":
        return engine, lambda image, sparse: rapidocr_words(image)
    return engine, lambda image, sparse: tesseract_words(image, options.ocr_languages, sparse=sparse)


def _looks_turned(words: Sequence[Word]) -> bool:
    letters = _letters(words)
    return letters >= MIN_LETTERS_TO_TURN and _confident_letters(words) < MIN_READ_SHARE * letters


def _find_upright(read_words: _Reader, grey: Image.Image, words: list[Word], engine: Engine) -> tuple[int, list[Word]]:
    """The angle with the most confident letters, and its words; stops at the first angle that reads well."""
    best: tuple[int, list[Word]] = (0, words)
    angles = [90, 270, 180]
    if engine == "tesseract" and (orientation := tesseract_orientation(grey)):
        likely, confidence = orientation
        is_picture = confidence < MIN_ORIENTATION_CONFIDENCE and _letters(words) < DENSE_PAGE
        if is_picture or (likely == 0 and confidence > SURE_ORIENTATION):
            return best
        angles.sort(key=lambda angle: angle != likely)
    for angle in angles:
        turned = read_words(_rotate(grey, angle), False)
        if _confident_letters(turned) > 1.2 * _confident_letters(best[1]):
            best = angle, turned
        if not _looks_turned(best[1]):
            break
    return best


def _rotate(image: Image.Image, angle: int) -> Image.Image:
    from PIL import Image

    method = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    return image.transpose(method[angle]) if angle else image  # Pillow turns anticlockwise


def _read_sparse_words(read_words: _Reader, image: Image.Image) -> list[Word]:
    scale = min(1.0, SPARSE_LONG_SIDE / max(image.size))
    reduced = image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))
    words = read_words(reduced, True)
    return [replace(word, box=cast(Box, tuple(value / scale for value in word.box))) for word in words]


def _add_sparse_words(words: list[Word], sparse: list[Word]) -> list[Word]:
    """`words` and those of `sparse` that lie elsewhere; nothing when almost all of them are doubtful."""
    confident = _confident_words(sparse, MIN_CONFIDENCE)
    if _letters(words) + _letters(confident) < 0.1 * _letters(sparse):
        return []  # a picture without words
    first_block = 1 + max((word.line[0] for word in words), default=0)
    fresh = [word for word in confident if not any(overlap_area(word.box, known.box) > 0 for known in words)]
    return words + [replace(word, line=(word.line[0] + first_block, *word.line[1:])) for word in fresh]


def _add_words_in_grids(
    words: list[Word], read_words: _Reader, image: Image.Image, grids: Sequence[RuledGrid]
) -> list[Word]:
    """`words` and the single words in cells that Tesseract skips between the paragraphs of a page."""
    x0, y0, x1, y1 = map(int, merge_boxes(grid.box for grid in grids))
    part = image.crop((x0, y0, x1, y1))
    known = [_moved(word, -x0, -y0) for word in words if overlap_area(word.box, (x0, y0, x1, y1)) > 0]
    if unread_share(known, part) < MIN_UNREAD_IN_GRID:
        return words
    return _add_sparse_words(words, [_moved(word, x0, y0) for word in read_words(erase_words(part, known), True)])


def _moved(word: Word, dx: float, dy: float) -> Word:
    x0, y0, x1, y1 = word.box
    return replace(word, box=(x0 + dx, y0 + dy, x1 + dx, y1 + dy))


def _letters(words: Iterable[Word]) -> int:
    return sum(len(word.text) for word in words)


def _confident_letters(words: Iterable[Word]) -> int:
    """Letters read with confidence in horizontal words, which is what the right orientation maximises."""
    return sum(
        len(word.text)
        for word in words
        if word.confidence >= MIN_CONFIDENCE
        and _WORDLIKE.search(word.text)
        and (len(word.text) <= 2 or height(word.box) <= 1.5 * width(word.box))
    )


def _confident_words(words: Iterable[Word], min_in_line: float) -> list[Word]:
    """The words to keep; `min_in_line` is the confidence of a word whose line as a whole is confident."""
    kept: list[Word] = []
    for line in group_by_line(words):
        is_confident = fmean(word.confidence for word in line) >= MIN_LINE_CONFIDENCE
        rest = [word for word in line if word.confidence >= (min_in_line if is_confident else MIN_CONFIDENCE)]
        if _letters(rest) <= SHORT_LINE:
            rest = [word for word in rest if word.confidence >= MIN_CONFIDENCE_SHORT]
        if any(_WORDLIKE.search(word.text) for word in rest):
            kept += rest
    return kept
