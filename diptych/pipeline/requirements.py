"""What a document needs that neither the store nor the ledger has; for estimates, and for batches sent beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diptych.captioners.caption import ModelCaption
from diptych.store.points import EncodingConfig, PointDraft, RequiredVector, document_id, draft_points
from diptych.store.switch import vectors_by_hash, vectors_of_document
from diptych.store.types import Store
from extractors.types import Extraction


@dataclass(frozen=True, slots=True)
class MissingVectors:
    """Of one document."""

    needs: Mapping[str, RequiredVector]
    """Hash -> a vector that the store does not have."""
    coming: Mapping[str, str]
    """Descriptions that wait for a caption: what tells them apart -> their words so far."""


def missing_vectors(
    extraction: Extraction, captions: Sequence[ModelCaption | None], reading: EncodingConfig, index: Store | None
) -> MissingVectors:
    """`captions`: what is known of the pictures, None where a caption is still to come; empty: none is asked for.

    `index`: None: there is no store. Raises `StoreError`.
    """
    made = draft_points(extraction, reading, [caption or ModelCaption() for caption in captions])
    coming = {
        draft.id: draft for draft, caption in zip(made.images, captions, strict=bool(captions)) if caption is None
    }
    needs = {
        need.hash: need
        for draft in (*made.text, *made.images)
        for need in draft.required_vectors
        if draft.id not in coming or not isinstance(need.content, str)
    }
    for hash in _held(index, document_id(extraction.source.uri), needs):
        needs.pop(hash, None)
    return MissingVectors(needs, {_apart(draft): draft.text for draft in coming.values()})


def _apart(draft: PointDraft) -> str:
    """Pictures that have it alike get one caption, and so one description."""
    return f"{draft.payload['content_hash']} {draft.payload['image']['sha256']}"


def _held(index: Store | None, document: str, needs: Mapping[str, RequiredVector]) -> set[str]:
    """Which vectors the store has, of this document or another."""
    if index is None or not needs:
        return set()
    held = set(vectors_of_document(index, document))
    for collection, panel in ((index.text, "text"), (index.images, "images")):
        held |= set(vectors_by_hash(collection, panel, sorted(needs.keys() - held)))
    return held
