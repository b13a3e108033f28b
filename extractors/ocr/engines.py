"""The two OCR engines, each a function from an image to its words.

Tesseract runs as a program of its own with one thread: with more, its threads wait for each other (twenty times
slower on a busy machine). RapidOCR brings its models in its package and needs some ten times as long.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from os import environ
from typing import TYPE_CHECKING, Any, Literal, cast

from extractors.errors import ExtractionError
from extractors.types import Box

if TYPE_CHECKING:
    from PIL import Image

Engine = Literal["tesseract", "rapidocr"]
Angle = Literal[0, 90, 180, 270]

SECONDS = 30  # for one image; a page takes 0.2 to 1


@dataclass(frozen=True, slots=True)
class Word:
    box: Box
    """Pixels of the image that was read."""
    text: str
    confidence: float
    """0 to 1."""
    line: tuple[int, ...]
    """The engine's own numbers: words of a line share them, the first is the block."""


# --- Tesseract ---------------------------------------------------------------


def tesseract_lacks(languages: str) -> str:
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
    listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=SECONDS, check=False)
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
            timeout=SECONDS,
            check=True,
            env=environ | {"OMP_THREAD_LIMIT": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise ExtractionError(f"Tesseract took more than {SECONDS} s for an image", transient=True) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {error.returncode}"]
        raise ExtractionError(f"Tesseract failed: {said[0]}") from error
    return done.stdout.decode(errors="replace")


def tesseract_words(image: Image.Image, languages: str, *, sparse: bool) -> list[Word]:
    """The words of a grey image; `sparse` looks for words anywhere instead of for paragraphs.

    Sparse words stand on pictures and colours, where a threshold for each neighbourhood (2, Sauvola's) shows more of
    them; on pages of text it shows no more and costs time.
    """
    mode = ["--psm", "11", "-c", "thresholding_method=2"] if sparse else ["--psm", "3"]
    words = []
    for row in _tesseract(image, "-l", languages, *mode, "tsv").splitlines()[1:]:
        # level, page, block, paragraph, line, word, left, top, width, height, confidence, text
        level, _, block, paragraph, line, _, *rest = row.split("\t")
        if level != "5" or not rest[5].strip():
            continue
        left, top, width, height, confidence = map(float, rest[:5])
        place = int(block), int(paragraph), int(line)
        words.append(Word((left, top, left + width, top + height), rest[5].strip(), confidence / 100, place))
    return words


def orientation(image: Image.Image) -> tuple[Angle, float] | None:
    """Degrees clockwise to stand upright and how sure that is (0.5 a guess, 5 sure); None without data for it."""
    if "osd" not in _tesseract_languages(shutil.which("tesseract") or "", environ.get("TESSDATA_PREFIX", "")):
        return None
    try:
        said = _tesseract(image, "--psm", "0")
    except ExtractionError:  # too few letters
        return 0, 0.0
    angle, sure = (re.search(rf"{name}: ([\d.]+)", said) for name in ("Rotate", "Orientation confidence"))
    return (cast(Angle, int(angle[1])), float(sure[1])) if angle and sure else (0, 0.0)


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


def rapidocr_words(image: Image.Image) -> list[Word]:
    """Lines, each as one word; standing lines are read, too, but their boxes stay tall."""
    found = _rapidocr()(image.convert("RGB"))
    words = []
    for number, (corners, text, score) in (
        enumerate(zip(found.boxes, found.txts, found.scores, strict=True)) if found.txts else ()
    ):
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        words.append(Word((float(x0), float(y0), float(x1), float(y1)), text, float(score), (number,)))
    return words
