"""Find the documents under paths: every document once, with a reason for everything that is skipped."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from urllib.parse import urldefrag

from diptych.errors import ExtractionError, SourceError
from diptych.pipeline.discovery.download import Fetch
from diptych.pipeline.discovery.listed_files import (
    KeptFiles,
    ListedFile,
    check_root,
    list_files,
    unknown_format,
    unreadable,
)
from diptych.pipeline.discovery.selection import Selection
from diptych.pipeline.discovery.skipped_files import SkippedFile, describe_skipped
from diptych.places.containers import Containers
from diptych.places.places import Places
from diptych.places.roots import parse_root
from extractors.addresses import is_elsewhere, place_path, place_uri
from extractors.catalog.extractor import row_sources
from extractors.catalog.pictures import PictureFiles
from extractors.catalog.table import is_url, read_catalog, table_kind
from extractors.errors import NoRows
from extractors.formats import describe_formats, find_format, has_members, has_plain_tables, has_rows, is_archive
from extractors.types import FileState, Source

NOT_A_CATALOGUE = {
    "table": "not a catalogue, because no column is called image, photo or description",
    "questions": "a list of questions, because a column is called question, query or where; name it to read it anyway",
}

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

    Of what was listed, it keeps 16 bytes per file, and the names in a temporary file. Names of all files are read in
    advance at the first picture or catalogue, because pictures that rows show are no documents of their own; those of a
    tree with catalogues are kept in memory.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        fetch: Fetch | None = None,
        selection: Selection | None = None,
        row_pictures: Callable[[], RowPictures] = dict,
        name: Callable[[str], str] | None = None,
        changed: Collection[Path] | None = None,
        places: Places | None = None,
    ) -> None:
        """Arguments as for `find_sources`. `name` returns the name of a document from its URI.

        `changed`: real paths of the only files to open, and of catalogues if a picture or catalogue is among them.
        """
        if isinstance(paths, str | Path):
            raise SourceError(f"{paths}: paths are given as a list, also a single one: [{str(paths)!r}]")
        self._changed = None if changed is None else set(changed)
        self._rows_may_change = any(has_rows(path) or _is_image(path) for path in changed or ())
        self._roots = [parse_root(path) for path in paths]
        self._fetch, self._selection, self._name = fetch, selection or Selection(), name
        self._row_pictures, self._places = row_pictures, places or Places()
        self._single = len(paths) == 1
        self.skipped: list[SkippedFile] = []
        """Files, folders and catalogue rows that are not read, complete after the last document."""

    def __iter__(self) -> Iterator[Source]:
        """Raises as `find_sources` does, before the first document or after the last one."""
        for root in self._roots:
            if not root.is_elsewhere:
                check_root(root, self._places)
        seen: set[bytes] = set()
        any_found = False
        for file in self._files:
            # `Path.resolve` raises for a link to itself; `realpath` leaves it as it is.
            resolved = file.uri or os.path.realpath(file.path)
            digest = hashlib.blake2b(os.fsencode(resolved), digest_size=16).digest()
            if digest in seen:
                continue
            seen.add(digest)
            real = file.path if file.uri else Path(resolved)
            if not self._is_chosen(file, real):
                any_found |= find_format(file.path) is not None
                continue
            for source in self._documents(file, real):
                any_found = True
                yield replace(source, name=self._name(source.uri)) if self._name else source
            any_found |= "_rows" in self.__dict__ and real in self._in_rows
        if not any_found:
            where = ", ".join(map(str, self._roots)) or "no path given"
            reasons = "".join(f"; {reason}" for reason in describe_skipped(self.skipped)[:3])
            raise SourceError(f"{where}: no document found; {describe_formats()}{reasons}")

    def _is_chosen(self, file: ListedFile, resolved: Path) -> bool:
        return self._changed is None or resolved in self._changed or (self._rows_may_change and has_rows(file.path))

    def count_files(self) -> int:
        """Number of files under the paths that an extractor reads. Reads only names, and catalogues count as one."""
        return sum(find_format(file.path) is not None for file in self._files)

    @cached_property
    def _files(self) -> KeptFiles:
        """Listed once: of a bucket, each listing costs requests."""
        single, skipped = self._single, self.skipped
        listings = (list_files(root, self._places, self._selection, skipped, single) for root in self._roots)
        return KeptFiles(chain.from_iterable(listings))

    def _documents(self, file: ListedFile, resolved: Path) -> Iterator[Source]:
        """The documents that a file contains; none for a picture of a row."""
        if find_format(file.path) is None:
            self.skipped.append(unknown_format(file.path, file.place))
        elif has_rows(file.path):
            prefix = len(file.path.name)
            for source in self._rows.get(file.path, ()):
                yield replace(source, name=file.name + source.name[prefix:])
        elif not (_is_image(file.path) and resolved in self._in_rows):
            try:
                source = _as_source(file, file.read_state())
            except OSError as error:
                if self._single and not file.walked:
                    raise SourceError(str(unreadable(file.path, error))) from error
                if os.path.lexists(file.path):  # it may have been removed since it was listed
                    self.skipped.append(unreadable(file.path, error))
                return
            if not is_archive(file.path):
                yield source
            if has_members(file.path) and self._places.containers:
                yield from self._members(file, source, self._places.containers)

    def _members(self, file: ListedFile, container: Source, containers: Containers) -> Iterator[Source]:
        """The documents in an archive, mail or PDF."""
        try:
            named = replace(container, name=self._name(container.uri)) if self._name else container
            found, skipped = containers.sources(named)
        except ExtractionError as error:
            if not is_archive(file.path):
                return  # it fails when its own content is read
            reason = str(error).removeprefix(f"{named.name}: ").removeprefix(f"{file.place}: ")
            if self._single and not file.walked:
                raise SourceError(f"{file.place}: {reason}") from error
            yield replace(container, unreadable=reason)
            return
        whole = "; ".join(why for name, why in skipped if not name) if is_archive(file.path) else ""
        if whole:  # such as one that was cut off
            yield replace(container, unreadable=whole)
        self.skipped += [SkippedFile(f"{file.place}#{name}", why) for name, why in skipped if name]
        self.skipped += [SkippedFile(file.place, why) for name, why in skipped if not (name or whole)]
        if is_archive(file.path) and not (found or skipped):
            self.skipped.append(SkippedFile(file.place, "the archive contains no files"))
        yield from found

    @cached_property
    def _known(self) -> dict[str, list[Path]]:
        return {row: [place_path(uri) for uri in uris] for row, uris in self._row_pictures().items()}

    @cached_property
    def _rows(self) -> dict[Path, list[Source]]:
        """Catalogue -> its rows."""
        if not any(has_rows(file.path) for file in self._files):
            return {}
        files = {file.path if file.uri else Path(os.path.realpath(file.path)): file for file in self._files}
        return _Catalogues(files, self._fetch, self._known, self.skipped, self._single, self._places).read()

    @cached_property
    def _in_rows(self) -> set[Path]:
        return _pictures_in_rows(self._rows, self._known, self._places)


def find_sources(
    paths: Sequence[str | Path],
    fetch: Fetch | None = None,
    selection: Selection | None = None,
    row_pictures: Callable[[], RowPictures] = dict,
    places: Places | None = None,
) -> FoundSources:
    """A source for every document under `paths` (files, folders, patterns, URIs), and for every catalogue row.

    A picture that a row shows is no document of its own, wherever it and the catalogue are.
    `fetch` downloads the pictures that catalogues name by URL; without it, those rows have no picture. `selection`:
    which files are read, by default all that `.diptychignore` files do not exclude. `row_pictures` returns the pictures
    of the rows in the store, whose catalogues may not be under `paths`; it is called if there are pictures or rows.
    Raises `SourceError` for a missing path, if no document is found, and if a single file cannot be read; among several
    paths such a file is skipped.
    """
    return collect(Listing(paths, fetch, selection, row_pictures, places=places))


def collect(listing: Listing) -> FoundSources:
    """All documents of a listing at once."""
    return FoundSources(list(listing), listing.skipped)


def _is_image(path: Path) -> bool:
    row = find_format(path)
    return row is not None and row.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class _Catalogues:
    """The catalogues of a listing. Tables and rows that cannot be read are added to `skipped`."""

    files: Mapping[Path, ListedFile]
    fetch: Fetch | None
    known: Mapping[str, Sequence[Path]]
    skipped: list[SkippedFile]
    single: bool
    places: Places

    def read(self) -> dict[Path, list[Source]]:
        """Path of a catalogue -> its rows."""
        by_name: dict[str, list[Path]] = defaultdict(list)
        for path in self.files:
            by_name[path.name].append(path)
        elsewhere = {path: file.state for path, file in self.files.items() if file.state}
        pictures = PictureFiles(by_name, self.known, elsewhere)
        rows = {}
        for file in self.files.values():
            if has_rows(file.path) and (found := self._read(file, pictures)) is not None:
                rows[file.path] = found
        return rows

    def _read(self, file: ListedFile, pictures: PictureFiles) -> list[Source] | None:
        copy = file.path
        try:
            with self.places.kept(_as_source(file, file.state or FileState())) as local:
                copy = local.path
                kind = table_kind(copy, strict=file.walked)
                if kind == "table" and has_plain_tables(file.path):
                    return [replace(_as_source(file, file.read_state()), name=file.path.name)]
                if file.walked and kind != "catalogue":
                    self.skipped.append(SkippedFile(file.place, NOT_A_CATALOGUE[kind]))
                    return None
                catalogue = replace(read_catalog(copy), path=file.path)
        except ExtractionError as error:
            message = str(error).replace(str(copy), file.place)
            if self.single and not file.walked:
                raise SourceError(message) from error
            skipped, source = _skipped_table(file, message), _as_source(file, file.state or FileState())
            if not isinstance(error, NoRows):
                return [replace(source, name=file.path.name, unreadable=skipped.reason)]
            self.skipped.append(skipped)
            return None
        urls = [reference for row in catalogue.image_references() for reference in row if is_url(reference)]
        downloads = self.fetch(urls) if self.fetch and urls else {}
        self.skipped.extend(_skipped_table(file, note) for note in catalogue.notes)
        return row_sources(catalogue, downloads, pictures)


def _skipped_table(file: ListedFile, message: str) -> SkippedFile:
    """From a message that begins with the name of the file."""
    return SkippedFile(file.place, message.removeprefix(f"{file.place}: ").removeprefix(f"{file.path.name}: "))


def _pictures_in_rows(
    catalogues: Mapping[Path, Sequence[Source]], known: Mapping[str, Sequence[Path]], places: Places
) -> set[Path]:
    """The pictures of all rows: those just read, and those of stored rows whose catalogue is elsewhere and exists."""
    pictures = {image for rows in catalogues.values() for row in rows for image in row.images}
    read = (path for path, rows in catalogues.items() if not any(row.unreadable for row in rows))
    exists = {path if is_elsewhere(place_uri(path)) else path.resolve(): False for path in read}
    for row, images in known.items():
        uri = urldefrag(row).url
        catalogue = place_path(uri)
        if catalogue not in exists:
            exists[catalogue] = not places.is_gone(uri) if is_elsewhere(uri) else catalogue.is_file()
        if exists[catalogue]:
            pictures.update(images)
    return pictures


def _as_source(file: ListedFile, state: FileState) -> Source:
    row = find_format(file.path)
    uri = file.uri or file.path.resolve().as_uri()
    return Source(file.path, uri, file.name, "", row.media_type if row else "", state=state)
