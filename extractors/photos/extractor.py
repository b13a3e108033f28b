"""Image files: one picture per file, or per page of a scanned TIFF, with the words that OCR reads in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from extractors.errors import ExtractionError
from extractors.ocr.recognition import OcrResult, choose_engine, recognise_page, recognise_words
from extractors.pictures.decode import is_displayable, normalise_image, open_image
from extractors.pictures.store import save_image
from extractors.text.headings import HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages
from extractors.timing import StageTimer
from extractors.types import Extraction, Options, Passage, Picture, Problem, Report, Source

if TYPE_CHECKING:
    from PIL import Image

MAX_PAGES = 2000
"""Pages of a TIFF that are read."""
MIN_PAGE_WORDS = 40
"""A single image with at least this many words is read as a page of text, which also yields passages."""


@dataclass
class _Parts:
    """The parts of one file, collected page by page."""

    options: Options
    pictures: list[Picture] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one image file; each page of a TIFF becomes a picture, and its text passages.

    Raises `ExtractionError` when the file is not an image, is damaged, or is too large to decode.
    """
    timer, parts = StageTimer(), _Parts(options)
    with open_image(source.path, source.name) as image:
        file_format = image.format
        own_bytes = source.path.read_bytes() if is_displayable(image) else None
        frames: int = getattr(image, "n_frames", 1)
        pages = frames if file_format == "TIFF" else 1
        if frames > 1 and file_format not in ("TIFF", "MPO"):
            parts.notes.append(f"has {frames} frames, as animations do: only the first one is used")
        for number, frame in _frames(image, min(pages, MAX_PAGES), parts):
            with timer.stage("ocr"):
                upright, words = _read_words(frame, number, parts, is_scan=pages > 1)
            with timer.stage("render"):
                stored = save_image(upright, pictures, own_bytes if upright is frame else None, file_format)
            parts.pictures.append(Picture("photo", number, stored, words=words, ocr=bool(words)))
    if pages > MAX_PAGES:
        parts.problems.append(Problem(f"only the first {MAX_PAGES} of {pages} pages were read; split the file"))
    if not parts.pictures:
        raise ExtractionError(f"{source.name}: {parts.problems[0].reason}")
    report = Report(
        pages=pages,
        ocr_pages=tuple(picture.page for picture in parts.pictures if picture.ocr),
        problems=tuple(parts.problems),
        notes=tuple(parts.notes),
        seconds=timer.seconds,
    )
    return Extraction(source, tuple(parts.passages), tuple(parts.pictures), report)


def extract_row_picture(file: Path, options: Options, pictures: Path) -> tuple[Picture, tuple[Problem, ...]]:
    """Return the picture of a catalogue row, and the problems met. Raises `ExtractionError` as `extract` does."""
    with open_image(file, file.name) as image:
        own_bytes = file.read_bytes() if is_displayable(image) else None
        normalised = normalise_image(image)
        stored = save_image(normalised, pictures, own_bytes, image.format)
    words, problems = read_picture_words(normalised, 1, options)
    return Picture("photo", 1, stored, words=words, ocr=bool(words)), problems


def read_picture_words(image: Image.Image, page: int, options: Options) -> tuple[str, tuple[Problem, ...]]:
    """Return the words in a picture, and a problem when OCR fails; no words when no OCR engine is available."""
    if choose_engine(options)[0] is None:
        return "", ()
    try:
        return recognise_words(image, options), ()
    except ExtractionError as error:
        return "", (Problem(f"its words could not be read: {error}", page),)


def ocr_passages(result: OcrResult, page: int, options: Options, heading: tuple[str, ...] = ()) -> list[Passage]:
    """Return what OCR read on a page as passages, without boxes: those of OCR are in pixels."""
    paragraphs = []
    for _, group in groupby(result.lines, key=lambda line: line.block):
        lines = list(group)
        texts = tuple(line.text for line in lines)
        paragraphs.append(HeadedParagraph(Paragraph(texts, page, lines[0].box, lines[0].size, ocr=True), heading))
    return [replace(passage, box=None) for passage in build_passages(paragraphs, PassageLimit.of(options))]


def _frames(image: Image.Image, count: int, parts: _Parts) -> Iterator[tuple[int, Image.Image]]:
    """Yield the pages as people see them. A damaged page is skipped as a problem, unless it is the only one."""
    for number in range(1, count + 1):
        try:
            image.seek(number - 1)
            frame = normalise_image(image)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if count == 1:
                raise
            parts.problems.append(Problem(f"page {number} is damaged or incomplete ({error})", number))
        else:
            yield number, frame


def _read_words(frame: Image.Image, number: int, parts: _Parts, *, is_scan: bool) -> tuple[Image.Image, str]:
    """Return the frame turned upright and its words; a page of text adds its passages to `parts`."""
    engine, missing = choose_engine(parts.options)
    if missing and number == 1:
        parts.notes.append(missing)
    if engine is None:
        return frame, ""
    try:
        if not is_scan:
            words = recognise_words(frame, parts.options)
            if len(words.split()) < MIN_PAGE_WORDS:
                return frame, words
        result = recognise_page(frame, parts.options)
    except ExtractionError as error:
        parts.problems.append(Problem(f"its words could not be read: {error}", number))
        return frame, ""
    parts.passages += ocr_passages(result, number, parts.options)
    upright = frame.rotate(-result.angle, expand=True) if result.angle else frame
    return upright, "\n".join(line.text for line in result.lines)
