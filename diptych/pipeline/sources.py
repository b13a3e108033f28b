"""Find the documents under paths: every document once, with a reason for everything that is skipped."""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from diptych.errors import ExtractionError, SourceError
from diptych.pipeline.download import Fetch
from diptych.pipeline.selection import Selection, SelectionRules
from diptych.pipeline.skipped_files import SkippedFile, describe_skipped
from diptych.store.register import local_path
from extractors.catalog.extractor import row_sources
from extractors.catalog.pictures import PictureFiles
from extractors.catalog.table import is_catalog, is_url, read_catalog
from extractors.formats import describe_formats, failed_plugins, find_format, has_rows
from extractors.types import Source

RowPictures = Mapping[str, Sequence[str]]
"""Address of a catalogue row -> addresses of its pictures."""
_CONTACT_SHEET = re.compile(r"\d{3,}-.*\.html")
_HASHED_PICTURE = re.compile(r"[0-9a-f]{64}\.[a-z]+")


@dataclass(frozen=True, slots=True)
class FoundSources:
    """The documents under some paths."""

    sources: list[Source]
    """In the order of the paths; in folders by name."""
    skipped: list[SkippedFile]
    """Files, folders and catalogue rows that are not read."""

    @property
    def left_out(self) -> list[str]:
        """One sentence per reason why files were skipped, with their names."""
        return describe_skipped(self.skipped)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    """Relative to the folder that was walked, or the file's own name."""
    walked: bool


def find_sources(
    paths: Sequence[str | Path],
    fetch: Fetch | None = None,
    selection: Selection | None = None,
    row_pictures: RowPictures | None = None,
) -> FoundSources:
    """A source for every document under `paths` (files, folders, `file:` addresses), and for every catalogue row.

    A picture that a row shows is no document of its own, wherever it and the catalogue are.
    `fetch` downloads the pictures that catalogues name by URL; without it, those rows have no picture. `selection`:
    which files are read, by default all that `.diptychignore` files do not exclude. `row_pictures`: the pictures of the
    rows in the store, whose catalogues may not be under `paths`. Raises `SourceError` for a missing path, if no
    document is found, and if a single file cannot be read; among several paths such a file is skipped.
    """
    skipped: list[SkippedFile] = []
    single = len(paths) == 1
    chosen = selection or Selection()
    listed = (file for path in paths for file in _list_files(_local_path(path), chosen, skipped, single))
    # `Path.resolve` raises for a link to itself; `realpath` leaves it as it is.
    files = {Path(os.path.realpath(file.path)): file for file in listed}
    known = {row: [Path(local_path(uri)) for uri in uris] for row, uris in (row_pictures or {}).items()}
    catalogues = _read_catalogues(files, fetch, known, skipped, single)
    in_rows = _pictures_in_rows(catalogues, known)
    sources: list[Source] = []
    for resolved, file in files.items():
        if find_format(file.path) is None:
            skipped.append(_unknown(file.path))
        elif has_rows(file.path):
            prefix = len(file.path.name)
            sources += [replace(row, name=file.name + row.name[prefix:]) for row in catalogues.get(file.path, ())]
        elif resolved not in in_rows:
            try:
                sources.append(_file_source(file))
            except OSError as error:
                if single and not file.walked:
                    raise SourceError(str(_unreadable(file.path, error))) from error
                skipped.append(_unreadable(file.path, error))
    if not sources and in_rows.isdisjoint(files):
        where = ", ".join(map(str, paths)) or "no path given"
        reasons = "".join(f"; {reason}" for reason in describe_skipped(skipped)[:3])
        raise SourceError(f"{where}: no document found; {describe_formats()}{reasons}")
    return FoundSources(sources, skipped)


def _unknown(path: Path) -> SkippedFile:
    suffix = path.suffix.lower()
    kind = f"{suffix} files" if suffix else "files without a suffix"
    return SkippedFile(str(path), "; ".join((f"no extractor reads {kind}", *failed_plugins())))


def _local_path(path: str | Path) -> Path:
    text = str(path)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme and scheme != "file":
        raise SourceError(f"{text}: documents are read from files and folders; download it first and use its path")
    return Path(unquote(urlsplit(text).path)) if scheme else Path(text).expanduser()


