"""Word processing files: the structure comes from the file itself, the pages from LibreOffice.

Without LibreOffice, parts have no pages, drawings no pictures, and DOC files cannot be read; the report says so.
"""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from extractors.blocks.assembly import extract_blocks
from extractors.blocks.types import BlockDocument, Text
from extractors.containers import is_ole, member_names, starts_with
from extractors.errors import ExtractionError, error_summary
from extractors.slides.libreoffice import convert_file
from extractors.timing import StageTimer
from extractors.types import Extraction, Options, Picture, Source
from extractors.word.docx_reader import read_docx
from extractors.word.odt_reader import read_odt
from extractors.word.rendering import place_on_pages, read_pages, without_drawings
from extractors.word.types import WordContent

_RTF = b"{\\rtf"
_IS_ENCRYPTED = 0x0100
"""Flag at the beginning of the text of a DOC file."""


def load_libraries() -> None:
    """Import python-docx, and what reads the PDF that LibreOffice makes."""
    import docx.opc.package  # noqa: F401

    from extractors.pdf import extractor

    extractor.load_libraries()


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract one file (DOCX, DOC, ODT, RTF).

    Raises `ExtractionError` when it is encrypted or damaged, and for DOC when LibreOffice is missing.
    """
    timer = StageTimer()
    page_images: tuple[Picture, ...] = ()
    with tempfile.TemporaryDirectory(prefix="diptych-word-") as folder:
        with timer.stage("open"):
            blocks, title, note = _read(source.path, source.name, Path(folder))
        notes, pages = [note] if note else [], 0
        content = without_drawings(blocks)
        try:
            with timer.stage("office"):
                pdf = convert_file(source.path, "pdf", Path(folder))
            with timer.stage("layout"):
                rendered = read_pages(pdf, source, options, pictures)
                content, found = place_on_pages(blocks, rendered, pictures, options.dpi)
            notes += found
            pages, page_images = len(rendered.letters), rendered.page_images
        except ExtractionError as error:
            notes.append(f"{error}; so its parts have no pages, and charts and drawings no pictures")
        document = BlockDocument(content, title, pages, notes=tuple(notes))
        extraction = extract_blocks(source, document, options, pictures, timer)
    together = sorted((*extraction.pictures, *page_images), key=lambda picture: picture.page)
    return replace(extraction, pictures=tuple(together))


def _read(path: Path, name: str, folder: Path) -> tuple[list[WordContent], str, str]:
    """Return the blocks of a file, its title, and a note about the detour by which it was read.

    Formats are recognised by content, because suffixes may be wrong.
    """
    is_rtf = starts_with(path, _RTF)
    reason = "RTF" if is_rtf else "DOC"
    if not is_rtf and is_ole(path, name):
        _check_word(path, name)
    elif not is_rtf:
        try:
            read = read_odt if "content.xml" in member_names(path, name) else read_docx
            return *read(path, name), ""
        except ExtractionError as error:
            if error.needs_action:  # LibreOffice has no password either
                raise
            reason = str(error).removeprefix(f"{name}: ")
    try:
        blocks, title = read_docx(convert_file(path, "docx", folder), name)
    except ExtractionError as error:
        if is_rtf:
            return read_rtf(path, name), "", f"{error}; only its text was read, without headings, tables and pictures"
        needed = "DOC files are read with LibreOffice" if reason == "DOC" else reason
        raise ExtractionError(f"{name}: {needed}; {error}") from error
    return blocks, title, "" if reason in ("RTF", "DOC") else f"{reason}; read by way of LibreOffice"


def _check_word(path: Path, name: str) -> None:
    """Raise `ExtractionError` for an OLE file that is encrypted or no DOC, which LibreOffice takes for text."""
    from olefile import OleFileIO

    try:
        with OleFileIO(str(path)) as file:
            head = file.openstream("WordDocument").read(12)
    except Exception as error:  # olefile's own, and what it runs into in broken files
        raise ExtractionError(f"{name}: not a complete DOC file; open and save it again") from error
    if int.from_bytes(head[10:], "little") & _IS_ENCRYPTED:
        raise ExtractionError(f"{name}: is encrypted; save it without a password")


def read_rtf(path: Path, name: str) -> list[WordContent]:
    """Return the paragraphs of a file. Raises `ExtractionError` when it is damaged."""
    from striprtf.striprtf import rtf_to_text

    try:
        text = rtf_to_text(path.read_bytes().decode("cp1252", errors="replace"), errors="ignore")
    except Exception as error:  # striprtf raises what its parser runs into
        raise ExtractionError(f"{name}: cannot be read as RTF ({error_summary(error)}); save it as DOCX") from error
    return [Text(re.sub(r"\s*\|\s*", " | ", line).strip(" |")) for line in text.splitlines() if line.strip(" |")]
