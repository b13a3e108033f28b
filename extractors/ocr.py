"""Words from pixels: Tesseract where it is installed, RapidOCR otherwise, behind `read` and `words_in`.

Tesseract runs as a program of its own with one thread: with more, its threads wait for each other (twenty times
slower on a busy machine). RapidOCR brings its models in its package and needs some ten times as long.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from os import environ
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal, cast

from extractors.errors import ExtractionError
from extractors.layout import Line
from extractors.types import Box, Options

if TYPE_CHECKING:
    from PIL import Image

Engine = Literal["tesseract", "rapidocr"]
Angle = Literal[0, 90, 180, 270]

LONG_SIDE = 1800
"""Pixels of the long side at which pages are read: larger images are shrunk to it, so render no finer."""

_SECONDS = 60  # for one image; a page takes 0.2 to 1
_LEAST_SIDE, _LEAST_AREA = 40, 8_000  # pixels: smaller pictures hold no words worth a process
_SURE, _READABLE = 0.6, 0.3  # confidence of a word that stands alone, and of one in a line that is sure as a whole
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORDLIKE = re.compile(rf"[^\W_]{{2}}|[{_IDEOGRAPH}]|^\W*\d\W*$")
_SPACE_BETWEEN_IDEOGRAPHS = re.compile(rf"(?<=[{_IDEOGRAPH}]) (?=[{_IDEOGRAPH}])")


@dataclass(frozen=True, slots=True)
class Ocr:
    """What was read in one image."""

    lines: tuple[Line, ...]
    """Boxes and sizes in pixels of the image after turning it by `angle`."""
    angle: Angle
    """Degrees clockwise by which the image had to be turned to stand upright."""
    engine: Engine
    confidence: float
    """Mean over the characters kept, 0 to 1; 0 when nothing was read."""


@dataclass(frozen=True, slots=True)
class _Word:
    box: Box
    text: str
    confidence: float
    line: tuple[int, ...]
    """The engine's own numbers: words of a line share them, the first is the block."""


def engine_for(options: Options) -> tuple[Engine | None, str]:
    """The engine that `read` will use, or None; with a sentence on what is missing and what that costs, or ""."""
    if options.ocr == "off":
        return None, "OCR is switched off: pages and pictures without text stay without words"
    missing = "" if options.ocr == "rapidocr" else _tesseract_lacks(options.ocr_languages)
    if options.ocr != "rapidocr" and not missing:
        return "tesseract", ""
    if options.ocr == "tesseract":
        return None, f"{missing}; pages and pictures without text stay without words"
    if find_spec("rapidocr"):
        return "rapidocr", f"{missing}; RapidOCR reads instead, some ten times slower" if missing else ""
    parts = [part for part in (missing, "RapidOCR is not installed (pip install rapidocr)") if part]
    return None, f"{'; '.join(parts)}; pages and pictures without text stay without words"


def read(image: Image.Image, options: Options) -> Ocr:
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
    if _poor(words, grey) and engine == "tesseract":
        # Slides and covers: sparse mode finds the words that page analysis took for pictures.
        words = _joined(words, look(_turn(grey, angle), True))
    kept = _kept(words, _READABLE)
    letters = sum(len(word.text) for word in kept)
    confidence = sum(word.confidence * len(word.text) for word in kept) / letters if letters else 0.0
    return Ocr(_lines(kept, scale), angle, engine, confidence)


def words_in(image: Image.Image, options: Options) -> str:
    """The words within a figure's image, line by line; "" for tiny pictures. Raises as `read` does."""
    if min(image.size) < _LEAST_SIDE or image.width * image.height < _LEAST_AREA:
        return ""
    grey, scale = _prepared(image)
    words = _kept(_reader(_engine(options), options)(grey, True), _SURE)
    return "\n".join(line.text for line in _lines(words, scale))


def _engine(options: Options) -> Engine:
    engine, reason = engine_for(options)
    if engine is None:
        raise ExtractionError(reason)
    return engine


