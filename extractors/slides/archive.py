"""Check the ZIP archive that PPTX and ODP files are, before it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from extractors.errors import ExtractionError, error_summary

MAX_UNPACKED_BYTES = 2 << 30
MAX_ENTRIES = 50_000


def is_opendocument(path: Path) -> bool:
    """Return True for an archive with OpenDocument content. Raises `ExtractionError` when it is not an archive."""
    return any(entry.filename == "content.xml" for entry in _read_entries(path))


def check_archive(path: Path) -> None:
    """Raise `ExtractionError` for a file that is not a ZIP archive, or would fill the memory when unpacked."""
    entries = _read_entries(path)
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        limit = f"{MAX_UNPACKED_BYTES >> 30} GiB or {MAX_ENTRIES:,} files"
        raise ExtractionError(f"{path.name}: unpacks to more than {limit}, refused as a zip bomb")


def _read_entries(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        reason = f"not a complete office file ({error_summary(error)})"
        raise ExtractionError(f"{path.name}: {reason}; save or copy it again") from error
