"""The pictures of a deck: each slide as drawn, embedded pictures with their own pixels, charts and drawings cut out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError
from extractors.geometry import area
from extractors.ocr.recognition import OCR_LONG_SIDE, OcrResult, choose_engine, recognise_page
from extractors.pdf.crops import save_crop, save_page_image
from extractors.pdf.render import pymupdf, render_page
from extractors.photos.extractor import ocr_passages, read_picture_words
from extractors.pictures.decode import is_displayable, normalise_image, open_image
from extractors.pictures.store import save_image
from extractors.slides.deck import Deck, Drawing, Grid, Image, Slide, Text
from extractors.timing import StageTimer
from extractors.types import Box, ImageFile, Options, Passage, Picture, Problem

_SMALL = 0.004
"""Share of the slide below which a picture without alternative text is an icon."""
_DRAWN = 0.015
"""Share of the slide that a drawing covers at least."""
_ALL = 0.9
"""Share of the slide from which on a picture of a part shows no more than the picture of the slide."""
_REPEATED = 0.25
"""Share of the slides, and at least four, on which a small picture is a logo."""
_FEW_WORDS = 6
_CONTEXT = 6


@dataclass
class Pictures:
    """What was found, and what the report should say."""

    pictures: list[Picture] = field(default_factory=list)
    read: dict[int, OcrResult] = field(default_factory=dict)
    """Slides whose words had to be read from their pixels."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Bench:
    deck: Deck
    options: Options
    folder: Path
    clock: StageTimer
    logos: frozenset[str]
    found: Pictures


@dataclass(frozen=True, slots=True)
class _Shown:
    """A part of a slide: its pixels, and the words in them."""

    image: ImageFile
    words: str
    ocr: bool = False
    """The words were read from the pixels."""


def collect(deck: Deck, drawn: Path | None, options: Options, folder: Path, clock: StageTimer) -> Pictures:
    """All pictures of a deck in order; `drawn` is the PDF of its slides, None when there is none.

    A picture that cannot be read, and a slide that was not drawn, are problems of their slide.
    """
    bench = _Bench(deck, options, folder, clock, _logos(deck), Pictures())
    if (missing := choose_engine(options)[1]) and options.ocr != "off":
        bench.found.notes.append(missing)
    document = pymupdf().open(drawn) if drawn else None
    try:
        pages = _pages(deck, document, bench.found)
        for slide in deck.slides:
            try:
                _slide(slide, pages.get(slide.number), bench)
            except Exception as error:  # one broken slide must not lose the others
                reason = f"its pictures could not all be read ({str(error)[:160] or type(error).__name__})"
                bench.found.problems.append(Problem(reason, slide.number))
    finally:
        if document is not None:
            document.close()
    return bench.found


def read_passages(found: Pictures, deck: Deck, options: Options) -> Iterator[Passage]:
    """The words that were read from slides without text of their own."""
    for slide in deck.slides:
        if read := found.read.get(slide.number):
            yield from ocr_passages(read, slide.number, options, slide.heading)


def _pages(deck: Deck, document: Any, found: Pictures) -> dict[int, Any]:
    """Slide number -> its page; hidden slides may be missing from the PDF."""
    if document is None:
        return {}
    count, slides = document.page_count, deck.slides
    shown = [slide.number for slide in slides if not slide.hidden]
    numbers = shown if count == len(shown) else [slide.number for slide in slides]
    if count < len(numbers):
        found.problems.append(
            Problem(f"only {count} of {len(slides)} slides could be drawn; saving the deck as PDF helps")
        )
    return {number: document[at] for at, number in enumerate(numbers[:count])}


def _slide(slide: Slide, page: Any, bench: _Bench) -> None:
    words, was_read = slide.words, False
    if page is not None and bench.options.page_images != "none":
        # Without any words, what the slide shows may stand on its master.
        shows = not words or any(isinstance(part, Image) for part in slide.parts)
        if len(words.split()) < _FEW_WORDS and shows:
            words, was_read = _read(slide, page, words, bench)
        with bench.clock.stage("render"):
            box = (0.0, 0.0, bench.deck.width, bench.deck.height)
            if image := _attempt(lambda: save_page_image(page, bench.options.dpi, bench.folder), slide, bench):
                bench.found.pictures.append(
                    Picture(
                        "slide",
                        slide.number,
                        image,
                        box,
                        caption=slide.title,
                        words=words,
                        heading=slide.heading,
                        ocr=was_read,
                    )
                )
    context = _context(slide)
    for part in slide.parts:
        if picture := _part(part, slide, page, context, bench):
            bench.found.pictures.append(picture)


def _read(slide: Slide, page: Any, words: str, bench: _Bench) -> tuple[str, bool]:
    """The words of a slide that is a picture, by OCR; those of its own come first."""
    if choose_engine(bench.options)[0] is None:
        return words, False
    with bench.clock.stage("ocr"):
        long_side = max(page.rect.width, page.rect.height) or 1
        try:
            read = recognise_page(render_page(page, 72 * OCR_LONG_SIDE / long_side), bench.options)
        except ExtractionError as error:
            bench.found.problems.append(Problem(f"its words could not be read: {error}", slide.number))
            return words, False
    known = {word.lower() for word in words.split()}
    fresh = tuple(line for line in read.lines if not known.issuperset(line.text.lower().split()))
    if not fresh:
        return words, False
    read = replace(read, lines=fresh)
    bench.found.read[slide.number] = read
    return "\n".join([*filter(None, [words]), *(line.text for line in read.lines)]), True


