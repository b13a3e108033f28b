"""What a document needs that neither the store nor the ledger has; for estimates, and for batches sent beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diptych.captioners.caption import ModelCaption
from diptych.store.points import Draft, Need, Reading, document_id, drafts
from diptych.store.register import stored_vectors, vectors_of
from diptych.store.types import Index
from extractors.types import Extraction


@dataclass(frozen=True, slots=True)
class Due:
    """Of one document."""

    needs: Mapping[str, Need]
    """Hash -> a vector that the store does not have."""
    coming: Mapping[str, str]
    """Descriptions that wait for a caption: what tells them apart -> their words so far."""


def due(extraction: Extraction, captions: Sequence[ModelCaption | None], reading: Reading, index: Index | None) -> Due:
    """`captions`: what is known of the pictures, None where a caption is still to come; empty: none is asked for.

    `index`: None: there is no store. Raises `StoreError`.
    """
    made = drafts(extraction, reading, [caption or ModelCaption() for caption in captions])
    coming = {
        draft.id: draft for draft, caption in zip(made.images, captions, strict=bool(captions)) if caption is None
    }
    needs = {
        need.hash: need
        for draft in (*made.text, *made.images)
        for need in draft.needs
        if draft.id not in coming or not isinstance(need.content, str)
    }
    for hash in _held(index, document_id(extraction.source.uri), needs):
        needs.pop(hash, None)
    return Due(needs, {_apart(draft): draft.text for draft in coming.values()})


def _apart(draft: Draft) -> str:
    """Pictures that have it alike get one caption, and so one description."""
    return f"{draft.payload['content_hash']} {draft.payload['image']['sha256']}"


def _held(index: Index | None, document: str, needs: Mapping[str, Need]) -> set[str]:
    """Which vectors the store has, of this document or another."""
    if index is None or not needs:
        return set()
    held = set(stored_vectors(index, document))
    for collection, panel in ((index.text, "text"), (index.images, "images")):
        held |= set(vectors_of(collection, panel, sorted(needs.keys() - held)))
    return held