def _list_files(path: Path, selection: Selection, skipped: list[SkippedFile], single: bool) -> Iterator[_File]:
    """The files under one path. What is skipped is added to `skipped`, or raised if the path is the only one."""
    try:
        if path.is_dir():
            os.scandir(path).close()
            walked = _walk(path, SelectionRules(path, selection, skipped), skipped)
            files = [_File(file, file.relative_to(path).as_posix(), walked=True) for file in walked]
            if not files and not any(path.iterdir()):
                raise SourceError(f"{path}: the folder is empty; put documents into it or name another")
            yield from files
        elif not path.is_file():
            raise SourceError(f"{path}: no such file or folder; check the path")
        elif reason := SelectionRules(path.parent, selection, skipped, ignore_files=False).why_skipped(path):
            skipped.append(SkippedFile(str(path), reason))
        elif find_format(path) is not None:
            yield _File(path, path.name, walked=False)
        elif single:
            raise SourceError(f"{_unknown(path)}; {describe_formats()}")
        else:
            skipped.append(_unknown(path))
    except OSError as error:
        raise SourceError(str(_unreadable(path, error))) from error


def _walk(folder: Path, rules: SelectionRules, skipped: list[SkippedFile]) -> Iterator[Path]:
    """The files below `folder` by name that `rules` select, without hidden files, lock files and link loops.

    Files that Diptych wrote are skipped too: otherwise a store beside its documents would ingest its own pictures.
    """
    seen: set[tuple[int, int]] = set()

    def skip(error: OSError) -> None:
        skipped.append(_unreadable(error.filename, error))

    def is_selected(path: Path, *, is_folder: bool = False) -> bool:
        reason = rules.why_skipped(path, is_folder=is_folder)
        if reason:
            skipped.append(SkippedFile(f"{path}{'/' * is_folder}", reason))
        return not reason

    for root, folders, files in os.walk(folder, onerror=skip, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        kind = _kind_of_own_folder(files, folders)
        if kind and Path(root) != folder:
            skipped.append(SkippedFile(str(Path(root)), f"is {kind} written by Diptych"))
            folders.clear()
            continue
        visible = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in visible if is_selected(Path(root, name), is_folder=True)]
        for name in sorted(files):
            if name.startswith((".", "~$")) or _is_stored_picture(Path(root).name, name):
                continue
            if is_selected(path := Path(root, name)):
                yield path


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
    files: Mapping[Path, _File],
    fetch: Fetch | None,
    known: Mapping[str, Sequence[Path]],
    skipped: list[SkippedFile],
    single: bool,
) -> dict[Path, list[Source]]:
    """The rows of every catalogue. Tables and rows that cannot be read are added to `skipped`."""
    rows: dict[Path, list[Source]] = {}
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        by_name[path.name].append(path)
    for file in files.values():
        if not has_rows(file.path):
            continue
        if file.walked and not is_catalog(file.path):
            reason = "not a catalogue, because no column is called image, photo or description"
            skipped.append(SkippedFile(str(file.path), reason))
            continue
        try:
            catalogue = read_catalog(file.path)
        except ExtractionError as error:
            if single and not file.walked:
                raise SourceError(str(error)) from error
            skipped.append(_skipped_table(file.path, str(error)))
            continue
        urls = [reference for row in catalogue.image_references() for reference in row if is_url(reference)]
        downloads = fetch(urls) if fetch and urls else {}
        rows[file.path] = row_sources(catalogue, downloads, PictureFiles(by_name, known))
        skipped += [_skipped_table(file.path, note) for note in catalogue.notes]
    return rows


def _skipped_table(path: Path, message: str) -> SkippedFile:
    """From a message that begins with the name of the file."""
    return SkippedFile(str(path), message.removeprefix(f"{path}: ").removeprefix(f"{path.name}: "))


def _pictures_in_rows(catalogues: Mapping[Path, Sequence[Source]], known: Mapping[str, Sequence[Path]]) -> set[Path]:
    """The pictures of all rows: those just read, and those of stored rows whose catalogue is elsewhere and exists."""
    pictures = {image for rows in catalogues.values() for row in rows for image in row.images}
    exists: dict[str, bool] = {str(path.resolve()): False for path in catalogues}
    for row, images in known.items():
        catalogue = local_path(row).rpartition("#")[0]
        if exists.setdefault(catalogue, Path(catalogue).is_file()):
            pictures.update(images)
    return pictures


def _file_source(file: _File) -> Source:
    with file.path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    row = find_format(file.path)
    return Source(file.path, file.path.resolve().as_uri(), file.name, digest, row.media_type if row else "")


def _unreadable(path: str | Path, error: OSError) -> SkippedFile:
    return SkippedFile(str(path), f"cannot be read ({error.strerror}); check its permissions")
