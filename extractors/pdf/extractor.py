"""PDF files: extracting them page by page, and assembling the document from its pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError
from extractors.geometry import coverage
from extractors.layout.captions import Caption
from extractors.layout.furniture import Furniture
from extractors.layout.page_sample import PageSample, sample_pages
from extractors.ocr.recognition import choose_engine
from extractors.page import PageLayout
from extractors.page_range import check_pages
from extractors.pdf.assembly import assemble_document
from extractors.pdf.page_cache import PageCache, entry_type
from extractors.pdf.page_extractor import PageContext, PageParts
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import open_pdf, pymupdf, unlock
from extractors.progress import readable_pages, start_page
from extractors.text.headings import Bookmark
from extractors.text.page_numbers import page_number_offset
from extractors.text.paragraphs import Paragraph
from extractors.text.titles import find_title
from extractors.timing import StageTimer
from extractors.types import WHOLE_KINDS, Extraction, Options, Picture, Problem, Report, Source

MAX_PAGES = 20_000  # no printed work has more, but a page tree can name one page a million times
MAX_KEPT_ELEMENTS = 60_000  # lines and drawings of sampled pages kept in memory, so that they are read only once
PAGES_BETWEEN_SHRINKING = 50  # then MuPDF's cache of fonts and images is emptied; it would grow up to 256 MB
INCOMPLETE = "the file ends early, so that parts of it may be missing; copy or download it again"
END_LENGTH = 2048  # bytes at the end of a file in which readers look for its mark
MAX_CAPTION_TOP = 150.0  # points from the top of a page, header included, at which a caption of the page before starts
MIN_CAPTION_OVERLAP = 0.8  # share of a paragraph that a caption covers when both are the same text


def load_libraries() -> None:
    """Import MuPDF, OpenCV and Pillow, and prepare the cache of pages."""
    import cv2  # noqa: F401
    from PIL import Image

    Image.preinit()
    pymupdf()
    entry_type()


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one PDF; its images are saved in the picture store `pictures`.

    A page that fails becomes a problem in the report. Raises `ExtractionError` when the file cannot be opened, is
    encrypted or has no pages, and when no page can be read.
    """
    timer = StageTimer()
    with timer.stage("open"):
        document = _open_document(source)
    with document:
        wanted = check_pages(options.page_range, document.page_count, source.name)
        engine, missing = choose_engine(options)
        layouts, cache = _Layouts(timer), PageCache(document, options, engine)
        furniture = _learn_furniture(document, source.skipped_pages, layouts, cache)
        context = PageContext(options, pictures, furniture, engine, timer)
        unread = [Problem(INCOMPLETE)] if document.is_repaired and _ends_early(source.path) else []
        if len(wanted) > MAX_PAGES:
            reason = f"only {MAX_PAGES:,} of {len(wanted):,} pages were read; split the file, or choose pages"
            unread.append(Problem(reason))
        numbers = readable_pages(wanted[:MAX_PAGES], source.skipped_pages, unread)
        pages = list(_extract_pages(document, numbers, context, layouts, cache))
        problems = [*unread, *(problem for page in pages for problem in page.problems)]
        if all(page.problems for page in pages) and not any(page.paragraphs or page.pictures for page in pages):
            raise ExtractionError(f"{source.name}: no page could be read; {problems[0].reason}")
        with timer.stage("passages"):
            metadata = document.metadata or {}
            first_paragraphs = [paragraph for page in pages[:2] if wanted[0] == 1 for paragraph in page.paragraphs]
            title = find_title(str(metadata.get("title") or ""), first_paragraphs)
            passages, found = assemble_document(pages, _bookmarks(document), title, options)
        report = _report(document.page_count, pages, problems, missing, timer)
    offset = page_number_offset({page.number: page.page_numbers for page in pages})
    return Extraction(source, passages, found, report, title, offset)


def _open_document(source: Source) -> Any:
    path, name = source.path, source.name
    advice = "Check that the file is complete, or save it again in a PDF viewer."
    try:
        document = open_pdf(path)
    except Exception as error:  # FileDataError, EmptyFileError and MuPDF's own
        says_more = str(path) not in str(error)  # MuPDF's own message names the file again, and nothing else
        reason = f" ({str(error).rstrip('.')})" if says_more else ""
        raise ExtractionError(f"{name}: cannot be opened as a PDF{reason}. {advice}") from error
    problem, is_locked = "", False
    if not document.is_pdf:  # MuPDF opens text, XPS and more, whatever `filetype` says
        problem = "is not a PDF, whatever its suffix says. Save it as PDF."
    elif not unlock(document, source.passwords):
        is_locked = True
        reason = "none of its passwords opens it" if source.passwords else "no password is known"
        problem = (
            f"is encrypted, and {reason}. Add its password under [passwords] in diptych.toml, or exclude the file."
        )
    else:
        try:
            problem = "" if document.page_count else f"has no pages. {advice}"
        except Exception as error:
            problem = f"its pages cannot be counted ({error}). {advice}"
    if problem:
        document.close()
        # A password may be added later, but not by itself.
        raise ExtractionError(f"{name}: {problem}", transient=is_locked, needs_action=is_locked)
    return document


