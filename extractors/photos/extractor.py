"""Image files: one picture per file, or per page of a scanned TIFF, with the words that OCR reads in it.

A drawing (SVG) is a picture with the words of its text; OCR reads it only if it has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from extractors.errors import ExtractionError
from extractors.ocr.recognition import OcrResult, choose_engine, recognise_words
from extractors.page_range import check_pages
from extractors.pdf.assembly import assemble_document
from extractors.pdf.crops import is_graphic
from extractors.pdf.page_extractor import PageParts
from extractors.photos.scanned_page import read_scanned_page, words_of
from extractors.photos.svg import draw_svg, read_svg
from extractors.pictures.decode import count_frames, displayable_suffix, normalise_image, open_image, seek_frame
from extractors.pictures.store import save_image
from extractors.progress import readable_pages
from extractors.text.headings import HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages
from extractors.timing import StageTimer
from extractors.types import Box, Extraction, Options, Passage, Picture, Problem, Report, Source

if TYPE_CHECKING:
    from PIL import Image

MAX_PAGES = 2000
"""Pages of a TIFF that are read."""
MIN_CROP = 0.01
"""Total share cut off at the edges below which a crop is ignored."""
MIN_PAGE_WORDS = 40
"""A single image with at least this many words is read as a page of text, which also yields passages."""


def load_libraries() -> None:
    """Import OpenCV and Pillow."""
    import cv2  # noqa: F401
    from PIL import Image, ImageOps  # noqa: F401

    Image.preinit()


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one image file; each page of a TIFF becomes a picture, and its text passages.

    Raises `ExtractionError` when the file is not an image, is damaged, or is too large to decode.
    """
    if (drawing := read_svg(source.path)) is not None:
        picture, unread = _extract_drawing(drawing, source.name, 1, options, pictures)
        missing = "" if picture.words else choose_engine(options)[1]
        report = Report(1, ocr_pages=(1,) * picture.ocr, problems=unread, notes=(missing,) if missing else ())
        return Extraction(source, (), (picture,), report)
    timer = StageTimer()
    found: list[Picture] = []
    pages_of_text: list[PageParts] = []
    problems: list[Problem] = []
    with open_image(source.path, source.name) as image:
        suffix = displayable_suffix(image)
        own_bytes = source.path.read_bytes() if suffix else b""
        pages = count_frames(image) if image.format == "TIFF" else 1
        notes = [note for note in (_left_out_frames(image), choose_engine(options)[1]) if note]
        wanted = check_pages(options.page_range, pages, source.name)
        readable = readable_pages(wanted[:MAX_PAGES], source.skipped_pages, problems)
        for number, frame in _frames(image, readable, problems):
            with timer.stage("ocr"):
                words, page, angle = _read_words(frame, number, options, problems, is_scan=pages > 1)
            with timer.stage("render"):
                if angle:
                    stored = save_image(frame.rotate(-angle, expand=True), pictures)
                else:
                    stored = save_image(frame, pictures, own_bytes, suffix)
            found.append(Picture("photo", number, stored, words=words, ocr=bool(words)))
            pages_of_text += [page] if page else []
    if len(wanted) > MAX_PAGES:
        problems.append(Problem(f"only {MAX_PAGES} of {len(wanted)} pages were read; split the file"))
    if not found:
        raise ExtractionError(f"{source.name}: {problems[0].reason}")
    read = assemble_document(pages_of_text, (), "", options)[0] if pages_of_text else ()
    passages = tuple(replace(passage, box=None) for passage in read)  # the image has pixels, and may be turned
    ocr_pages = tuple(picture.page for picture in found if picture.ocr)
    notes += [note for page in pages_of_text for note in page.notes]
    report = Report(pages, ocr_pages=ocr_pages, problems=tuple(problems), notes=tuple(notes), seconds=timer.seconds)
    return Extraction(source, passages, tuple(found), report)


