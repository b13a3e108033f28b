"""Rebuild both collections with other encoders or another language, from what is stored."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from diptych.picture_store import PictureStore
from diptych.pipeline.encode import EncodingResult, encode_vectors, refused_places
from diptych.pipeline.point_writer import BATCH
from diptych.store.points import RequiredVector, redraft_points
from diptych.store.register import DocumentRecord, is_visible, list_records, locked_record, write_binding, write_record
from diptych.store.spaces import Spaces
from diptych.store.switch import make_points, vectors_of_document
from diptych.store.types import Store, in_batches
from diptych.where import Compare
from extractors.pictures.store import image_path
from extractors.types import Problem


def reindex_store(
    store: Store,
    spaces: Spaces,
    language: str,
    pictures: PictureStore,
    on_document: Callable[[str], None] | None = None,
) -> int:
    """Encode all stored parts into the next edition of the collections, and switch to it when it is complete.

    Returns the number of texts and pictures encoded. Nothing is extracted again, and vectors of the same encoder are
    copied. The current edition keeps answering in the meantime; an interrupted run continues where it stopped. The old
    edition stays until the next sweep. A part that the encoder refuses has no vector, and its document becomes partial.
    """
    build = _NextEdition(store, spaces, language, pictures)
    build.copy_documents(on_document)
    build.copy_documents(on_document)  # documents ingested in the meantime
    # The switch.
    write_binding(store, build.edition, build.config)
    store.edition = build.edition
    store.wait_for_locks()  # from now on, whoever locks a document finds the new edition
    build.copy_documents(on_document)  # documents committed between the last copy and the switch
    return build.encoded


class _NextEdition:
    """The next edition while it is built."""

    def __init__(self, store: Store, spaces: Spaces, language: str, pictures: PictureStore) -> None:
        self.store, self.spaces, self.pictures = store, spaces, pictures
        self.config = spaces.encoding_config(language)
        self.edition = store.edition + 1
        self.text, self.images = store.open_edition(self.edition, spaces.shapes)
        self.encoded = 0
        self._copied: dict[str, int] = {}
        """Document id -> generation that was copied."""

    def copy_documents(self, on_document: Callable[[str], None] | None) -> None:
        """Copy all documents whose current generation has not been copied, and remove those deleted since."""
        for record in list_records(self.store):
            if self._copied.get(record.id) == record.generation:
                continue
            with locked_record(self.store, record.id) as current:
                if current and not current.deleted:
                    self._copy(current)
            if on_document:
                on_document(record.name)
        live = {record.id for record in list_records(self.store)}
        for collection in (self.text, self.images):
            collection.delete([p.id for p in collection.scroll() if p.payload["document_id"] not in live])

    def _copy(self, record: DocumentRecord) -> None:
        mine = Compare("document_id", "=", record.id)
        text, images = (
            [p.payload for p in old.scroll(mine) if is_visible(p.payload, p.id, {record.id: record})]
            for old in (self.store.text, self.store.images)
        )
        redrafted = redraft_points(text, images, self.config)
        vectors = vectors_of_document(self.store, record.id)
        problems: list[Problem] = []
        for new, drafts in ((self.text, redrafted.text), (self.images, redrafted.images)):
            stored = {point.id for point in new.scroll(mine)}
            for batch in in_batches([draft for draft in drafts if draft.id not in stored], BATCH):
                missing = {n.hash: n for draft in batch for n in draft.required_vectors if n.hash not in vectors}
                result = self._encode(list(missing.values()))
                vectors.update(result.vectors)
                self.encoded += len(result.vectors)
                problems += refused_places(batch, result.refused)
                new.upsert(make_points(batch, vectors, record.generation))
            new.delete(sorted(stored - {draft.id for draft in drafts}))
        lost = [problem for problem in map(asdict, dict.fromkeys(problems)) if problem not in record.problems]
        if lost:
            record = replace(record, status="partial", problems=(*record.problems, *lost))
        if lost or record.language != redrafted.language:
            write_record(self.store, replace(record, language=redrafted.language))
        self._copied[record.id] = record.generation

    def _encode(self, required: Sequence[RequiredVector]) -> EncodingResult:
        folder = self.pictures.folder
        self.pictures.load(image_path(one.content, folder) for one in required if not isinstance(one.content, str))
        return encode_vectors(required, self.spaces, folder)