def _part(part: object, slide: Slide, page: Any, context: tuple[str, ...], bench: _Bench) -> Picture | None:
    if isinstance(part, Image):
        shown = _embedded(part, slide, page, bench)
    elif isinstance(part, Grid | Drawing) and page is not None:
        shown = _drawn(part, slide, page, bench)
    else:
        return None
    if shown is None:
        return None
    return Picture(
        "table" if isinstance(part, Grid) and not part.chart else "figure",
        slide.number,
        shown.image,
        part.box,
        caption=part.caption,
        words=shown.words,
        context=context,
        heading=slide.heading,
        ocr=shown.ocr,
    )


def _drawn(part: Grid | Drawing, slide: Slide, page: Any, bench: _Bench) -> _Shown | None:
    if isinstance(part, Drawing):
        worth = _DRAWN <= _share(part.box, bench.deck) < _ALL and (part.words or part.kind == "object")
        words = part.words or _written(part.box, page, bench)
    else:
        worth, words = bool(part.rows), "\n".join("  ".join(row) for row in part.rows)
    image = _cut(part.box, slide, page, bench) if worth else None
    return _Shown(image, words) if image else None


def _embedded(part: Image, slide: Slide, page: Any, bench: _Bench) -> _Shown | None:
    """An embedded picture; cut from the drawn slide where its format is one that only LibreOffice reads (EMF, WMF)."""
    share = _share(part.box, bench.deck)
    if (share < _SMALL and not part.caption) or (share > _ALL and page is not None):
        return None
    try:
        data = part.data()
    except Exception as error:  # python-pptx: the part is missing, or a link
        bench.found.notes.append(f"slide {slide.number}: a picture is not in the deck ({str(error)[:100]})")
        return None
    if sha256(data).hexdigest() in bench.logos:
        return None
    try:
        return _opened(data, part, slide, bench)
    except ExtractionError as error:
        if page is not None and (image := _cut(part.box, slide, page, bench)):
            return _Shown(image, _written(part.box, page, bench))
        bench.found.problems.append(Problem(f"a picture is left out: {error}", slide.number))
        return None


def _opened(data: bytes, part: Image, slide: Slide, bench: _Bench) -> _Shown:
    with bench.clock.stage("render"), open_image(data, "an embedded picture") as image:
        own = data if is_displayable(image) and not any(part.crop) else None
        seen = _cropped(normalise_image(image), part.crop)
        stored = save_image(seen, bench.folder, own, image.format)
    with bench.clock.stage("ocr"):
        words, problems = read_picture_words(seen, slide.number, bench.options)
        bench.found.problems += problems
    return _Shown(stored, words, ocr=bool(words))


def _on_page(box: Box, page: Any, bench: _Bench) -> Box:
    """The PDF's page may be a little larger or smaller than the slide."""
    sx, sy = page.rect.width / bench.deck.width, page.rect.height / bench.deck.height
    return box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy


def _written(box: Box, page: Any, bench: _Bench) -> str:
    """What LibreOffice wrote there: the letters of a vector picture, the cells of an embedded sheet."""
    lines = page.get_text("text", clip=_on_page(box, page, bench)).splitlines()
    return "\n".join(line for line in map(str.strip, lines) if line)


def _cut(box: Box, slide: Slide, page: Any, bench: _Bench) -> ImageFile | None:
    """A part of the drawn slide."""
    clip = _on_page(box, page, bench)
    with bench.clock.stage("render"):
        return _attempt(lambda: save_crop(page, clip, bench.options.dpi, bench.folder), slide, bench)


def _attempt(make: Any, slide: Slide, bench: _Bench) -> ImageFile | None:
    try:
        return make()  # type: ignore[no-any-return]
    except ExtractionError as error:
        bench.found.problems.append(Problem(str(error), slide.number))
        return None


def _cropped(image: Any, shares: tuple[float, float, float, float]) -> Any:
    """The part that the slide shows; negative shares pad, which adds nothing to see."""
    left, top, right, bottom = (min(max(share, 0.0), 0.99) for share in shares)
    if left + top + right + bottom < 0.01 or left + right >= 1 or top + bottom >= 1:
        return image
    width, height = image.size
    return image.crop(
        (int(left * width), int(top * height), max(int((1 - right) * width), 1), max(int((1 - bottom) * height), 1))
    )


def _share(box: Box, deck: Deck) -> float:
    return area(box) / (deck.width * deck.height or 1)


def _context(slide: Slide) -> tuple[str, ...]:
    """What the slide says beside its pictures."""
    texts = [part.text for part in slide.parts if isinstance(part, Text)]
    return tuple(dict.fromkeys(text for text in (slide.title, *texts[:_CONTEXT]) if text))


def _logos(deck: Deck) -> frozenset[str]:
    """Small pictures that stand on many slides, by the hash of their bytes."""
    seen: Counter[str] = Counter()
    for slide in deck.slides:
        small = [part for part in slide.parts if isinstance(part, Image) and _share(part.box, deck) < 0.1]
        hashes = set()
        for part in small:
            try:
                hashes.add(sha256(part.data()).hexdigest())
            except Exception:  # reported where the picture itself is taken
                continue
        seen.update(hashes)
    return frozenset(digest for digest, count in seen.items() if count >= max(4, _REPEATED * len(deck.slides)))
