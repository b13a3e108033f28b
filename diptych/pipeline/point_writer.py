"""Encode and store the points of a document that are new."""

from collections.abc import Sequence

from diptych.pipeline.encode import encode_vectors, refused_places
from diptych.pipeline.pipeline import Pipeline
from diptych.store.points import DocumentDrafts, PointDraft, RequiredVector
from diptych.store.switch import UpdatePlan, make_points, vectors_by_hash
from diptych.store.types import DESCRIPTION_VECTOR, Collection, in_batches
from diptych.vectors import Vector
from extractors.types import Problem

BATCH = 128  # points encoded before they are stored: the most that a kill can lose


class PointWriter:
    """Encodes and writes the points of one document batch by batch, so that a kill loses at most one batch."""

    def __init__(self, pipeline: Pipeline, vectors: dict[str, Vector]) -> None:
        """`vectors`: stored vectors of the document by hash, which are reused."""
        self._pipeline, self._vectors = pipeline, vectors
        self._stored_hashes = frozenset(vectors)
        self._refused: dict[str, str] = {}
        self._looked_up = self._found = 0
        self.encoded = 0
        self.problems: list[Problem] = []

    def write(self, document: str, drafts: DocumentDrafts, plan: UpdatePlan) -> None:
        """Encode and store the points of a new version, which nobody sees yet."""
        self._stage_new_points(document, plan)
        if plan.before:
            self._complete_stored_points(drafts, plan, plan.before.generation)

    def _stage_new_points(self, document: str, plan: UpdatePlan) -> None:
        for name, drafts in (("text", plan.text), ("images", plan.images)):
            collection = self._collection(name)
            for number, batch in enumerate(list(in_batches(drafts, BATCH)) or [[]]):
                self._encode(name, batch)
                points = make_points(batch, self._vectors, plan.generation)
                if plan.before is None and number == 0:
                    collection.replace_hidden(document, [draft.id for draft in drafts], points)
                else:
                    collection.upsert(points)

    def _complete_stored_points(self, drafts: DocumentDrafts, plan: UpdatePlan, generation: int) -> None:
        """Encode again what was stored without a vector because an encoder refused it."""
        new = {draft.id for draft in (*plan.text, *plan.images)}
        for name, parts in (("text", drafts.text), ("images", drafts.images)):
            incomplete = [draft for draft in parts if draft.id not in new and self._is_incomplete(draft)]
            for batch in in_batches(incomplete, BATCH):
                self._encode(name, batch)
                encoded = [d for d in batch if any(required.hash in self._vectors for required in d.required_vectors)]
                # The content is the same as before, so the points may be visible at once.
                self._collection(name).upsert(make_points(encoded, self._vectors, generation))

    def _is_incomplete(self, draft: PointDraft) -> bool:
        return any(required.hash not in self._stored_hashes for required in draft.required_vectors)

    def _encode(self, name: str, batch: Sequence[PointDraft]) -> None:
        vectors, required = self._vectors, {one.hash: one for draft in batch for one in draft.required_vectors}
        hashes = sorted(hash for hash in required.keys() - vectors.keys() if self._is_worth_a_look(required[hash]))
        found = vectors_by_hash(self._collection(name), name, hashes)  # of other documents with the same content
        self._looked_up += len(hashes)
        self._found += len(found)
        vectors.update(found)
        missing = [one for hash, one in required.items() if hash not in vectors and hash not in self._refused]
        self._pipeline.check_disk_space()  # before paying for anything that could not be stored
        result = encode_vectors(missing, self._pipeline.spaces, self._pipeline.pictures)
        vectors.update(result.vectors)
        self._refused |= result.refused
        self.encoded += len(result.vectors)
        self.problems += refused_places(batch, self._refused)

    def _is_worth_a_look(self, required: RequiredVector) -> bool:
        """Whether a vector may be that of another document; a description takes no longer to encode than to look up.

        The descriptions of pictures are not looked up if another document has none of the passages.
        """
        is_paid = bool(self._pipeline.spaces.text.paid)
        return required.vector != DESCRIPTION_VECTOR or is_paid or self._found > 0 or not self._looked_up

    def _collection(self, name: str) -> Collection:
        return self._pipeline.store.text if name == "text" else self._pipeline.store.images