def extract_picture(
    file: Path | bytes,
    name: str,
    page: int,
    options: Options,
    folder: Path,
    crop: Box = (0, 0, 0, 0),
    *,
    reads_photos: bool = True,
) -> tuple[Picture, tuple[Problem, ...]]:
    """Return a picture on page `page` of another document, with the words that OCR reads in it, and problems of OCR.

    `folder` is the picture store; `crop` are the shares cut off at the left, top, right and bottom. With `reads_photos`
    False, OCR reads charts, screenshots and diagrams only. Raises `ExtractionError` as `extract` does.
    """
    if (drawing := read_svg(file)) is not None:
        return _extract_drawing(drawing, name, page, options, folder)
    with open_image(file, name) as image:
        suffix = displayable_suffix(image) if not any(crop) else ""
        cropped = _crop_image(normalise_image(image), crop)
        stored = save_image(cropped, folder, file if isinstance(file, bytes) else file.read_bytes(), suffix)
    is_read = reads_photos or is_graphic(cropped)
    words, problems = _recognise_words(cropped, page, options) if is_read else ("", ())
    return Picture("photo", page, stored, words=words, ocr=bool(words)), problems


def _extract_drawing(
    data: bytes, name: str, page: int, options: Options, folder: Path
) -> tuple[Picture, tuple[Problem, ...]]:
    drawing = draw_svg(data, name, options.dpi)
    words, problems = _recognise_words(drawing.image, page, options) if not drawing.words else ("", ())
    caption = " ".join(dict.fromkeys(filter(None, (drawing.title, drawing.description))))
    stored = save_image(drawing.image, folder)
    picture = Picture("photo", page, stored, caption=caption, words=drawing.words or words, ocr=bool(words))
    return picture, problems


def _recognise_words(image: Image.Image, page: int, options: Options) -> tuple[str, tuple[Problem, ...]]:
    if not choose_engine(options)[0]:
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


def _frames(image: Image.Image, numbers: Iterable[int], problems: list[Problem]) -> Iterator[tuple[int, Image.Image]]:
    """Yield the pages as people see them. A damaged page is skipped as a problem, unless it is the only one."""
    first, is_single = image.tell(), count_frames(image) == 1
    for number in numbers:
        try:
            seek_frame(image, first + number - 1)
            frame = normalise_image(image)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if is_single:
                raise
            problems.append(Problem(f"page {number} is damaged or incomplete ({error})", number))
        else:
            yield number, frame


def _left_out_frames(image: Image.Image) -> str:
    """Return a note about the images of a file that are not read; empty if all are."""
    frames = count_frames(image)
    if frames > 1 and image.format == "HEIF":
        return f"has {frames} images: only the main one is used"
    if frames > 1 and image.format not in ("TIFF", "MPO"):
        return "has several frames, as animations do: only the first one is used"
    return ""


def _read_words(
    frame: Image.Image, number: int, options: Options, problems: list[Problem], *, is_scan: bool
) -> tuple[str, PageParts | None, int]:
    """Return the words of a frame, its parts if it is a page of text, and the degrees clockwise that turn it upright.

    What OCR cannot read is a problem.
    """
    if choose_engine(options)[0] is None:
        return "", None, 0
    if not is_scan:
        words, unread = _recognise_words(frame, number, options)
        problems += unread
        if len(words.split()) < MIN_PAGE_WORDS:
            return words, None, 0
    page, angle = read_scanned_page(frame, number, options)
    problems += page.problems
    return words_of(page), page, angle


def _crop_image(image: Image.Image, crop: Box) -> Image.Image:
    """Return the visible part of a picture; negative shares, which add padding, are ignored."""
    left, top, right, bottom = (min(max(share, 0.0), 0.99) for share in crop)
    if left + top + right + bottom < MIN_CROP or left + right >= 1 or top + bottom >= 1:
        return image
    width, height = image.size
    x1, y1 = max(int((1 - right) * width), 1), max(int((1 - bottom) * height), 1)
    return image.crop((int(left * width), int(top * height), x1, y1))
