"""The two OCR engines: functions from an image to its words.

Tesseract runs in this process, or as a program where its library cannot be loaded. It gets one thread: several wait for
each other and are twenty times slower on a busy machine. RapidOCR brings its models in its package and takes about ten
times as long.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from os import environ
from typing import TYPE_CHECKING, Any, Literal

from extractors.errors import ExtractionError
from extractors.ocr.languages import TIMEOUT, chosen_languages, installed_languages
from extractors.ocr.tesseract_library import open_library
from extractors.types import Box

if TYPE_CHECKING:
    from PIL import Image

Engine = Literal["tesseract", "rapidocr"]


@dataclass(frozen=True, slots=True)
class Word:
    box: Box  # in pixels of the image
    text: str
    confidence: float  # 0 to 1
    line: tuple[int, ...]  # the engine's numbers of its line, block first; equal for all words of a line


def _run_tesseract(image: Image.Image, *arguments: str) -> str:
    file = BytesIO()
    image.save(file, "PPM")
    try:
        result = subprocess.run(
            ["tesseract", "stdin", "stdout", *arguments],
            input=file.getvalue(),
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
            env=environ | {"OMP_THREAD_LIMIT": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise ExtractionError(f"Tesseract took more than {TIMEOUT} s for an image", transient=True) from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {error.returncode}"]
        raise ExtractionError(f"Tesseract failed: {lines[-1]}") from error
    return result.stdout.decode(errors="replace")


def _read_tsv(image: Image.Image, languages: str, mode: int, variables: Mapping[str, str]) -> str:
    """What Tesseract reads as rows of its TSV format, without the header."""
    if library := open_library(languages):
        return library.read(image, mode, variables, TIMEOUT)
    settings = [part for name, value in variables.items() for part in ("-c", f"{name}={value}")]
    output = _run_tesseract(image, "-l", languages, "--psm", str(mode), *settings, "tsv")
    return output.partition("\n")[2]


def tesseract_words(image: Image.Image, languages: str, *, sparse: bool) -> list[Word]:
    """Return the words of a grey image; `sparse` looks for words anywhere instead of for paragraphs.

    Sparse words are on pictures and coloured areas, where a local threshold (method 2, Sauvola's) finds more of them.
    On pages of text it finds no more and takes longer.
    """
    mode, threshold = (11, "2") if sparse else (3, "0")
    chosen = chosen_languages(languages, lambda: tesseract_script(image))
    words = []
    for row in _read_tsv(image, chosen, mode, {"thresholding_method": threshold}).splitlines():
        # level, page, block, paragraph, line, word, left, top, width, height, confidence, text
        level, _, block, paragraph, line, _, *rest = row.split("\t")
        if level != "5" or not rest[5].strip():
            continue
        left, top, width, height, confidence = map(float, rest[:5])
        place = int(block), int(paragraph), int(line)
        words.append(Word((left, top, left + width, top + height), rest[5].strip(), confidence / 100, place))
    return words


def tesseract_orientation(image: Image.Image) -> tuple[int, float] | None:
    """Return the degrees clockwise that turn the image upright, and the confidence (0.5 is a guess, 5 is certain).

    None when Tesseract's orientation data is not installed; (0, 0) when there are too few letters.
    """
    if "osd" not in installed_languages():
        return None
    output = _detect(image)
    angle, confidence = (re.search(rf"{name}: ([\d.]+)", output) for name in ("Rotate", "Orientation confidence"))
    return (int(angle[1]), float(confidence[1])) if angle and confidence else (0, 0.0)


def tesseract_script(image: Image.Image) -> tuple[str, float]:
    """Return the script, such as `Cyrillic`, and the confidence; 0 when it is unknown."""
    output = _detect(image) if "osd" in installed_languages() else ""
    script, confidence = (re.search(rf"{name}: (\S+)", output) for name in ("Script", "Script confidence"))
    return (script[1], float(confidence[1])) if script and confidence else ("", 0.0)


def _detect(image: Image.Image) -> str:
    """What Tesseract reports about orientation and script."""
    try:
        return _run_tesseract(image, "--psm", "0")
    except ExtractionError:
        return ""


@cache
def _load_rapidocr() -> Any:
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
    """Return the lines of an image, each as one word. Vertical lines are read as well, with tall boxes."""
    result = _load_rapidocr()(image.convert("RGB"))
    words = []
    lines = zip(result.boxes, result.txts, result.scores, strict=True) if result.txts else ()
    for number, (corners, text, score) in enumerate(lines):
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        words.append(Word((float(x0), float(y0), float(x1), float(y1)), text, float(score), (number,)))
    return words
