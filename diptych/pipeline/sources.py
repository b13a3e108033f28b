"""Paths in, sources out: every document once, by its own address, and word of everything that was left out."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from diptych.errors import ExtractionError, SourceError
from diptych.pipeline import own_files as written
from diptych.pipeline.download import Fetch
from extractors.catalog.extractor import is_url, row_sources
from extractors.catalog.table import is_catalog, read_catalog
from extractors.formats import describe_formats, failed_plugins, find_format, has_rows
from extractors.types import Source


@dataclass(frozen=True, slots=True)
class FoundSources:
    """What lies under some paths."""

    sources: list[Source]
    """In the order of the paths; folders in the order of their names."""
    left_out: list[str]
    """One sentence for every kind of file that was passed over, and every row that could not be read."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    """Relative to the folder that was walked, or the file's own name."""
    walked: bool


def find_sources(paths: Sequence[str | Path], fetch: Fetch | None = None) -> FoundSources:
    """A source for every document under `paths`: files, folders or `file:` addresses; a catalogue gives one a row.

    `fetch` brings the pictures that catalogues name by URL (`download.fetcher`); without it those rows have none.
    Raises `SourceError` for a missing path, and when nothing is found. A file that cannot be read, or is of no known
    kind, is left out; named alone, it is an error.
    """
    closed: list[str] = []
    alone = len(paths) == 1
    files = list({_real(file.path): file for path in paths for file in _files(_local(path), closed, alone)}.values())
    catalogs, left_out = _catalogs(files, fetch, alone)
    left_out = [*closed, *left_out]
    taken = {picture for rows in catalogs.values() for row in rows if (picture := row.image)}
    found: list[Source] = []
    unknown: Counter[str] = Counter()
    for file, name in zip(files, _names(files), strict=True):
        suffix = file.path.suffix.lower()
        if find_format(file.path) is None:
            unknown[suffix] += 1
        elif has_rows(file.path):
            prefix = len(file.path.name)
            found += [replace(row, name=name + row.name[prefix:]) for row in catalogs.get(file.path, ())]
        elif not (file.walked and _real(file.path) in taken):
            try:
                found.append(_source(file, name))
            except SourceError as error:
                if alone and not file.walked:
                    raise
                left_out.append(str(error))
    left_out += [_unread(kind, count) for kind, count in sorted(unknown.items())]
    if not found:
        where = ", ".join(map(str, paths)) or "no path given"
        raise SourceError(f"{where}: no document found; {describe_formats()}" + _because(left_out))
    if unknown:
        left_out += failed_plugins()
    return FoundSources(found, left_out)


def _unread(suffix: str, count: int) -> str:
    files = f"{suffix} file" if suffix else "file"
    return f"{count} {files}{'s' * (count != 1)}{'' if suffix else ' without a suffix'}: no extractor reads such files"


def _because(left_out: Sequence[str]) -> str:
    return "".join(f"; {reason}" for reason in left_out[:3])


def _local(path: str | Path) -> Path:
    """A path as given, or the one of a `file:` address."""
    text = str(path)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme and scheme != "file":
        raise SourceError(f"{text}: documents are read from files and folders; download it first and give its path")
    return Path(unquote(urlsplit(text).path)) if scheme else Path(text).expanduser()


def _files(path: Path, closed: list[str], alone: bool) -> Iterator[_File]:
    """The files under one path; what is left out is told in `closed`, or raised where the path stands `alone`."""
    try:
        if path.is_dir():
            os.scandir(path).close()
            found = [_File(file, file.relative_to(path).as_posix(), walked=True) for file in _walk(path, closed)]
            if not found and not any(path.iterdir()):
                raise SourceError(f"{path}: the folder is empty; put documents into it or name another")
            yield from found
        elif path.is_file():
            if find_format(path) is None:
                kind = path.suffix or "files without a suffix"
                if alone:
                    raise SourceError(f"{path}: no extractor reads {kind}; {describe_formats()}")
                closed.append(f"{path}: no extractor reads {kind}")
                return
            yield _File(path, path.name, walked=False)
        else:
            raise SourceError(f"{path}: no such file or folder; check the path")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _walk(folder: Path, closed: list[str]) -> Iterator[Path]:
    """All files below `folder` by name; hidden ones, lock files of office programs and loops left out.

    So is what Diptych wrote itself: a store beside its documents would otherwise read its own pictures, and grow.
    """
    seen: set[tuple[int, int]] = set()

    def tell(error: OSError) -> None:
        closed.append(f"{error.filename}: cannot be read ({error.strerror}); check its permissions")

    for root, folders, files in os.walk(folder, onerror=tell, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        what = written.by_diptych(files, folders)
        if what and Path(root) != folder:
            closed.append(f"{Path(root)}: is {what} of Diptych's own")
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        kept = sorted(name for name in files if not name.startswith((".", "~$")))
        yield from (Path(root, name) for name in kept if not written.kept_picture(Path(root).name, name))


def _real(path: Path) -> Path:
    """Links followed; a link that leads to itself stays as it is, where `Path.resolve` raises."""
    return Path(os.path.realpath(path))


def _names(files: Sequence[_File]) -> list[str]:
    """Each file's own name; with its folders where two files of the walk share it."""
    count = Counter(file.path.name for file in files)
    return [file.path.name if count[file.path.name] == 1 else file.name for file in files]


def _catalogs(files: Sequence[_File], fetch: Fetch | None, alone: bool) -> tuple[dict[Path, list[Source]], list[str]]:
    """The rows of every catalogue among `files`, and word of tables that are none and rows that cannot be read."""
    rows: dict[Path, list[Source]] = {}
    left_out: list[str] = []
    for file in files:
        if not has_rows(file.path):
            continue
        if file.walked and not is_catalog(file.path):
            left_out.append(f"{file.name}: no column is called image, photo or description, so it is no catalogue")
            continue
        try:
            read = read_catalog(file.path)
        except ExtractionError as error:
            if alone and not file.walked:
                raise SourceError(str(error)) from error
            left_out.append(str(error))
            continue
        urls = [image for image in read.image_references() if is_url(image)]
        rows[file.path] = row_sources(read, fetch(urls) if fetch and urls else {})
        left_out += read.notes
    return rows, left_out


def _source(file: _File, name: str) -> Source:
    try:
        with file.path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror}); check its permissions") from error
    row = find_format(file.path)
    return Source(file.path, file.path.resolve().as_uri(), name, digest, row.media_type if row else "")
