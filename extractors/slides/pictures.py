"""The pictures of a deck: each slide as rendered, embedded pictures with their own pixels, charts and drawings."""

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError, error_summary
from extractors.geometry import coverage
from extractors.ocr.preparation import LONG_SIDE
from extractors.ocr.recognition import choose_engine, recognise_page
from extractors.pdf.crops import save_crop, save_page_image
from extractors.pdf.render import pymupdf, render_page
from extractors.photos.extractor import extract_picture, ocr_passages
from extractors.progress import readable_pages
from extractors.slides.deck import Deck, DrawingShape, ImageShape, Slide, TableShape, TextShape
from extractors.timing import StageTimer
from extractors.types import Box, ImageFile, Options, Passage, Picture, Problem

# Shares of the slide's area.
MIN_IMAGE_SHARE = 0.004
"""Smaller pictures without alternative text are icons."""
MIN_DRAWING_SHARE = 0.015
MAX_PART_SHARE = 0.9
"""Larger parts show nothing that the picture of the slide does not show."""
MAX_LOGO_SHARE = 0.1

LOGO_SLIDE_SHARE, MIN_LOGO_SLIDES = 0.25, 4
"""A small picture on this share of the slides, and on at least this many, is a logo."""
MIN_SLIDE_WORDS = 6
"""A slide with fewer words and a picture is also read by OCR."""
MAX_CONTEXT_TEXTS = 6
"""Paragraphs of a slide that become the context of its pictures."""

_Part = TableShape | ImageShape | DrawingShape


