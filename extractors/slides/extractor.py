"""Slide decks: the text of every slide, and every slide as a picture, so that slide n remains slide n.

Text comes from the file itself (`powerpoint`, `opendocument`), pixels from LibreOffice by way of a PDF. Either can be
missing; the report then says what is lost.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from extractors.containers import is_ole, member_names
from extractors.errors import ExtractionError
from extractors.slides.deck import Deck, Slide, TableShape, TextShape
from extractors.slides.libreoffice import convert_file
from extractors.slides.opendocument import read_odp
from extractors.slides.pictures import PictureCollector
from extractors.slides.powerpoint import read_pptx
from extractors.text.headings import MAX_PATH_ENTRY_LENGTH, HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages, table_passages
from extractors.timing import StageTimer
from extractors.types import Box, Extraction, Options, Passage, Report, Source

_NOMINAL_SIZE = 18.0  # font size in points: slides give no hint which paragraphs are headings


def load_libraries() -> None:
    """Import python-pptx, and what reads the PDF that LibreOffice makes."""
    import pptx  # noqa: F401

    from extractors.pdf import extractor

    extractor.load_libraries()


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one deck (PPTX, ODP, PPT).

    Raises `ExtractionError` when neither python-pptx nor LibreOffice can read it, and when it has no slides.
    """
    timer = StageTimer()
    with tempfile.TemporaryDirectory(prefix="diptych-deck-") as folder:
        with timer.stage("open"):
            deck, note = _read_deck(source.path, Path(folder))
        pdf, missing = None, ""
        with timer.stage("office"):
            if options.page_images != "none" or deck is None:
                try:
                    pdf = convert_file(source.path, "pdf", Path(folder))
                except ExtractionError as error:
                    missing = str(error)
        if deck is None:
            if pdf is None:
                raise ExtractionError(f"{source.name}: {note}" + (f"; {missing}" if missing not in note else ""))
            return _extract_pdf(source, pdf, options, pictures, note)
        if not deck.slides:
            raise ExtractionError(f"{source.name}: has no slides, as templates do; save it as a presentation")
        collector = PictureCollector(deck, options, pictures, timer)
        collector.collect(pdf, source.skipped_pages)
    with timer.stage("passages"):
        limit = PassageLimit.of(options)
        passages = [passage for slide in deck.slides for passage in _slide_passages(slide, deck, limit)]
        passages += collector.ocr_passages
        passages.sort(key=lambda passage: passage.page)
    report = replace(_report(deck, collector, note, missing), seconds=timer.seconds)
    title = deck.title or deck.slides[0].title
    return Extraction(source, tuple(passages), tuple(collector.pictures), report, title)


def _report(deck: Deck, collector: PictureCollector, note: str, missing: str) -> Report:
    """`note`: how the deck was read; `missing`: why there is no PDF of it, if there is none."""
    hidden = ", ".join(str(slide.number) for slide in deck.slides if slide.hidden)
    notes = [
        note,
        f"{missing}; its slides are not kept as pictures" if missing else "",
        *collector.notes,
        f"hidden slides, kept and marked: {hidden}" if hidden else "",
    ]
    return Report(
        pages=len(deck.slides),
        ocr_pages=tuple(dict.fromkeys(passage.page for passage in collector.ocr_passages)),
        problems=(*deck.problems, *collector.problems),
        notes=tuple(filter(None, notes)),
    )


def _read_deck(path: Path, folder: Path) -> tuple[Deck | None, str]:
    """Return the content of a deck, and a note: by which detour it was read, or why it could not be.

    Formats are recognised by content, because suffixes may be wrong. Raises `ExtractionError` for an encrypted file.
    """
    is_odp, reason = False, ""
    if not is_ole(path, path.name):
        try:
            is_odp = "content.xml" in member_names(path, path.name)
            if not is_odp:
                return read_pptx(path), ""
        except ExtractionError as error:
            reason = str(error).removeprefix(f"{path.name}: ")
    try:
        deck = read_pptx(convert_file(path, "pptx", folder))
    except ExtractionError as error:
        if is_odp:
            return read_odp(path), f"{error}; charts and drawings of this deck yield no text"
        return None, reason or str(error)
    return deck, f"{reason}; read by way of LibreOffice" if reason else ""


def _extract_pdf(source: Source, pdf: Path, options: Options, pictures: Path, reason: str) -> Extraction:
    """Extract a deck that only LibreOffice can read, like any PDF."""
    from extractors.pdf.extractor import extract as extract_pdf

    extraction = extract_pdf(replace(source, path=pdf), options, pictures)
    note = f"{reason}; read from LibreOffice's PDF, without speaker notes and the numbers of charts; save it as PPTX"
    report = extraction.report
    return replace(extraction, source=source, report=replace(report, notes=(*report.notes, note)))


def _slide_passages(slide: Slide, deck: Deck, limit: PassageLimit) -> Iterator[Passage]:
    path = slide.heading

    def paragraph(text: str, box: Box, *, is_heading: bool = False) -> HeadedParagraph:
        return HeadedParagraph(Paragraph((text,), slide.number, box, _NOMINAL_SIZE), path, is_heading)

    is_in_path = len(slide.title) <= MAX_PATH_ENTRY_LENGTH
    paragraphs = [paragraph(slide.title, slide.title_box or deck.box, is_heading=is_in_path)] if slide.title else []
    for shape in slide.shapes:
        if isinstance(shape, TextShape):
            paragraphs.append(paragraph(f"– {shape.text}" if shape.level else shape.text, shape.box))
    yield from build_passages(paragraphs, limit)
    for shape in slide.shapes:
        if isinstance(shape, TableShape) and shape.grid.rows:
            table = Passage("", slide.number, shape.box, path, "table", caption=shape.caption)
            yield from table_passages(shape.grid, table, limit)
    notes = [*slide.notes, *(f"Comment: {text}" for text in slide.comments)]
    for passage in build_passages([paragraph(text, deck.box) for text in notes], limit):
        yield replace(passage, kind="notes", box=None)
