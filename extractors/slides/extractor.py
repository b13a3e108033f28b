"""Slide decks: the native text of every slide, and every slide as a picture, so that slide n stays slide n.

Text comes from the file itself (`powerpoint`, `opendocument`), pixels from LibreOffice by way of a PDF. Each goes
without the other: what is missing is said in the report.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from extractors.errors import ExtractionError
from extractors.slides import libreoffice as office
from extractors.slides import opendocument, powerpoint
from extractors.slides import pictures as slidepictures
from extractors.slides.deck import Deck, Grid, Slide, Text
from extractors.text.headings import HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, TablePlace, build_passages, table_passages
from extractors.timing import StageTimer
from extractors.types import Box, Extraction, Options, Passage, Report, Source

_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Read one deck (PPTX, ODP, PPT); its images go to the folder `pictures`.

    Raises `ExtractionError` when neither python-pptx nor LibreOffice can open it, or when it has no slides.
    """
    clock, notes = StageTimer(), []
    with tempfile.TemporaryDirectory(prefix="diptych-deck-") as folder:
        work = Path(folder)
        _refuse_encrypted(source.path)
        with clock.stage("open"):
            deck, reason = _native(source.path, work)
        with clock.stage("office"):
            drawn, missing = _drawn(source.path, work) if options.page_images != "none" or deck is None else (None, "")
        if deck is None and drawn is None:
            raise ExtractionError(f"{source.name}: {reason}" + (f"; {missing}" if missing not in reason else ""))
        if deck is None and drawn is not None:
            return _from_pdf(source, drawn, options, pictures, reason)
        assert deck is not None
        if not deck.slides:
            raise ExtractionError(f"{source.name}: has no slides; is it a template? Save the deck itself")
        notes += [note for note in (reason, missing) if note]
        found = slidepictures.collect(deck, drawn, options, pictures, clock)
    with clock.stage("passages"):
        limit = PassageLimit.of(options)
        made = [passage for slide in deck.slides for passage in _passages(slide, deck, limit)]
        made += slidepictures.read_passages(found, deck, options)
    hidden = ", ".join(str(slide.number) for slide in deck.slides if slide.hidden)
    report = Report(
        pages=len(deck.slides),
        ocr_pages=tuple(found.read),
        problems=(*deck.problems, *found.problems),
        notes=(*notes, *found.notes, *((f"hidden slides, kept and marked: {hidden}",) if hidden else ())),
        seconds=clock.seconds,
    )
    made.sort(key=lambda passage: passage.page)
    return Extraction(source, tuple(made), tuple(found.pictures), report, deck.title or deck.slides[0].title)


def _native(path: Path, work: Path) -> tuple[Deck | None, str]:
    """The deck's own text, and what the user should know: why there is none, or by which detour it came."""
    kind = _kind(path)
    try:
        if kind == "pptx":
            return powerpoint.read(path), ""
        if kind == "odp":
            powerpoint.check_archive(path)
    except ExtractionError as error:
        reason = str(error).removeprefix(f"{path.name}: ")
        deck, _ = _converted(path, work)
        return (deck, f"{reason}; read by way of LibreOffice") if deck else (None, reason)
    deck, reason = _converted(path, work)
    if deck is None and kind == "odp":
        return opendocument.read(path), f"{reason}; charts and drawings of this deck give no text"
    return deck, reason


def _converted(path: Path, work: Path) -> tuple[Deck | None, str]:
    """The deck by way of LibreOffice, or why there is none."""
    try:
        (file,) = office.convert([path], "pptx", work)
        return (
            (powerpoint.read(file), "") if file else (None, "LibreOffice cannot open it either; save it as PPTX or PDF")
        )
    except ExtractionError as error:
        return None, str(error)


def _drawn(path: Path, work: Path) -> tuple[Path | None, str]:
    """The deck as a PDF of one page a slide, or what is lost without."""
    cost = "its slides are not kept as pictures"
    try:
        (file,) = office.convert([path], "pdf", work)
    except ExtractionError as error:
        return None, f"{error}; {cost}"
    return file, "" if file else f"LibreOffice cannot open it; {cost}; saving it as PDF helps"


def _from_pdf(source: Source, file: Path, options: Options, pictures: Path, reason: str) -> Extraction:
    """A deck that only LibreOffice can open, read like a PDF of slides: no notes, charts' numbers, alt texts."""
    from extractors.pdf import extractor as pdf

    made = pdf.extract(replace(source, path=file), options, pictures)
    note = f"{reason}; read from LibreOffice's PDF: speaker notes and the numbers of charts are lost; save it as PPTX"
    return replace(made, source=source, report=replace(made.report, notes=(*made.report.notes, note)))


def _kind(path: Path) -> str:
    """By content, for suffixes lie: a zip archive holds PPTX or ODP."""
    with path.open("rb") as file:
        if file.read(4) == _OLE:
            return "ppt"
    try:
        return "odp" if opendocument.is_one(path) else "pptx"
    except ExtractionError:
        return path.suffix.lower().removeprefix(".")


def _refuse_encrypted(path: Path) -> None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ExtractionError(f"{path.name}: cannot be read ({error.strerror})") from error
    if not data:
        raise ExtractionError(f"{path.name}: is empty; copy or download it again")
    if data.startswith(_OLE) and _ENCRYPTED in data:
        raise ExtractionError(f"{path.name}: is encrypted; save it without a password first")


# --- passages -----------------------------------------------------------------------------------------------------


def _passages(slide: Slide, deck: Deck, limit: PassageLimit) -> Iterator[Passage]:
    whole = (0.0, 0.0, deck.width, deck.height)
    path = slide.heading
    placed = []
    if slide.title:
        placed.append(HeadedParagraph(_paragraph(slide.title, slide, slide.title_box or whole), path, True))
    placed += [
        HeadedParagraph(_paragraph("– " * min(part.level, 1) + part.text, slide, part.box), path)
        for part in slide.parts
        if isinstance(part, Text)
    ]
    yield from build_passages(placed, limit)
    for part in slide.parts:
        if isinstance(part, Grid) and part.rows:
            yield from table_passages(part.rows, TablePlace(slide.number, part.box, path, caption=part.caption), limit)
    said = [*slide.notes, *(f"Comment: {text}" for text in slide.comments)]
    spoken = build_passages([HeadedParagraph(_paragraph(text, slide, whole), path) for text in said], limit)
    yield from (replace(passage, kind="notes", box=None) for passage in spoken)


def _paragraph(text: str, slide: Slide, box: Box) -> Paragraph:
    return Paragraph((text,), slide.number, box, size=18.0)
