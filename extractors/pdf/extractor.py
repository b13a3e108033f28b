"""PDF -> passages and pictures, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from extractors.errors import ExtractionError
from extractors.layout.captions import Caption
from extractors.layout.furniture import Furniture, sample_pages, without_numbers
from extractors.ocr import recognition as ocr
from extractors.page import PageLayout
from extractors.pdf import page_cache as pagecache
from extractors.pdf import page_parts as pagewise
from extractors.pdf import split_captions as overleaf
from extractors.pdf.page_parts import Desk, PageParts
from extractors.pdf.render import pymupdf
from extractors.text import headings, passages
from extractors.text import page_numbers as folios
from extractors.text import references as links
from extractors.text.headings import Bookmark, HeadedParagraph
from extractors.text.paragraphs import Paragraph, goes_on, straddled
from extractors.text.passages import PassageLimit, TablePlace
from extractors.text.titles import title_of
from extractors.timing import StageTimer
from extractors.types import Extraction, Options, Passage, Picture, Problem, Report, Source

_KEPT_PARTS = 60_000
"""Lines and drawings of sampled pages that are kept in memory instead of read again."""


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Read one PDF; its images go to the folder `pictures`.

    Raises `ExtractionError` when the file cannot be opened, is encrypted or has no pages; a page that fails is a
    `Problem` in the report.
    """
    clock = StageTimer()
    with clock.stage("open"):
        document = _open(source.path, source.name)
    with document:
        with clock.stage("layout"):
            kept, furniture = _learn(document)
        engine, missing = ocr.choose_engine(options)
        desk = Desk(options, pictures, furniture, engine, clock)
        pages = list(_pages(document, desk, kept))
        if len(pages) == sum(any(p.page == part.number for p in part.problems) for part in pages) and not any(
            part.paragraphs or part.pictures for part in pages
        ):
            raise ExtractionError(f"{source.name}: no page could be read; {pages[0].problems[0].reason}")
        with clock.stage("passages"):
            extraction = _assembled(source, options, pages, _bookmarks(document), _title(document, pages))
    return replace(extraction, report=_report(pages, missing, clock))


def _open(path: Path, name: str) -> Any:
    module = pymupdf()
    try:
        document = module.open(path, filetype="pdf")
    except Exception as error:  # FileDataError, EmptyFileError and MuPDF's own
        reason = str(error).replace(str(path), name).rstrip(".")
        raise ExtractionError(
            f"{name}: cannot be opened as a PDF ({reason}); is it complete? Saving it anew in a PDF viewer often helps"
        ) from error
    if not document.is_pdf:  # MuPDF reads plain text, XPS and more, whatever it is told to expect
        document.close()
        raise ExtractionError(f"{name}: is no PDF inside, whatever its suffix says; save it as PDF")
    if document.needs_pass and not document.authenticate(""):
        document.close()
        raise ExtractionError(
            f"{name}: is encrypted; remove the password first, e.g. qpdf --decrypt --password=… in out"
        )
    try:
        count = document.page_count
    except Exception as error:
        raise ExtractionError(f"{name}: its pages cannot be counted ({error}); save it anew in a PDF viewer") from error
    if count == 0:
        document.close()
        raise ExtractionError(f"{name}: has no pages; is it complete? Saving it anew in a PDF viewer often helps")
    return document


def _learn(document: Any) -> tuple[dict[int, PageLayout], Furniture]:
    """What repeats in the document; and layouts already read, as far as they are small."""
    kept: dict[int, PageLayout] = {}
    held = 0

    def layouts() -> Iterator[PageLayout]:
        nonlocal held
        for index in sample_pages(document.page_count):
            try:
                layout = pagewise.read(document[index], index + 1)
            except Exception:  # the page's own turn comes, where it becomes a problem
                continue
            size = len(layout.lines) + len(layout.drawings)
            if held + size <= _KEPT_PARTS:
                kept[index] = layout
                held += size
            yield layout

    return kept, Furniture.learn(layouts())


def _pages(document: Any, desk: Desk, kept: dict[int, PageLayout]) -> Iterator[PageParts]:
    """The parts of every page; a page that fails gives a problem and no parts."""
    carried: tuple[Caption, ...] = ()
    before: PageParts | None = None
    for index in range(document.page_count):
        try:
            page = document[index]
            layout = kept.pop(index, None)
            if layout is None:
                with desk.clock.stage("layout"):
                    layout = pagewise.read(page, index + 1)
            parts = _parts(page, layout, desk, carried)
            if before:
                overleaf.settle(before, parts)
        except Exception as error:  # one broken page must not lose the others
            reason = str(error).strip().splitlines()
            parts = PageParts(index + 1)
            parts.problems.append(
                Problem(f"the page could not be read: {reason[0] if reason else type(error).__name__}", index + 1)
            )
        before, carried = parts, parts.unmatched
        yield parts
        if index % 50 == 49:
            pymupdf().TOOLS.store_shrink(100)


def _parts(page: Any, layout: PageLayout, desk: Desk, carried: Sequence[Caption]) -> PageParts:
    """A page taken apart, or as it was kept when the same page came before."""
    if desk.options.pages is None:
        return pagewise.work(page, layout, desk, carried)
    with desk.clock.stage("reuse"):
        name = pagecache.key(page, layout, desk, carried)
        kept = pagecache.load(name, desk, layout.number)
    if kept:
        return kept
    parts = pagewise.work(page, layout, desk, carried)
    pagecache.keep(name, desk, parts)
    return parts


# --- the document as a whole --------------------------------------------------------------------------------------


