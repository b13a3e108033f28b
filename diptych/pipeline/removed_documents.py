"""Find documents of the store whose files no longer exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diptych.store.register import DocumentRecord, is_below, list_records, local_path
from diptych.store.types import Store
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


def find_removed_documents(store: Store, paths: Sequence[str | Path], found: Sequence[Source]) -> RemovedDocuments:
    """Compare the register with the sources `found` below `paths`. A file that exists but cannot be read stays."""
    roots = [str(Path(local_path(str(path))).resolve()) for path in paths]
    found_uris = {source.uri for source in found}
    catalogues = {str(path) for path in {source.path.resolve() for source in found} if _is_complete_catalogue(path)}
    covered = [record for record in list_records(store) if is_below(roots, local_path(record.uri))]
    missing = [record for record in covered if record.uri not in found_uris]
    removed = {record.id for record in missing if _is_removed(local_path(record.uri), catalogues)}
    gone = tuple(record for record in missing if record.id in removed)
    skipped = tuple(record for record in missing if record.id not in removed)
    return RemovedDocuments(gone, len(covered), skipped)


def _is_complete_catalogue(path: Path) -> bool:
    """Whether every row of a catalogue can be read: only then does a missing row mean that it was removed."""
    if not has_rows(path):
        return False
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
