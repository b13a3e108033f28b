"""Find the documents under paths: every document once, with a reason for everything that is skipped."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from diptych.errors import ExtractionError, SourceError
from diptych.pipeline.download import Fetch
from diptych.pipeline.listed_files import ListedFile, check_path, list_files, local_path_of, unknown_format, unreadable
from diptych.pipeline.selection import Selection
from diptych.pipeline.skipped_files import SkippedFile, describe_skipped
from diptych.store.register import local_path
from extractors.catalog.extractor import row_sources
from extractors.catalog.pictures import PictureFiles
from extractors.catalog.table import is_catalog, is_url, read_catalog
from extractors.formats import describe_formats, find_format, has_rows
from extractors.types import Source

RowPictures = Mapping[str, Sequence[str]]
"""Address of a catalogue row -> addresses of its pictures."""


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


class Listing:
    """The documents under some paths, found while earlier ones are processed. Iterate over it once.

    Of what was listed, it keeps 16 bytes per file. Names of all files are read in advance at the first picture or
    catalogue, because pictures that rows show are no documents of their own; a tree with catalogues is kept in memory.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        fetch: Fetch | None = None,
        selection: Selection | None = None,
        row_pictures: Callable[[], RowPictures] = dict,
        name: Callable[[str], str] | None = None,
        changed: Collection[Path] | None = None,
    ) -> None:
        """Arguments as for `find_sources`. `name` returns the name of a document from its URI.

        `changed`: real paths of the only files to open, and of catalogues if a picture or catalogue is among them.
        """
        self._changed = None if changed is None else set(changed)
        self._rows_may_change = any(has_rows(path) or _is_image(path) for path in changed or ())
        self._paths, self._fetch, self._selection, self._name = paths, fetch, selection or Selection(), name
        self._row_pictures = row_pictures
        self._single = len(paths) == 1
        self.skipped: list[SkippedFile] = []
        """Files, folders and catalogue rows that are not read, complete after the last document."""

    def __iter__(self) -> Iterator[Source]:
        """Raises as `find_sources` does, before the first document or after the last one."""
        for path in self._paths:
            check_path(local_path_of(path))
        seen: set[bytes] = set()
        any_found = False
        for file in self._files(self.skipped):
            # `Path.resolve` raises for a link to itself; `realpath` leaves it as it is.
            resolved = os.path.realpath(file.path)
            digest = hashlib.blake2b(os.fsencode(resolved), digest_size=16).digest()
            if digest in seen:
                continue
            seen.add(digest)
            if not self._is_chosen(file, Path(resolved)):
                any_found |= find_format(file.path) is not None
                continue
            for source in self._documents(file, Path(resolved)):
                any_found = True
                yield replace(source, name=self._name(source.uri)) if self._name else source
            any_found |= "_rows" in self.__dict__ and Path(resolved) in self._in_rows
        if not any_found:
            where = ", ".join(map(str, self._paths)) or "no path given"
            reasons = "".join(f"; {reason}" for reason in describe_skipped(self.skipped)[:3])
            raise SourceError(f"{where}: no document found; {describe_formats()}{reasons}")

    def _is_chosen(self, file: ListedFile, resolved: Path) -> bool:
        changed = self._changed
        return changed is None or resolved in changed or (self._rows_may_change and has_rows(file.path))

    def count_files(self) -> int:
        """Number of files under the paths that an extractor reads. Reads only names, and catalogues count as one."""
        return sum(find_format(file.path) is not None for file in self._files([]))

    def _files(self, skipped: list[SkippedFile]) -> Iterator[ListedFile]:
        for path in self._paths:
            yield from list_files(local_path_of(path), self._selection, skipped, self._single)

    def _documents(self, file: ListedFile, resolved: Path) -> Iterator[Source]:
        """The documents that a file contains; none for a picture of a row."""
        row = find_format(file.path)
        if row is None:
            self.skipped.append(unknown_format(file.path))
        elif has_rows(file.path):
            prefix = len(file.path.name)
            for source in self._rows.get(file.path, ()):
                yield replace(source, name=file.name + source.name[prefix:])
        elif not (_is_image(file.path) and resolved in self._in_rows):
            try:
                yield _file_source(file)
            except OSError as error:
                if self._single and not file.walked:
                    raise SourceError(str(unreadable(file.path, error))) from error
                self.skipped.append(unreadable(file.path, error))

    @cached_property
    def _known(self) -> dict[str, list[Path]]:
        return {row: [Path(local_path(uri)) for uri in uris] for row, uris in self._row_pictures().items()}

    @cached_property
    def _rows(self) -> dict[Path, list[Source]]:
        """Catalogue -> its rows."""
        if not any(has_rows(file.path) for file in self._files([])):
            return {}
        files = {Path(os.path.realpath(file.path)): file for file in self._files([])}
        return _read_catalogues(files, self._fetch, self._known, self.skipped, self._single)

    @cached_property
    def _in_rows(self) -> set[Path]:
        return _pictures_in_rows(self._rows, self._known)


def find_sources(
    paths: Sequence[str | Path],
    fetch: Fetch | None = None,
    selection: Selection | None = None,
    row_pictures: Callable[[], RowPictures] = dict,
) -> FoundSources:
    """A source for every document under `paths` (files, folders, `file:` addresses), and for every catalogue row.

    A picture that a row shows is no document of its own, wherever it and the catalogue are.
    `fetch` downloads the pictures that catalogues name by URL; without it, those rows have no picture. `selection`:
    which files are read, by default all that `.diptychignore` files do not exclude. `row_pictures` returns the pictures
    of the rows in the store, whose catalogues may not be under `paths`; it is called if there are pictures or rows.
    Raises `SourceError` for a missing path, if no document is found, and if a single file cannot be read; among several
    paths such a file is skipped.
    """
    return collect(Listing(paths, fetch, selection, row_pictures))


def collect(listing: Listing) -> FoundSources:
    """All documents of a listing at once."""
    return FoundSources(list(listing), listing.skipped)


def _is_image(path: Path) -> bool:
    row = find_format(path)
    return row is not None and row.media_type.startswith("image/")


def _read_catalogues(
    files: Mapping[Path, ListedFile],
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


def _file_source(file: ListedFile) -> Source:
    with file.path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    row = find_format(file.path)
    return Source(file.path, file.path.resolve().as_uri(), file.name, digest, row.media_type if row else "")
