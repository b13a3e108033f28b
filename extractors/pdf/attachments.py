"""The files in a PDF: those attached to the document, and those attached to a place on a page."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError
from extractors.pdf.render import open_pdf, pymupdf, unlock

MARK = b"/EmbeddedFile"
"""Is in every PDF with attachments, also in encrypted ones: streams are never packed with other objects."""
MAX_ATTACHMENTS = 10_000


def read_attachments(
    path: Path, name: str, passwords: Sequence[str], max_bytes: int
) -> Iterator[tuple[str, bytes | None]]:
    """The name and content of every attachment; None instead of a content that is larger than `max_bytes`.

    Raises `ExtractionError` when the PDF cannot be opened.
    """
    try:
        document = open_pdf(path)
    except Exception as error:  # MuPDF's errors have many classes
        raise ExtractionError(f"{name}: cannot be opened as a PDF") from error
    with document:
        if not document.is_pdf or not unlock(document, passwords):
            raise ExtractionError(f"{name}: cannot be opened as a PDF without a password")
        for number in range(min(document.embfile_count(), MAX_ATTACHMENTS)):
            with suppress(Exception):  # the others may be complete
                info = document.embfile_info(number)
                is_large = (info.get("length") or info.get("size") or 0) > max_bytes
                yield _name(info, number), None if is_large else bytes(document.embfile_get(number))
        yield from _on_pages(document, max_bytes)


def _on_pages(document: Any, max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    kinds = [pymupdf().PDF_ANNOT_FILE_ATTACHMENT]
    for number in range(document.page_count):
        with suppress(Exception):  # a broken page is reported when it is extracted
            for at, annotation in enumerate(document[number].annots(types=kinds)):
                info = annotation.file_info
                is_large = (info.get("length") or info.get("size") or 0) > max_bytes
                yield _name(info, at), None if is_large else bytes(annotation.get_file())


def _name(info: dict[str, Any], number: int) -> str:
    return str(info.get("ufilename") or info.get("filename") or info.get("name") or f"attachment {number + 1}")
