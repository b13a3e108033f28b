"""Find documents of the store whose files no longer exist."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from diptych.store.register import DocumentRecord, is_below, local_path
from extractors.catalog.table import read_catalog
from extractors.errors import ExtractionError
from extractors.formats import has_rows
from extractors.types import Source


@dataclass(frozen=True, slots=True)
class RemovedDocuments:
    """Documents below the paths of a run whose files no longer exist."""

    documents: tuple[DocumentRecord, ...]
    covered: int
    """Number of stored documents below the paths."""
    skipped: tuple[DocumentRecord, ...] = ()
    """Documents below the paths that were not found although their files exist: ignored or unreadable ones."""

    @property
    def share(self) -> float:
        return len(self.documents) / max(1, self.covered)


@dataclass(slots=True)
class FoundUris:
    """What is kept of the documents of a listing to compare it with the register."""

    uris: set[str] = field(default_factory=set)
    catalogues: set[Path] = field(default_factory=set)

    @classmethod
    def of(cls, sources: Iterable[Source]) -> "FoundUris":
        found = cls()
        for source in sources:
            found.add(source)
        return found

    def add(self, source: Source) -> None:
        self.uris.add(source.uri)
        if has_rows(source.path):
            self.catalogues.add(source.path)


def find_removed_documents(
    records: Iterable[DocumentRecord], paths: Sequence[str | Path], found: Sequence[Source] | FoundUris
) -> RemovedDocuments:
    """Compare the register with what was `found` below `paths`. A file that exists but cannot be read stays."""
    roots = [str(Path(local_path(str(path))).resolve()) for path in paths]
    listed = found if isinstance(found, FoundUris) else FoundUris.of(found)
    found_uris = listed.uris
    resolved = {path.resolve() for path in listed.catalogues}
    catalogues = {str(path) for path in resolved if _is_complete_catalogue(path)}
    covered = [record for record in records if is_below(roots, local_path(record.uri))]
    missing = [record for record in covered if record.uri not in found_uris]
    removed = {record.id for record in missing if _is_removed(local_path(record.uri), catalogues)}
    gone = tuple(record for record in missing if record.id in removed)
    skipped = tuple(record for record in missing if record.id not in removed)
    return RemovedDocuments(gone, len(covered), skipped)


def _is_complete_catalogue(path: Path) -> bool:
    """Whether every row of a catalogue can be read: only then does a missing row mean that it was removed."""
    try:
        return not read_catalog(path).notes
    except ExtractionError:
        return False


def _is_removed(place: str, catalogues: set[str]) -> bool:
    """Whether the file does not exist, or its catalogue was read completely without this row."""
    path, mark, _ = place.rpartition("#")
    if mark and path in catalogues:
        return True
    try:
        Path(place if not mark or Path(place).exists() else path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