_Reader = Callable[["Image.Image", bool], list[_Word]]
"""(grey image, sparse) -> words, boxes in its pixels."""


def _reader(engine: Engine, options: Options) -> _Reader:
    if engine == "rapidocr":
        return lambda image, sparse: _rapidocr_words(image)
    return lambda image, sparse: _tesseract_words(image, options.ocr_languages, "11" if sparse else "3")


def _prepared(image: Image.Image) -> tuple[Image.Image, float]:
    """Grey, its long side `LONG_SIDE` (small pictures at most doubled), and the factor it was scaled by."""
    from PIL import Image

    from extractors.render import flatten

    grey = flatten(image).convert("L")
    scale = min(LONG_SIDE / max(grey.size), 2.0)
    size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
    return grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0), scale


def _turn(image: Image.Image, angle: Angle) -> Image.Image:
    from PIL import Image

    method = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    return image.transpose(method[angle]) if angle else image  # Pillow turns anticlockwise


# --- judging what was read ---------------------------------------------------


def _letters(words: Iterable[_Word], confidence: float = 0.0) -> int:
    return sum(len(word.text) for word in words if word.confidence >= confidence)


def _value(words: Sequence[_Word]) -> int:
    """How much was surely read in upright words; tells a right turn from a wrong one."""
    return _letters([word for word in words if _WORDLIKE.search(word.text) and not _tall(word)], _SURE)


def _tall(word: _Word) -> bool:
    width, height = word.box[2] - word.box[0], word.box[3] - word.box[1]
    return len(word.text) > 2 and height > 1.5 * width


def _looks_turned(words: Sequence[_Word]) -> bool:
    """Much was read and most of it is doubtful, or most words run up or down."""
    letters = _letters(words)
    return letters >= 30 and _value(words) < 0.5 * letters


def _poor(words: Sequence[_Word], image: Image.Image) -> bool:
    """Little was read, or with many doubts, in an image that shows something."""
    sure = _value(words)
    return (sure < 300 or sure < 0.75 * _letters(words)) and (image.getcolors(1) is None)


def _upright(look: _Reader, grey: Image.Image, words: list[_Word], engine: Engine) -> tuple[Angle, list[_Word]]:
    """The turn under which most is surely read, and what is read then."""
    best: tuple[Angle, list[_Word]] = (0, words)
    told = _orientation(grey) if engine == "tesseract" else None
    angles = cast(tuple[Angle, ...], (90, 270, 180) if told is None else (told,))
    for angle in angles:
        if angle:
            turned = look(_turn(grey, angle), False)
            if _value(turned) > 1.2 * _value(best[1]):
                best = angle, turned
            if not _looks_turned(turned):
                break
    return best


def _joined(words: list[_Word], more: list[_Word]) -> list[_Word]:
    """`words`, and those of `more` that lie where nothing was surely read; numbers of lines do not collide."""
    first = _kept(words, _READABLE)
    after = 1 + max((word.line[0] for word in words), default=0)
    fresh = [word for word in _kept(more, _SURE) if not any(_overlap(word.box, known.box) for known in first)]
    return first + [replace(word, line=(word.line[0] + after, *word.line[1:])) for word in fresh]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _kept(words: Iterable[_Word], least: float) -> list[_Word]:
    """The words of lines that are worth keeping: sure alone, or readable (`least`) in a line that is sure."""
    kept: list[_Word] = []
    for line in _grouped(words):
        sure = fmean(word.confidence for word in line) >= 0.75
        rest = [word for word in line if word.confidence >= (least if sure else _SURE)]
        if any(_WORDLIKE.search(word.text) for word in rest):
            kept += rest
    return kept