def _assembled(
    source: Source, options: Options, pages: Sequence[PageParts], marks: Sequence[Bookmark], title: str
) -> Extraction:
    """The document's extraction; its report is yet to come."""
    budget = PassageLimit.of(options)
    deck = _is_deck(pages)
    text = _without_running([paragraph for parts in pages for paragraph in parts.paragraphs])
    known = frozenset(
        word.strip(".,;:()“”\"'").lower() for paragraph in text for line in paragraph.lines for word in line.split()
    )
    text = _joined(text, known)
    placed = headings.assign_headings(text, marks, title=title, deck=deck)
    tables = list(_tables(pages, placed, budget))
    made = passages.build_passages(placed, budget, known, [(table.page, table.heading) for table in tables])
    for table in tables:
        made.insert(_place_of(table, made), table)
    pictures = [
        replace(
            picture,
            heading=_path_at(placed, picture),
            kind="slide" if deck and picture.kind == "page" else picture.kind,
        )
        for parts in pages
        for picture in parts.pictures
    ]
    shift = folios.shift({parts.number: parts.folios for parts in pages})
    return Extraction(source, tuple(made), tuple(links.link(made, pictures)), Report(len(pages)), title, shift)


def _without_running(text: Sequence[Paragraph]) -> list[Paragraph]:
    """Read pages less the lines that come back on many of them; in files with text, furniture tells by their place."""
    pages: dict[str, set[int]] = {}
    for paragraph in text:
        for line in paragraph.lines if paragraph.ocr else ():
            pages.setdefault(without_numbers(line), set()).add(paragraph.page)
    often = max(3, 0.25 * len({paragraph.page for paragraph in text if paragraph.ocr}))
    kept = []
    for paragraph in text:
        lines = tuple(
            line for line in paragraph.lines if not paragraph.ocr or len(pages[without_numbers(line)]) < often
        )
        if lines:
            kept.append(replace(paragraph, lines=lines))
    return kept


def _joined(text: Sequence[Paragraph], known: Set[str]) -> list[Paragraph]:
    """Sentences that go on in the next column or page stand whole where they begin."""
    joined: list[Paragraph] = []
    for paragraph in text:
        following: Paragraph | None = paragraph
        for index in range(len(joined) - 1, max(-1, len(joined) - 4), -1):
            if paragraph.page - joined[index].page > 1:
                break
            below = joined[index].page == paragraph.page and joined[index].box[3] <= paragraph.box[1] + 2
            if not below and goes_on(joined[index], paragraph):
                joined[index], following = straddled(joined[index], paragraph, known)
                break
        if following:
            joined.append(following)
    return joined


def _tables(pages: Sequence[PageParts], placed: Sequence[HeadedParagraph], budget: PassageLimit) -> Iterator[Passage]:
    for parts in pages:
        for table in parts.tables:
            path = _path_on(placed, parts.number, table.box[1])
            place = TablePlace(parts.number, table.box, path, table.label, table.caption, table.ocr)
            yield from passages.table_passages(table.rows, place, budget)


def _place_of(table: Passage, made: Sequence[Passage]) -> int:
    """Before the first text of its page that starts below it in its column, else behind the page's last."""
    for index, passage in enumerate(made):
        if passage.page > table.page:
            return index
        if passage.page == table.page and passage.box and table.box and passage.kind == "text":
            beside = passage.box[0] >= table.box[2] or passage.box[2] <= table.box[0]
            if passage.box[1] > table.box[1] and not beside:
                return index
    return len(made)


def _path_at(placed: Sequence[HeadedParagraph], picture: Picture) -> tuple[str, ...]:
    if picture.kind == "page" or picture.box is None:
        return next((item.path for item in placed if item.paragraph.page == picture.page), ())
    return _path_on(placed, picture.page, picture.box[1])


def _path_on(placed: Sequence[HeadedParagraph], page: int, top: float) -> tuple[str, ...]:
    """The heading path in force at a height of a page."""
    path: tuple[str, ...] = ()
    for item in placed:
        if item.paragraph.page > page:
            break
        if item.paragraph.page < page or item.paragraph.box[1] <= top + 2:
            path = item.path
    return path


def _is_deck(pages: Sequence[PageParts]) -> bool:
    """Slides saved as PDF: landscape pages with little text each."""
    landscape = sum(parts.landscape for parts in pages)
    return (
        landscape > 0.6 * len(pages)
        and median(sum(paragraph.characters for paragraph in parts.paragraphs) for parts in pages) < 1500
    )


def _bookmarks(document: Any) -> list[Bookmark]:
    try:
        entries = document.get_toc(simple=True)
    except Exception:  # broken outlines are common and no loss
        return []
    return [Bookmark(int(level), str(title), int(page)) for level, title, page, *_ in entries if page > 0]


def _title(document: Any, pages: Sequence[PageParts]) -> str:
    own = str((document.metadata or {}).get("title") or "")
    return title_of(own, [paragraph for parts in pages[:2] for paragraph in parts.paragraphs])


def _report(pages: Sequence[PageParts], missing: str, clock: StageTimer) -> Report:
    notes = [note for parts in pages for note in parts.notes]
    if missing and any(parts.ocr for parts in pages):
        notes.append(missing)
    return Report(
        pages=len(pages),
        captions_matched=sum(parts.matched for parts in pages),
        captions_unmatched=tuple(caption.text for parts in pages for caption in parts.unmatched),
        ocr_pages=tuple(parts.number for parts in pages if parts.ocr),
        flagged_pages=tuple(parts.number for parts in pages if parts.flagged),
        problems=tuple(problem for parts in pages for problem in parts.problems),
        notes=tuple(notes),
        seconds={stage: round(seconds, 3) for stage, seconds in clock.seconds.items()},
    )
