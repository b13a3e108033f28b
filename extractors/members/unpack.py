"""Unpack the documents in a container into a folder, within limits and whatever their names say."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath

from extractors.errors import ExtractionError, error_summary
from extractors.formats import find_format, has_members, is_archive
from extractors.mail.message import read_mail
from extractors.members.archives import DAMAGED, Entry, read_tar, read_zip
from extractors.members.types import (
    MAX_DEPTH,
    MAX_MEMBER_BYTES,
    MAX_MEMBERS,
    MAX_NAME_LENGTH,
    MAX_RATIO,
    MAX_TOTAL_BYTES,
    MIN_RATIO_BYTES,
    Member,
    Members,
)
from extractors.pdf.attachments import read_attachments

CHUNK_BYTES = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:/")
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def unpack_members(path: Path, name: str, folder: Path, passwords: Sequence[str] = ()) -> Members:
    """Unpack the documents in a container, and in containers within it, to files in the empty `folder`.

    Files that no extractor reads, hidden ones and what exceeds a limit are left out with the reason; `name` is used in
    messages. Raises `ExtractionError` when the container cannot be opened.
    """
    unpacking = _Unpacking(folder, passwords)
    try:
        unpacking.read(path, name, "", 1)
    except ExtractionError as error:
        if not unpacking.found:
            raise
        unpacking.skipped.append(("", str(error).removeprefix(f"{name}: ")))
    return Members(tuple(unpacking.found), tuple(unpacking.skipped))


class _TooLarge(Exception):
    """The message says why a member is not unpacked."""


class _Unpacking:
    def __init__(self, folder: Path, passwords: Sequence[str]) -> None:
        self.found: list[Member] = []
        self.skipped: list[tuple[str, str]] = []
        self._folder, self._passwords = folder.resolve(), passwords
        self._names: set[str] = set()
        self._total = self._packed = 0
        self._full = False

    def read(self, path: Path, name: str, prefix: str, depth: int) -> None:
        """Unpack a container; `prefix` is put before the names of its members."""
        self._packed = max(self._packed, path.stat().st_size)
        for entry in _entries(path, name, self._passwords):
            if self._full:
                return
            if problem := entry.problem or _name_problem(entry.name):
                self.skipped.append((prefix + entry.name[:MAX_NAME_LENGTH], problem))
                continue
            relative = _clean_name(entry.name)
            if any(part.startswith((".", "~$", "__MACOSX")) for part in relative.split("/")):
                continue  # as in folders
            if find_format(Path(relative)) is None:
                suffix = PurePosixPath(relative).suffix
                self.skipped.append((prefix + relative, f"no extractor reads {suffix or 'such'} files"))
                continue
            if len(self.found) >= MAX_MEMBERS:
                self.skipped.append(("", f"has more than {MAX_MEMBERS:,} documents; unpack it into a folder"))
                self._full = True
                return
            self._add(entry, self._unused(prefix + relative), depth)

    def _add(self, entry: Entry, name: str, depth: int) -> None:
        target = self._target(name)
        try:
            sha256, size = self._write(entry, target)
        except _TooLarge as error:
            target.unlink(missing_ok=True)
            self.skipped.append((name, str(error)))
            return
        except DAMAGED as error:
            target.unlink(missing_ok=True)
            self.skipped.append((name, f"cannot be unpacked ({error_summary(error)}); pack it again"))
            return
        if not is_archive(target):
            self.found.append(Member(name, str(target.relative_to(self._folder)), sha256, size))
        if not has_members(target):
            return
        if depth >= MAX_DEPTH:
            if is_archive(target):
                self.skipped.append((name, f"is an archive within {depth} others; unpack it into a folder"))
            return
        try:
            self.read(target, name, f"{name}#", depth + 1)
        except ExtractionError as error:
            if is_archive(target):  # a broken mail or PDF is reported when it is extracted
                self.skipped.append((name, str(error).removeprefix(f"{name}: ")))
        if is_archive(target):
            target.unlink(missing_ok=True)

    def _write(self, entry: Entry, target: Path) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        assert entry.content
        with target.open("xb") as file:
            while chunk := entry.content.read(CHUNK_BYTES):
                size += len(chunk)
                self._total += len(chunk)
                if size > MAX_MEMBER_BYTES:
                    raise _TooLarge(f"is larger than {MAX_MEMBER_BYTES >> 20} MiB; unpack it into a folder")
                if entry.packed and size > MIN_RATIO_BYTES and size > MAX_RATIO * entry.packed:
                    raise _TooLarge(f"unpacks to more than {MAX_RATIO} times its size, refused as a bomb")
                if not entry.packed and MIN_RATIO_BYTES < self._total > MAX_RATIO * self._packed:
                    self._full = True
                    raise _TooLarge(f"the archive unpacks to more than {MAX_RATIO} times its size, refused as a bomb")
                if self._total > MAX_TOTAL_BYTES:
                    self._full = True
                    limit = f"{MAX_TOTAL_BYTES >> 30} GiB"
                    raise _TooLarge(f"and what comes after it: the container unpacks to more than {limit}; unpack it")
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest(), size

    def _target(self, name: str) -> Path:
        """A path below the folder, where the files of a web page or notebook find each other, or else a number."""
        number = len(self.found) + len(self.skipped)
        target = self._folder.joinpath(*(part.replace("#", "_") for part in name.replace("#", "#/").split("/")))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() and target.resolve().is_relative_to(self._folder):
                return target
        except OSError:  # too long, or a file has the name of the folder
            pass
        (self._folder / ".numbered").mkdir(exist_ok=True)
        return self._folder / ".numbered" / f"{number}{PurePosixPath(name).suffix}"

    def _unused(self, name: str) -> str:
        """The name, with a number if the container has several of it."""
        path, number = PurePosixPath(name), 1
        while name in self._names:
            number += 1
            name = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        self._names.add(name)
        return name


def _entries(path: Path, name: str, passwords: Sequence[str]) -> Iterator[Entry]:
    lower = path.name.lower()
    readers: dict[tuple[str, ...], Callable[[], Iterator[Entry]]] = {
        (".zip",): lambda: read_zip(path, name, passwords),
        _TAR_SUFFIXES: lambda: read_tar(path, name),
        (".eml", ".msg"): lambda: _mail_entries(path, name),
        (".pdf",): lambda: (
            Entry(one, BytesIO(data or b""), f"is larger than {MAX_MEMBER_BYTES >> 20} MiB" if data is None else "")
            for one, data in read_attachments(path, name, passwords, MAX_MEMBER_BYTES)
        ),
    }
    return next(read() for suffixes, read in readers.items() if lower.endswith(suffixes))


def _mail_entries(path: Path, name: str) -> Iterator[Entry]:
    for one in read_mail(path, name).documents:
        yield Entry(one.name, BytesIO(one.data), "" if one.data else "is empty, or only linked to the mail")


def _name_problem(name: str) -> str:
    """Why a member with this name is not unpacked."""
    path = name.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/"):
        return "its name leads out of the archive, as those of attacks do"
    if not _clean_name(name) or len(name) > MAX_NAME_LENGTH:
        return "it has no name that a file can have"
    return ""


def _clean_name(name: str) -> str:
    """A member's path with `/` between folders, and without characters that cannot be printed."""
    printable = "".join(one if one.isprintable() else "_" for one in name.replace("\\", "/"))
    return "/".join(part for part in printable.split("/") if part not in ("", "."))
