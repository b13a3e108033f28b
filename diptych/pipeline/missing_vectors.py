"""The vectors that a document needs and the store does not have; for estimates and batches."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from diptych.captioners.caption import ModelCaption
from diptych.store.points import EncodingConfig, RequiredVector, document_id, draft_points
from diptych.store.switch import vectors_by_hash, vectors_of_document
from diptych.store.types import Store
from extractors.types import Extraction


class MissingVectors(NamedTuple):
    """Of one document."""

    vectors: Mapping[str, RequiredVector]
    """By hash."""
    uncaptioned: Mapping[str, str]
    """Descriptions that lack a model caption, without it. Pictures with the same key get the same caption."""


def find_missing_vectors(
    extraction: Extraction,
    captions: Sequence[ModelCaption | None],
    config: EncodingConfig,
    store: Store | None,
) -> MissingVectors:
    """The vectors of a document that are not stored; all, if there is no store.

    `captions`: one per picture, None if it will be requested; empty: no captioner. Raises `StoreError`.
    """
    drafts = draft_points(extraction, config, [caption or ModelCaption() for caption in captions])
    uncaptioned = {
        draft.id: draft for draft, caption in zip(drafts.images, captions, strict=bool(captions)) if caption is None
    }
    required = {
        vector.hash: vector
        for draft in (*drafts.text, *drafts.images)
        for vector in draft.required_vectors
        if draft.id not in uncaptioned or not isinstance(vector.content, str)
    }
    stored: set[str] = set()
    if store and required:
        stored.update(vectors_of_document(store, document_id(extraction.source.uri)))
        for collection, name in ((store.text, "text"), (store.images, "images")):
            stored.update(vectors_by_hash(collection, name, sorted(required.keys() - stored)))
    descriptions = {
        f"{draft.payload['content_hash']} {draft.payload['image']['sha256']}": draft.text
        for draft in uncaptioned.values()
    }
    return MissingVectors({hash: vector for hash, vector in required.items() if hash not in stored}, descriptions)
