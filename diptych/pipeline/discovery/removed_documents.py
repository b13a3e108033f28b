"""Find documents of the store whose files no longer exist."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag

from diptych.errors import DiptychError
from diptych.places.entry import local_state
from diptych.places.places import Places
from diptych.places.roots import Root, real_roots
from diptych.store.register import DocumentRecord
from extractors.addresses import is_elsewhere, place_path
from extractors.catalog.table import read_catalog, table_kind
from extractors.errors import ExtractionError
from extractors.formats import has_members, has_plain_tables, has_rows
from extractors.types import FileState, Source


@dataclass(frozen=True, slots=True)
class RemovedDocuments:
    """Documents below the paths of a run whose files no longer exist."""

    documents: tuple[DocumentRecord, ...]
    covered: int
    """Number of stored documents below the paths."""
    skipped: tuple[DocumentRecord, ...] = ()
    """Documents below the paths that were not found although their files exist: ignored or unreadable ones."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Address of an archive or a catalogue that cannot be read -> the reason; what is stored of it is `skipped`."""
    moved: Mapping[str, str] = field(default_factory=dict)
    """Id of one of `documents` -> name of a stored document that was found and has the same bytes."""


@dataclass(slots=True)
class FoundUris:
    """What is kept of the documents of a listing to compare it with the register."""

    uris: set[str] = field(default_factory=set)
    catalogues: set[str] = field(default_factory=set)
    containers: set[str] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Address of an archive or a catalogue that cannot be read -> the reason."""

    @classmethod
    def of(cls, sources: Iterable[Source]) -> "FoundUris":
        found = cls()
        for source in sources:
            found.add(source)
        return found

    def add(self, source: Source) -> None:
        self.uris.add(source.uri)
        if source.unreadable:
            self.unreadable[source.uri] = source.unreadable
        elif has_rows(source.path):
            self.catalogues.add(urldefrag(source.uri).url)
        elif source.member:
            self.containers.add(urldefrag(source.uri).url)


def find_removed_documents(
    records: Iterable[DocumentRecord],
    paths: Sequence[str | Path],
    found: Sequence[Source] | FoundUris,
    places: Places | None = None,
) -> RemovedDocuments:
    """Compare the register with what was `found` below `paths`. A file that exists but cannot be read stays."""
    roots = real_roots(paths)
    listed = found if isinstance(found, FoundUris) else FoundUris.of(found)
    covered = [record for record in records if any(root.covers(_place(record.uri)) for root in roots)]
    missing = [record for record in covered if record.uri not in listed.uris]
    check = _Check(roots, listed, places or Places())
    removed = {record.id for record in missing if check.is_removed(record.uri)}
    gone = tuple(record for record in missing if record.id in removed)
    skipped = tuple(record for record in missing if record.id not in removed)
    kept = {one.sha256: one.name for one in covered if one.generation and one.uri in listed.uris}
    moved = {record.id: kept[record.sha256] for record in gone if record.sha256 in kept}
    return RemovedDocuments(gone, len(covered), skipped, listed.unreadable, moved)


class _Check:
    """Decides whether a document that was not found is gone for certain."""

    def __init__(self, roots: Sequence[Root], listed: FoundUris, places: Places) -> None:
        self._roots, self._places = [root for root in roots if root.is_elsewhere], places
        self._listed = listed
        self._answers: dict[str, bool] = {}

    def is_removed(self, uri: str) -> bool:
        """Whether the file does not exist, or its catalogue was read completely without this row."""
        file, row = urldefrag(uri)
        if not row and (file in self._listed.catalogues or file in self._listed.containers):
            return True  # it could not be read then, or was no catalogue
        if row and file in self._listed.catalogues and self._once(file, self._is_complete):
            return True
        if row and has_members(place_path(file)) and self._is_gone_from_container(file, unquote(row)):
            return True
        if not is_elsewhere(uri):
            return _is_gone(place_path(file))
        # A place that does not answer, or has lost everything, has lost nothing for certain.
        roots = [root.address for root in self._roots if root.covers(file)]
        return any(self._once(root, self._is_there) for root in roots) and self._places.is_gone(file)

    def _is_gone_from_container(self, file: str, member: str) -> bool:
        """Whether a container can be read, and has no such member, not even one that is skipped."""
        containers, path = self._places.containers, place_path(file)
        try:
            state = FileState() if is_elsewhere(file) else local_state(path)
            members = containers.members(Source(path, file, path.name, "", "", state=state)) if containers else None
        except (ExtractionError, OSError):
            return False
        names = {one.name for one in members.found} | {name for name, _ in members.skipped} if members else {"", member}
        return "" not in names and member not in names

    def _once(self, subject: str, check: Callable[[str], bool]) -> bool:
        if subject not in self._answers:
            self._answers[subject] = check(subject)
        return self._answers[subject]

    def _is_there(self, root: str) -> bool:
        try:
            place = self._places.at(root)
            found = place.find(root)
            return any(place.list_folder(root)) if found is True else bool(found)
        except DiptychError:
            return False

    def _is_complete(self, uri: str) -> bool:
        """Whether every row of a catalogue can be read: only then does a missing row mean that it was removed."""
        try:
            with self._places.fetched(Source(place_path(uri), uri, "", "", "")) as local:
                is_table = has_plain_tables(local.path) and table_kind(local.path, strict=False) == "table"
                return is_table or not read_catalog(local.path).notes
        except ExtractionError:
            return False


def _place(uri: str) -> str:
    """The path of a local file, or the URI of another; of a row, that of its catalogue."""
    file = urldefrag(uri).url
    return file if is_elsewhere(file) else str(place_path(file))


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)
    return False