class PictureCollector:
    """Collects the pictures of a deck in the picture store `folder`, and what its report should mention."""

    def __init__(self, deck: Deck, options: Options, folder: Path, timer: StageTimer) -> None:
        self.pictures: list[Picture] = []
        self.ocr_passages: list[Passage] = []
        """What OCR read that the text of the slides does not contain."""
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self._deck, self._options, self._folder, self._timer = deck, options, folder, timer
        self._logos = _find_logos(deck)

    def collect(self, pdf: Path | None, skipped: Mapping[int, str]) -> None:
        """Collect the pictures in order, without those of `skipped` slides; `pdf` has the rendered slides.

        A picture that cannot be read, and a slide that was not rendered, become problems.
        """
        if (missing := choose_engine(self._options)[1]) and self._options.ocr != "off":
            self.notes.append(missing)
        with pymupdf().open(pdf) if pdf else nullcontext() as document:
            pages = self._pages(document) if document is not None else {}
            slides = {slide.number: slide for slide in self._deck.slides}
            for number in readable_pages(list(slides), skipped, self.problems):
                slide = slides[number]
                try:
                    self._collect_slide(slide, pages.get(slide.number))
                except Exception as error:  # one broken slide must not cost the others
                    self._report(slide, f"its pictures could not all be read ({error_summary(error)})")

    def _report(self, slide: Slide, reason: str) -> None:
        self.problems.append(Problem(reason, slide.number))

    def _pages(self, document: Any) -> dict[int, Any]:
        """Return slide number -> its page; hidden slides may be missing from the PDF."""
        numbers = [slide.number for slide in self._deck.slides]
        visible = [slide.number for slide in self._deck.slides if not slide.hidden]
        if document.page_count == len(visible):
            numbers = visible
        if document.page_count < len(numbers):
            rendered = f"only {document.page_count} of {len(self._deck.slides)} slides could be rendered"
            self.problems.append(Problem(f"{rendered}; save the deck as PDF"))
        return {number: document[at] for at, number in enumerate(numbers[: document.page_count])}

    def _collect_slide(self, slide: Slide, page: Any) -> None:
        """Add the picture of a slide, then those of its shapes; `page` is None when it was not rendered."""
        if page is not None:
            words, by_ocr = self._slide_words(slide, page)
            if image := self._save_image(slide, page):
                picture = Picture("slide", slide.number, image, self._deck.box, caption=slide.title, words=words)
                self.pictures.append(replace(picture, heading=slide.heading, ocr=by_ocr))
        for shape in slide.shapes:
            if not isinstance(shape, TextShape) and (found := self._shape_picture(shape, slide, page)):
                self.pictures.append(found)

    def _slide_words(self, slide: Slide, page: Any) -> tuple[str, bool]:
        """Return the words of a slide, and whether OCR added any, which it does for slides with few words."""
        words = slide.words
        # On a slide without any words, the master slide may show some.
        has_image = not words or any(isinstance(shape, ImageShape) for shape in slide.shapes)
        if len(words.split()) >= MIN_SLIDE_WORDS or not has_image or choose_engine(self._options)[0] is None:
            return words, False
        with self._timer.stage("ocr"):
            try:
                dpi = 72 * LONG_SIDE / (max(page.rect.width, page.rect.height) or 1)
                result = recognise_page(render_page(page, dpi), self._options)
            except ExtractionError as error:
                self._report(slide, f"its words could not be read: {error}")
                return words, False
        known = {word.lower() for word in words.split()}
        lines = tuple(line for line in result.lines if not known.issuperset(line.text.lower().split()))
        if not lines:
            return words, False
        self.ocr_passages += ocr_passages(replace(result, lines=lines), slide.number, self._options, slide.heading)
        return "\n".join([*filter(None, [words]), *(line.text for line in lines)]), True

    def _shape_picture(self, shape: _Part, slide: Slide, page: Any) -> Picture | None:
        """Return the picture of a shape; None for shapes that are too small, or cannot be read."""
        if isinstance(shape, ImageShape):
            return self._embedded_picture(shape, slide, page)
        if isinstance(shape, TableShape):
            return self._rendered_picture(shape, slide, page, shape.words) if shape.grid.rows else None
        has_content = bool(shape.words) or shape.kind == "object"
        if not has_content or not MIN_DRAWING_SHARE <= coverage(self._deck.box, shape.box) < MAX_PART_SHARE:
            return None
        return self._rendered_picture(shape, slide, page, shape.words)

    def _rendered_picture(self, shape: _Part, slide: Slide, page: Any, words: str = "") -> Picture | None:
        """Return a shape cut from the rendered slide, with `words`, else those that LibreOffice wrote there."""
        image = self._save_image(slide, page, shape.box) if page is not None else None
        if image is None:
            return None
        if not words:
            lines = page.get_text("text", clip=self._page_box(shape.box, page)).splitlines()
            words = "\n".join(filter(None, map(str.strip, lines)))
        return _make_picture(shape, slide, image, words)

    def _embedded_picture(self, shape: ImageShape, slide: Slide, page: Any) -> Picture | None:
        """Return an embedded picture, cut from the rendered slide if only LibreOffice reads its format (EMF, WMF)."""
        share = coverage(self._deck.box, shape.box)
        if (share < MIN_IMAGE_SHARE and not shape.caption) or (share > MAX_PART_SHARE and page is not None):
            return None
        try:
            data = shape.read_bytes()
        except Exception as error:  # what python-pptx raises for a missing part, or the refusal of a link
            self.notes.append(f"slide {slide.number}: a picture is not in the deck ({error_summary(error)})")
            return None
        if sha256(data).hexdigest() in self._logos:
            return None
        try:
            with self._timer.stage("pictures"):
                name = "an embedded picture"
                found, problems = extract_picture(data, name, slide.number, self._options, self._folder, shape.crop)
        except ExtractionError as error:
            if not (rendered := self._rendered_picture(shape, slide, page)):
                self._report(slide, f"a picture is left out: {error}")
            return rendered
        self.problems += problems
        return _make_picture(shape, slide, found.image, found.words, ocr=found.ocr)

    def _page_box(self, box: Box, page: Any) -> Box:
        """Return a box of the slide on the page of the PDF, which may be slightly larger or smaller."""
        scale_x, scale_y = page.rect.width / self._deck.width, page.rect.height / self._deck.height
        return box[0] * scale_x, box[1] * scale_y, box[2] * scale_x, box[3] * scale_y

    def _save_image(self, slide: Slide, page: Any, box: Box | None = None) -> ImageFile | None:
        """Save a rendered slide, or a part of it; report a problem when it cannot be drawn."""
        with self._timer.stage("render"):
            try:
                if box is None:
                    return save_page_image(page, self._options.dpi, self._folder)
                return save_crop(page, self._page_box(box, page), self._options.dpi, self._folder)
            except ExtractionError as error:
                self._report(slide, str(error))
                return None


def _make_picture(shape: _Part, slide: Slide, image: ImageFile, words: str, *, ocr: bool = False) -> Picture:
    texts = [part.text for part in slide.shapes if isinstance(part, TextShape)]
    return Picture(
        kind="table" if isinstance(shape, TableShape) and not shape.is_chart else "figure",
        page=slide.number,
        image=image,
        box=shape.box,
        caption=shape.caption,
        words=words,
        context=tuple(dict.fromkeys(filter(None, (slide.title, *texts[:MAX_CONTEXT_TEXTS])))),
        heading=slide.heading,
        ocr=ocr,
    )


def _find_logos(deck: Deck) -> frozenset[str]:
    """Return the hashes of small pictures that are on many slides."""
    slides_with: Counter[str] = Counter()
    for slide in deck.slides:
        hashes = set()
        for shape in slide.shapes:
            if isinstance(shape, ImageShape) and coverage(deck.box, shape.box) < MAX_LOGO_SHARE:
                with suppress(Exception):  # reported when the picture itself is read
                    hashes.add(sha256(shape.read_bytes()).hexdigest())
        slides_with.update(hashes)
    min_slides = max(MIN_LOGO_SLIDES, LOGO_SLIDE_SHARE * len(deck.slides))
    return frozenset(digest for digest, count in slides_with.items() if count >= min_slides)
