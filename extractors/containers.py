"""The files that hold other files: ZIP archives, as modern office files and e-books are, and OLE, as old ones are."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extractors.errors import ExtractionError, error_summary

MAX_UNPACKED_BYTES = 2 << 30
MAX_ENTRIES = 50_000

DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, ValueError, RuntimeError, EOFError)
"""What `zipfile` raises for archives that are broken, packed in a way of their own or encrypted."""

OLE = b"\xd0\xcf\x11\xe0"
"""Begins DOC, XLS, PPT and MSG files, and encrypted DOCX, XLSX and PPTX files."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


@contextmanager
def open_zip(path: Path, name: str, advice: str = "save or copy it again") -> Iterator[zipfile.ZipFile]:
    """Open a ZIP archive; `name` and `advice` (what to do with a broken one) are used in messages.

    Raises `ExtractionError` for other files and for zip bombs, also for a broken member that the block reads. The sizes
    that an archive declares can be relied on: `zipfile` reads no more of a member than that.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
                limit = f"{MAX_UNPACKED_BYTES >> 30} GiB or {MAX_ENTRIES:,} files"
                raise ExtractionError(f"{name}: unpacks to more than {limit}, refused as a zip bomb")
            yield archive
    except DAMAGED_ZIP as error:
        raise ExtractionError(f"{name}: not a complete file ({error_summary(error)}); {advice}") from error


def member_names(path: Path, name: str) -> set[str]:
    """Return the names in a ZIP archive. Raises `ExtractionError` as `open_zip` does."""
    with open_zip(path, name) as archive:
        return set(archive.namelist())


def read_member(path: Path | str, member: str) -> bytes:
    """Return a file in a ZIP archive. Raises what `zipfile` does."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)


def starts_with(path: Path, beginning: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(beginning)) == beginning


def is_ole(path: Path, name: str) -> bool:
    """Return True for the office files of before 2007. Raises `ExtractionError` for encrypted files of today."""
    if not starts_with(path, OLE):
        return False
    if _ENCRYPTED in path.read_bytes():
        raise ExtractionError(f"{name}: is encrypted; save it without a password")
    return True
