"""What keeps a store in order: documents that are gone, leftovers, other encoders."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diptych.pipeline.encode import encode, without
from diptych.store.points import redrafts
from diptych.store.register import (
    DocumentRecord,
    local,
    note,
    record_of,
    records,
    records_of,
    stage,
    stored_vectors,
    visible,
)
from diptych.store.spaces import Spaces
from diptych.store.types import STORE_ID, Collection, Index, Point, in_batches
from diptych.where import Compare
from extractors.catalog import extractor as catalog
from extractors.errors import ExtractionError
from extractors.formats import EXTRACTORS
from extractors.pictures.store import image_path
from extractors.types import ImageFile, Problem, Source

GRACE = 3600.0
"""Seconds that a picture without a document is kept: a running ingest writes pictures before it commits."""
PAGE_DAYS = 60
"""Days that a page which did not come again stays known."""
BATCH = 128


@dataclass(frozen=True, slots=True)
class Gone:
    """Documents of the store that a run should have met and did not, because their files are no longer there."""

    documents: tuple[DocumentRecord, ...]
    covered: int
    """How many documents of the store the run covers."""

    @property
    def share(self) -> float:
        return len(self.documents) / max(1, self.covered)


def gone(index: Index, paths: Sequence[str | Path], found: Sequence[Source]) -> Gone:
    """Compare the register with what lies below `paths`. A file that merely cannot be read now is not gone."""
    roots = [str(Path(local(str(path))).resolve()) for path in paths]
    met = {source.uri for source in found}
    read = {str(path) for path in {source.path.resolve() for source in found} if _whole(path)}
    covered = [record for record in records(index) if _covers(roots, local(record.uri))]
    missing = tuple(r for r in covered if r.uri not in met and _missing(local(r.uri), read))
    return Gone(missing, len(covered))


def _whole(path: Path) -> bool:
    """A catalogue of which every row can be read: only there does a row that is not met say that it is gone."""
    if EXTRACTORS.get(path.suffix.lower()) != "catalog":
        return False
    try:
        return not catalog.read(path).notes
    except ExtractionError:
        return False


def _covers(roots: Sequence[str], place: str) -> bool:
    return any(place == root or place.startswith((f"{root}/", f"{root}#")) for root in roots)


def _missing(place: str, read: set[str]) -> bool:
    """The file is not there, or it is a catalogue that was read and has this row no more."""
    path, mark, _ = place.rpartition("#")
    if mark and path in read:
        return True
    try:
        Path(place if not mark or Path(place).exists() else path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True, slots=True)
class Swept:
    points: int
    pictures: int
    editions: int


def sweep(index: Index, pictures: Path) -> Swept:
    """Remove what no live document needs. Safe beside a running ingest: that document's lock is waited for."""
    points = 0
    strays: dict[str, list[tuple[Collection, str]]] = defaultdict(list)
    for collection in (index.text, index.images):
        for page in in_batches(collection.scroll(), 2 * BATCH):
            live = records_of(index, {point.payload["document_id"] for point in page})
            for point in page:
                if not visible(point.payload, point.id, live):
                    strays[point.payload["document_id"]].append((collection, point.id))
    for document, found in strays.items():
        with index.exclusive(document):
            points += _remove(index, document, found)
    index.documents.delete([point.id for point in index.documents.scroll() if point.payload.get("deleted")])
    editions = sum([index.drop(edition) for edition in range(1, index.edition)])
    return Swept(points, _sweep_pictures(index, pictures), editions)


def _remove(index: Index, document: str, found: Sequence[tuple[Collection, str]]) -> int:
    """Of the points that did not count, delete those that still do not."""
    record = record_of(index, document)
    live = {document: record} if record else {}
    removed = 0
    for collection, identity in found:
        for point in collection.retrieve([identity]):
            if not visible(point.payload, point.id, live):
                collection.delete([identity])
                removed += 1
    return removed


def _sweep_pictures(index: Index, pictures: Path) -> int:
    needed = {image_path(ImageFile(**point.payload["image"]), pictures) for point in index.images.scroll()}
    old = time.time() - GRACE
    removed = 0
    for path in pictures.glob("??/*"):
        if path not in needed and path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
            removed += 1
    for page in pictures.glob("pages/??/*"):
        if page.stat().st_mtime < time.time() - PAGE_DAYS * 86_400:
            page.unlink(missing_ok=True)
    return removed


def reindex(
    index: Index, spaces: Spaces, language: str, pictures: Path, on_document: Callable[[str], None] | None = None
) -> int:
    """Read everything that is stored anew, into the next edition of the collections; switch when it is whole.

    Nothing is extracted again, nor encoded again by the same encoder. The edition in force keeps answering meanwhile;
    a run that dies is taken up where it stopped. Gives the number of texts and pictures encoded. The old edition stays
    until `sweep`. A part that the encoder refuses goes without a vector, and its document is registered as partial.
    """
    build = _Build(index, spaces, language, pictures)
    build.copy_all(on_document)
    build.copy_all(on_document)  # what was ingested meanwhile
    index.documents.upsert(
        [Point(STORE_ID, {"edition": build.edition, "reading": asdict(build.reading)})]
    )  # the switch
    index.edition = build.edition
    build.copy_all(on_document)  # what was committed between the last look and the switch
    return build.encoded


class _Build:
    """The next edition while it is made: which documents it holds, in which generation."""

    def __init__(self, index: Index, spaces: Spaces, language: str, pictures: Path) -> None:
        self.index, self.spaces, self.pictures = index, spaces, pictures
        self.reading = spaces.reading(language)
        self.edition = index.edition + 1
        self.text, self.images = index.panels(self.edition, spaces.shapes)
        self.encoded = 0
        self._copied: dict[str, int] = {}

    def copy_all(self, on_document: Callable[[str], None] | None) -> None:
        for record in records(self.index):
            if self._copied.get(record.id) == record.generation:
                continue
            with self.index.exclusive(record.id):
                current = record_of(self.index, record.id)
                if current and not current.deleted:
                    self._copy(current)
            if on_document:
                on_document(record.name)
        kept = {record.id for record in records(self.index)}
        for collection in (self.text, self.images):
            collection.delete([p.id for p in collection.scroll() if p.payload["document_id"] not in kept])

    def _copy(self, record: DocumentRecord) -> None:
        mine = Compare("document_id", "=", record.id)
        text, images = (
            [p.payload for p in old.scroll(mine) if visible(p.payload, p.id, {record.id: record})]
            for old in (self.index.text, self.index.images)
        )
        made = redrafts(text, images, self.reading)
        vectors = stored_vectors(self.index, record.id)
        problems: list[Problem] = []
        for new, drafts in ((self.text, made.text), (self.images, made.images)):
            held = {point.id for point in new.scroll(mine)}
            for batch in in_batches([draft for draft in drafts if draft.id not in held], BATCH):
                missing = {n.hash: n for draft in batch for n in draft.needs if n.hash not in vectors}
                done = encode(list(missing.values()), self.spaces, self.pictures)
                vectors.update(done.vectors)
                self.encoded += len(done.vectors)
                problems += without(batch, done.refused)
                stage(new, batch, vectors, record.generation)
            new.delete(sorted(held - {draft.id for draft in drafts}))
        if lost := [one for one in map(asdict, dict.fromkeys(problems)) if one not in record.problems]:
            note(self.index, replace(record, status="partial", problems=(*record.problems, *lost)))
        self._copied[record.id] = record.generation
