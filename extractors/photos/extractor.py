"""Image files -> a picture each; the pages of a scan, one picture each with the words that stand on them."""

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

_MOST_PAGES = 2000
_FEWEST_WORDS = 40
"""A single picture with at least so many words is read as a page of text, too."""


@dataclass
class _Shots:
    options: Options
    pictures: list[Picture] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Read one image file; a TIFF of several pages gives a picture for each, and the text that stands on it.

    Raises `ExtractionError` when it is no image, broken or too large.
    """
    clock, shots = StageTimer(), _Shots(options)
    with open_image(source.path, source.name) as image:
        format_, own = image.format, source.path.read_bytes() if is_displayable(image) else None
        pages = image.n_frames if format_ == "TIFF" else 1  # type: ignore[attr-defined]
        if format_ not in ("TIFF", "MPO") and getattr(image, "n_frames", 1) > 1:
            shots.notes.append("animated or of several frames: the first one is kept")
        for number, seen in enumerate(_frames(image, min(pages, _MOST_PAGES), shots), 1):
            if seen is None:
                continue
            with clock.stage("ocr"):
                upright, words = _read(seen, number, shots, paged=pages > 1)
            with clock.stage("render"):
                stored = save_image(upright, pictures, own if upright is seen else None, format_)
            shots.pictures.append(Picture("photo", number, stored, words=words, ocr=bool(words)))
    if pages > _MOST_PAGES:
        shots.problems.append(Problem(f"only the first {_MOST_PAGES} of {pages} pages were read; split the file"))
    if not shots.pictures:
        raise ExtractionError(f"{source.name}: {shots.problems[0].reason}")
    report = Report(
        pages=pages,
        ocr_pages=tuple(picture.page for picture in shots.pictures if picture.ocr),
        problems=tuple(shots.problems),
        notes=tuple(shots.notes),
        seconds=clock.seconds,
    )
    return Extraction(source, tuple(shots.passages), tuple(shots.pictures), report)


def of_row(image_path: Path, options: Options, pictures: Path) -> tuple[Picture, tuple[Problem, ...]]:
    """The picture of a catalogue's row, with what went wrong beside it. Raises `ExtractionError` as `extract` does."""
    with open_image(image_path, image_path.name) as image:
        own = image_path.read_bytes() if is_displayable(image) else None
        seen = normalise_image(image)
        stored = save_image(seen, pictures, own, image.format)
    words, problems = words_in(seen, 1, options)
    return Picture("photo", 1, stored, words=words, ocr=bool(words)), problems


def words_in(image: Image.Image, page: int, options: Options) -> tuple[str, tuple[Problem, ...]]:
    """The words that a picture shows; none when there is no OCR engine, and a problem when it fails."""
    if choose_engine(options)[0] is None:
        return "", ()
    try:
        return recognise_words(image, options), ()
    except ExtractionError as error:
        return "", (Problem(f"its words could not be read: {error}", page),)


def text_of(read: OcrResult, page: int, limit: PassageLimit, heading: tuple[str, ...] = ()) -> list[Passage]:
    """What OCR read on a page, as passages; without boxes, for a picture's pixels are no points of a page."""
    placed = [
        HeadedParagraph(
            Paragraph(tuple(line.text for line in lines), page, lines[0].box, lines[0].size, ocr=True), heading
        )
        for _, group in groupby(read.lines, key=lambda line: line.block)
        if (lines := list(group))
    ]
    return [replace(passage, box=None) for passage in build_passages(placed, limit)]


def _frames(image: Image.Image, count: int, shots: _Shots) -> Iterator[Image.Image | None]:
    """The pages as people see them; None for one that is broken, unless it is the only one."""
    for number in range(1, count + 1):
        try:
            image.seek(number - 1)
            yield normalise_image(image)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if count == 1:
                raise
            shots.problems.append(Problem(f"page {number} is broken or cut short ({error})", number))
            yield None


def _read(seen: Image.Image, number: int, shots: _Shots, *, paged: bool) -> tuple[Image.Image, str]:
    """The picture turned upright and its words; what reads like a page of text gives passages as well."""
    options = shots.options
    engine, missing = choose_engine(options)
    if missing and number == 1:
        shots.notes.append(missing)
    if engine is None:
        return seen, ""
    try:
        words = "" if paged else recognise_words(seen, options)
        if not paged and len(words.split()) < _FEWEST_WORDS:
            return seen, words
        read = recognise_page(seen, options)
    except ExtractionError as error:
        shots.problems.append(Problem(f"its words could not be read: {error}", number))
        return seen, ""
    shots.passages += text_of(read, number, PassageLimit.of(options))
    turned = seen.rotate(-read.angle, expand=True) if read.angle else seen
    return turned, "\n".join(line.text for line in read.lines)