def _ends_early(path: Path) -> bool:
    """Whether the mark at the end of a PDF is missing."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END_LENGTH))
        return b"%%EOF" not in file.read()


class _Layouts:
    """Reads the layouts of pages; those of sampled pages are kept as long as they are small, to be read once."""

    def __init__(self, timer: StageTimer) -> None:
        self._timer = timer
        self._last: PageLayout | None = None
        self._kept: dict[int, PageLayout] = {}
        self._elements = 0

    def read(self, page: Any, number: int) -> PageLayout:
        """The layout of a page that was not turned."""
        if not self._last or self._last.number != number:
            with self._timer.stage("layout"):
                self._last = self._kept.pop(number, None) or read_page(page, number)
        return self._last

    def keep_last(self) -> None:
        """Keep the layout that was read last."""
        last = self._last
        size = len(last.lines) + len(last.drawings) if last else 0
        if last and last.number not in self._kept and self._elements + size <= MAX_KEPT_ELEMENTS:
            self._kept[last.number] = last
            self._elements += size


def _learn_furniture(document: Any, skipped: Mapping[int, str], layouts: _Layouts, cache: PageCache) -> Furniture:
    """What repeats on many pages."""

    def samples() -> Iterator[PageSample]:
        for number in (index + 1 for index in sample_pages(document.page_count) if index + 1 not in skipped):
            start_page(number)
            try:
                page = document[number - 1]
                sample = cache.sample(page, number, partial(layouts.read, page, number))
            except Exception:  # becomes a problem when this page is extracted
                continue
            layouts.keep_last()
            yield sample

    return Furniture.learn(samples())


def _extract_pages(
    document: Any, numbers: Iterable[int], context: PageContext, layouts: _Layouts, cache: PageCache
) -> Iterator[PageParts]:
    previous: PageParts | None = None
    for number in numbers:
        if previous and previous.number != number - 1:  # the page between was not read
            previous = None
        carried = previous.unmatched_captions if previous else ()
        try:
            page = document[number - 1]
            parts = cache.extract(page, number, partial(layouts.read, page, number), context, carried)
            if previous:
                _move_caption_to_previous_page(previous, parts)
        except Exception as error:  # one broken page must not cost the others
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            parts = PageParts(number, problems=[Problem(f"the page could not be read: {reason}", number)])
        previous = parts
        yield parts
        if number % PAGES_BETWEEN_SHRINKING == 0:
            pymupdf().TOOLS.store_shrink(100)


def _move_caption_to_previous_page(previous: PageParts, page: PageParts) -> None:
    """If `page` starts with the caption of the last figure of `previous`, move it there. Changes both."""
    figure, caption = _last_figure(previous), _first_caption(page)
    if figure is None or caption is None:
        return
    captioned = replace(figure, label=caption.label, caption=caption.text)
    previous.pictures = [captioned if picture is figure else picture for picture in previous.pictures]
    previous.matched_captions += 1
    page.unmatched_captions = tuple(other for other in page.unmatched_captions if other is not caption)
    page.paragraphs = [paragraph for paragraph in page.paragraphs if not _is_caption(paragraph, caption)]


def _last_figure(page: PageParts) -> Picture | None:
    """The figure that ends the page, if it has no caption and the page has none without a figure."""
    figures = [
        (picture.box[3], n) for n, picture in enumerate(page.pictures) if picture.box and picture.kind == "figure"
    ]
    if not figures or page.unmatched_captions:
        return None
    bottom, number = max(figures)
    figure = page.pictures[number]
    has_text_below = any(paragraph.box[1] >= bottom for paragraph in page.paragraphs)
    return None if figure.caption or has_text_below else figure


def _first_caption(page: PageParts) -> Caption | None:
    """The caption of a figure that is not on this page, if it is above everything else here."""
    caption = next((caption for caption in page.unmatched_captions if caption.kind == "figure"), None)
    if caption is None or caption.box[1] > MAX_CAPTION_TOP:
        return None
    others = [picture.box for picture in page.pictures if picture.box and picture.kind not in WHOLE_KINDS]
    others += [table.box for table in page.tables]
    others += [paragraph.box for paragraph in page.paragraphs if not _is_caption(paragraph, caption)]
    return caption if all(box[1] > caption.box[1] for box in others) else None


def _is_caption(paragraph: Paragraph, caption: Caption) -> bool:
    return coverage(paragraph.box, caption.box) > MIN_CAPTION_OVERLAP


def _bookmarks(document: Any) -> list[Bookmark]:
    try:
        entries = document.get_toc(simple=True)
    except Exception:  # broken outlines are common, and headings are found without them
        return []
    return [Bookmark(int(level), str(title), int(page)) for level, title, page, *_ in entries if page > 0]


def _report(
    count: int, pages: Sequence[PageParts], problems: Sequence[Problem], missing: str, timer: StageTimer
) -> Report:
    notes = [note for page in pages for note in page.notes]
    if missing and any(page.ocr for page in pages):
        notes.append(missing)
    return Report(
        pages=count,
        captions_matched=sum(page.matched_captions for page in pages),
        captions_unmatched=tuple(caption.text for page in pages for caption in page.unmatched_captions),
        ocr_pages=tuple(page.number for page in pages if page.ocr),
        flagged_pages=tuple(page.number for page in pages if page.flagged),
        uncertain_pages=tuple(page.number for page in pages if page.uncertain),
        problems=tuple(sorted(problems, key=lambda problem: problem.page or 0)),
        notes=tuple(notes),
        seconds={stage: round(seconds, 3) for stage, seconds in timer.seconds.items()},
    )
