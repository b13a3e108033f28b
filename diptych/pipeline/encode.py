"""What a document needs to be encoded, in spite of the parts that an encoder will not take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from diptych.errors import ProviderError
from diptych.models.request_queue import MAX_LEADING_REFUSALS
from diptych.store.points import PointDraft, RequiredVector
from diptych.store.spaces import Spaces
from diptych.vectors import Vector
from extractors.types import Problem


@dataclass(frozen=True, slots=True)
class Encoded:
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    """Hash -> vector."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Hash -> why it has none."""


def encode_vectors(needs: Sequence[RequiredVector], spaces: Spaces, pictures: Path) -> Encoded:
    """The vectors of all that can be encoded; only what is refused for good goes without.

    `pictures`: folder of the picture store. Raises `ProviderError` for what may pass or concerns every request, and
    `ModelError`, `BudgetReached`.
    """
    if not needs:
        return Encoded()
    try:
        return _told(needs, spaces.encode(needs, pictures))
    except ProviderError as error:
        if lasting(error):
            raise
    return _one_by_one(needs, spaces, pictures)


def refused_places(batch: Sequence[PointDraft], refused: Mapping[str, str]) -> list[Problem]:
    """The places of a batch that are not searched by meaning, each with the reason."""
    return [
        Problem(refused[need.hash], draft.payload["page"])
        for draft in batch
        for need in draft.required_vectors
        if need.hash in refused
    ]


def lasting(error: ProviderError) -> bool:
    """Whether it says nothing of the item that was sent: another one would fail alike, now or altogether."""
    return error.transient or error.about == "account"


def _one_by_one(needs: Sequence[RequiredVector], spaces: Spaces, pictures: Path) -> Encoded:
    """What was answered before the refusal is in the ledger, so only what was refused is asked for once more."""
    vectors: dict[str, Vector] = {}
    refused: dict[str, str] = {}
    for place, need in enumerate(needs):
        try:
            one = _told([need], spaces.encode([need], pictures))
        except ProviderError as error:
            if lasting(error):
                raise
            refused[need.hash] = str(error)
            if len(refused) >= MAX_LEADING_REFUSALS and not vectors:
                refused |= dict.fromkeys((rest.hash for rest in needs[place:]), str(error))
                break
        else:
            vectors.update(one.vectors)
            refused.update(one.refused)
    return Encoded(vectors, refused)


def _told(needs: Sequence[RequiredVector], vectors: Mapping[str, Vector]) -> Encoded:
    """A row of zeros stands for a picture that cannot be opened: it would be a vector that is near nothing."""
    blank = {need.hash: _blank(need) for need in needs if not vectors[need.hash].any()}
    return Encoded({hash: vector for hash, vector in vectors.items() if hash not in blank}, blank)


def _blank(need: RequiredVector) -> str:
    if isinstance(need.content, str):
        return "the encoder gives a vector of zeros for its text"
    return "the picture cannot be opened, so that it is not searched by its pixels"
