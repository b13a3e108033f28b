"""The members of ZIP and TAR archives, one after the other."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from extractors.containers import DAMAGED_ZIP
from extractors.errors import ExtractionError, error_summary
from extractors.markup.encoding_guess import guess_encoding

DAMAGED = (*DAMAGED_ZIP, LookupError, TypeError, tarfile.TarError)
"""What the readers of archives raise for broken ones."""
_UTF_8_NAME = 0x800  # flag of a ZIP entry
_ENCRYPTED = 0x1
_OF_DOS = ("cp850", "cp866")
"""The encodings in which Windows writes names in the alphabets that have one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A member that has not been read yet: its content can be read until the next one is asked for."""

    name: str
    content: IO[bytes] | None = None
    problem: str = ""
    """Why it has no content."""
    packed: int = 0
    """Bytes in the archive; 0 when only the archive as a whole has a packed size."""


def read_zip(path: Path, name: str, passwords: Sequence[str]) -> Iterator[Entry]:
    """Raises `ExtractionError` when it is no complete ZIP archive."""
    with _reading(name), zipfile.ZipFile(path) as archive:
        encoding = _name_encoding(archive.infolist())
        for entry in archive.infolist():
            if entry.filename.endswith("/"):
                continue
            if problem := _zip_problem(entry):
                yield Entry(_zip_name(entry, encoding), problem=problem)
                continue
            try:
                opened = _open_entry(archive, entry, passwords)
            except (*DAMAGED, NotImplementedError) as error:
                yield Entry(
                    _zip_name(entry, encoding), problem=_locked(error) or f"cannot be unpacked ({error_summary(error)})"
                )
                continue
            with opened:
                yield Entry(_zip_name(entry, encoding), opened, packed=entry.compress_size)


def _zip_problem(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return "" if kind in (0, stat.S_IFREG) else "is a link or a device, which archives may not bring along"


def _name_encoding(entries: Sequence[zipfile.ZipInfo]) -> str:
    """The encoding of the names that do not state theirs. One program wrote them all, in that of its system."""
    unstated = [entry.filename for entry in entries if not entry.flag_bits & _UTF_8_NAME]
    return guess_encoding("\n".join(unstated).encode("cp437", errors="replace"), prefer=_OF_DOS) or "cp437"


def _zip_name(entry: zipfile.ZipInfo, encoding: str) -> str:
    """The path of an entry, which `zipfile` decodes as code page 437 unless the entry says that it is UTF-8."""
    if entry.flag_bits & _UTF_8_NAME:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode(encoding)
    except UnicodeError:
        return entry.filename


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, passwords: Sequence[str]) -> IO[bytes]:
    if not entry.flag_bits & _ENCRYPTED:
        return archive.open(entry)
    for password in passwords:
        try:
            with archive.open(entry, pwd=password.encode()) as opened:
                opened.read(1)  # a wrong password may only show in the content
            return archive.open(entry, pwd=password.encode())
        except (RuntimeError, zlib.error, zipfile.BadZipFile):
            continue
    raise RuntimeError("encrypted")


def _locked(error: Exception) -> str:
    if str(error) == "encrypted":
        return "is encrypted; add the password of the archive under [passwords] in diptych.toml, or unpack it"
    if isinstance(error, NotImplementedError):  # such as AES, or a method of compression of other programs
        return f"cannot be unpacked here ({error_summary(error)}); unpack the archive, and pack it again as plain ZIP"
    return ""


def read_tar(path: Path, name: str) -> Iterator[Entry]:
    """Members of a TAR archive, also of a compressed one. Raises `ExtractionError` when it is not one, or cut off."""
    with _reading(name), tarfile.open(path, "r|*") as archive:
        for entry in archive:
            if entry.isdir():
                continue
            entry_name = entry.name.encode(errors="surrogateescape").decode(errors="replace")
            if not entry.isreg():
                yield Entry(entry_name, problem="is a link or a device, which archives may not bring along")
            elif content := archive.extractfile(entry):
                with content:
                    yield Entry(entry_name, content)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        reason = f"no complete archive ({error_summary(error)})"
        raise ExtractionError(f"{name}: {reason}; copy or download it again") from error
