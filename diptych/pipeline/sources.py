"""Find the documents under paths: every document once, with a reason for everything that is skipped."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from diptych.errors import ExtractionError, SourceError
from diptych.pipeline.download import Fetch
from extractors.catalog.extractor import is_url, row_sources
from extractors.catalog.table import is_catalog, read_catalog
from extractors.formats import describe_formats, failed_plugins, find_format, has_rows
from extractors.types import Source

_CONTACT_SHEET = re.compile(r"\d{3,}-.*\.html")
_HASHED_PICTURE = re.compile(r"[0-9a-f]{64}\.[a-z]+")


@dataclass(frozen=True, slots=True)
class FoundSources:
    """The documents under some paths."""

    sources: list[Source]
    """In the order of the paths; in folders by name."""
    left_out: list[str]
    """One sentence for every kind of file that was skipped and every catalogue row that cannot be read."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    """Relative to the folder that was walked, or the file's own name."""
    walked: bool


def find_sources(paths: Sequence[str | Path], fetch: Fetch | None = None) -> FoundSources:
    """A source for every document under `paths` (files, folders, `file:` addresses), and for every catalogue row.

    `fetch` downloads the pictures that catalogues name by URL; without it, those rows have no picture.
    Raises `SourceError` for a missing path, if no document is found, and if a single file cannot be read; among
    several paths such a file is left out.
    """
    skipped: list[str] = []
    single = len(paths) == 1
    listed = (file for path in paths for file in _list_files(_local_path(path), skipped, single))
    # `Path.resolve` raises for a link to itself; `realpath` leaves it as it is.
    files = {Path(os.path.realpath(file.path)): file for file in listed}
    catalogues, left_out = _read_catalogues(files.values(), fetch, single)
    left_out = [*skipped, *left_out]
    catalogue_pictures = {row.image for rows in catalogues.values() for row in rows if row.image}
    sources: list[Source] = []
    unknown = Counter[str]()
    same_name = Counter(file.path.name for file in files.values())
    for resolved, file in files.items():
        name = file.path.name if same_name[file.path.name] == 1 else file.name
        if find_format(file.path) is None:
            unknown[file.path.suffix.lower()] += 1
        elif has_rows(file.path):
            prefix = len(file.path.name)
            sources += [replace(row, name=name + row.name[prefix:]) for row in catalogues.get(file.path, ())]
        elif not (file.walked and resolved in catalogue_pictures):
            try:
                sources.append(_file_source(file, name))
            except SourceError as error:
                if single and not file.walked:
                    raise
                left_out.append(str(error))
    left_out += [_describe_unknown(suffix, count) for suffix, count in sorted(unknown.items())]
    if not sources:
        where = ", ".join(map(str, paths)) or "no path given"
        reasons = "".join(f"; {reason}" for reason in left_out[:3])
        raise SourceError(f"{where}: no document found; {describe_formats()}{reasons}")
    if unknown:
        left_out += failed_plugins()
    return FoundSources(sources, left_out)


def _describe_unknown(suffix: str, count: int) -> str:
    files = f"{suffix} file" if suffix else "file"
    return f"{count} {files}{'s' * (count != 1)}{'' if suffix else ' without a suffix'}: no extractor reads such files"


def _local_path(path: str | Path) -> Path:
    text = str(path)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme and scheme != "file":
        raise SourceError(f"{text}: documents are read from files and folders; download it first and use its path")
    return Path(unquote(urlsplit(text).path)) if scheme else Path(text).expanduser()


def _list_files(path: Path, skipped: list[str], single: bool) -> Iterator[_File]:
    """The files under one path. What is skipped is added to `skipped`, or raised if the path is the only one."""
    try:
        if path.is_dir():
            os.scandir(path).close()
            files = [_File(file, file.relative_to(path).as_posix(), walked=True) for file in _walk(path, skipped)]
            if not files and not any(path.iterdir()):
                raise SourceError(f"{path}: the folder is empty; put documents into it or name another")
            yield from files
        elif not path.is_file():
            raise SourceError(f"{path}: no such file or folder; check the path")
        elif find_format(path) is not None:
            yield _File(path, path.name, walked=False)
        else:
            reason = f"{path}: no extractor reads {path.suffix or 'files without a suffix'}"
            if single:
                raise SourceError(f"{reason}; {describe_formats()}")
            skipped.append(reason)
    except OSError as error:
        raise _unreadable(path, error) from error


def _walk(folder: Path, skipped: list[str]) -> Iterator[Path]:
    """All files below `folder` by name, without hidden files, lock files of office programs and link loops.

    Files that Diptych wrote are skipped too: otherwise a store beside its documents would ingest its own pictures.
    """
    seen: set[tuple[int, int]] = set()

    def skip(error: OSError) -> None:
        skipped.append(str(_unreadable(error.filename, error)))

    for root, folders, files in os.walk(folder, onerror=skip, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        kind = _kind_of_own_folder(files, folders)
        if kind and Path(root) != folder:
            skipped.append(f"{Path(root)}: is {kind} written by Diptych")
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = sorted(name for name in files if not name.startswith((".", "~$")))
        yield from (Path(root, name) for name in visible if not _is_stored_picture(Path(root).name, name))


def _kind_of_own_folder(files: Iterable[str], folders: Iterable[str]) -> str:
    """`a store`, `an export` or `an extraction` for a folder that Diptych wrote, recognised by its file names."""
    names = set(files)
    if names >= {"owner.lock", "turn.lock"} or "edge_config.json" in names:
        return "a store"
    if names >= {"store.json", "documents.jsonl", "text.jsonl"}:
        return "an export"
    if "report.json" in names and "pictures" in folders and any(map(_CONTACT_SHEET.fullmatch, names)):
        return "an extraction"
    return ""


def _is_stored_picture(folder: str, name: str) -> bool:
    """Whether a file belongs to a picture store: it is named by its hash, in a folder named by the first digits."""
    return name.startswith(folder) and len(folder) == 2 and _HASHED_PICTURE.fullmatch(name) is not None


def _read_catalogues(
    files: Iterable[_File], fetch: Fetch | None, single: bool
) -> tuple[dict[Path, list[Source]], list[str]]:
    """The rows of every catalogue, and a sentence for each table and row that was skipped."""
    rows: dict[Path, list[Source]] = {}
    left_out: list[str] = []
    for file in files:
        if not has_rows(file.path):
            continue
        if file.walked and not is_catalog(file.path):
            left_out.append(f"{file.name}: not a catalogue, because no column is called image, photo or description")
            continue
        try:
            catalogue = read_catalog(file.path)
        except ExtractionError as error:
            if single and not file.walked:
                raise SourceError(str(error)) from error
            left_out.append(str(error))
            continue
        urls = [reference for reference in catalogue.image_references() if is_url(reference)]
        rows[file.path] = row_sources(catalogue, fetch(urls) if fetch and urls else {})
        left_out += catalogue.notes
    return rows, left_out


def _file_source(file: _File, name: str) -> Source:
    try:
        with file.path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file.path, error) from error
    row = find_format(file.path)
    return Source(file.path, file.path.resolve().as_uri(), name, digest, row.media_type if row else "")


def _unreadable(path: str | Path, error: OSError) -> SourceError:
    return SourceError(f"{path}: cannot be read ({error.strerror}); check its permissions")