def _grouped(words: Iterable[_Word]) -> list[list[_Word]]:
    lines: dict[tuple[int, ...], list[_Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return list(lines.values())


def _lines(words: Iterable[_Word], scale: float) -> tuple[Line, ...]:
    lines = []
    for group in _grouped(words):
        boxes = list(zip(*(word.box for word in group), strict=True))
        low, high = [min(side) / scale for side in boxes[:2]], [max(side) / scale for side in boxes[2:]]
        text = _SPACE_BETWEEN_IDEOGRAPHS.sub("", " ".join(word.text for word in group))
        box = (low[0], low[1], high[0], high[1])
        lines.append(Line(box, text, size=high[1] - low[1], block=group[0].line[0], ocr=True))
    return tuple(lines)


# --- Tesseract ---------------------------------------------------------------


def _tesseract_lacks(languages: str) -> str:
    """What Tesseract would need to read `languages`, as a clause; "" when nothing."""
    program = shutil.which("tesseract")
    if program is None:
        return "Tesseract is not installed (apt install tesseract-ocr, brew install tesseract)"
    installed = _tesseract_languages(program, environ.get("TESSDATA_PREFIX", ""))
    missing = [language for language in languages.split("+") if language not in installed]
    if not missing:
        return ""
    packages = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in missing)
    return (
        f"Tesseract has no data for the language {', '.join(map(repr, missing))} "
        f"(apt install {packages}; installed: {', '.join(sorted(installed)) or 'none'})"
    )


@cache
def _tesseract_languages(program: str, tessdata: str) -> frozenset[str]:
    """Language codes that have data in the folder `tessdata` ("": the program's own)."""
    listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=_SECONDS, check=False)
    return frozenset(listed.stdout.split("\n")[1:]) - {""}


def _tesseract(image: Image.Image, *arguments: str) -> str:
    """Tesseract's standard output. Raises `ExtractionError` when it takes too long or fails."""
    file = BytesIO()
    image.save(file, "PPM")
    try:
        done = subprocess.run(
            ["tesseract", "stdin", "stdout", *arguments],
            input=file.getvalue(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            env=environ | {"OMP_THREAD_LIMIT": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise ExtractionError(f"Tesseract took more than {_SECONDS} s for an image", transient=True) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {error.returncode}"]
        raise ExtractionError(f"Tesseract failed: {said[0]}") from error
    return done.stdout.decode(errors="replace")


def _tesseract_words(image: Image.Image, languages: str, mode: str) -> list[_Word]:
    """The words of Tesseract's TSV: level, page, block, paragraph, line, word, left, top, width, height, conf, text."""
    words = []
    for row in _tesseract(image, "-l", languages, "--psm", mode, "tsv").splitlines()[1:]:
        level, _, block, paragraph, line, _, *rest = row.split("\t")
        if level != "5" or not rest[5].strip():
            continue
        left, top, width, height, confidence = map(float, rest[:5])
        place = int(block), int(paragraph), int(line)
        words.append(_Word((left, top, left + width, top + height), rest[5].strip(), confidence / 100, place))
    return words


def _orientation(image: Image.Image) -> Angle | None:
    """Degrees clockwise to stand upright, by Tesseract's own detection; None when it cannot tell."""
    try:
        told = re.search(r"Rotate: (\d+)", _tesseract(image, "--psm", "0"))
    except ExtractionError:  # too few letters, or no data for `osd`
        return None
    return cast(Angle, int(told[1])) if told else None


# --- RapidOCR ----------------------------------------------------------------


@cache
def _rapidocr() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.use_cls": False,
            "Global.log_level": "critical",
        }
    )


def _rapidocr_words(image: Image.Image) -> list[_Word]:
    """Lines, each as one word; standing lines are read, too, but their boxes stay tall."""
    found = _rapidocr()(image.convert("RGB"))
    words = []
    for number, (corners, text, score) in (
        enumerate(zip(found.boxes, found.txts, found.scores, strict=True)) if found.txts else ()
    ):
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        words.append(_Word((float(x0), float(y0), float(x1), float(y1)), text, float(score), (number,)))
    return words
