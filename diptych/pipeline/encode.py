"""Encode what a document needs, despite parts that an encoder refuses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from diptych.errors import ProviderError
from diptych.models.request_queue import MAX_LEADING_REFUSALS
from diptych.store.points import PointDraft, RequiredVector
from diptych.store.spaces import Spaces
from diptych.vectors import Vector
from extractors.types import Problem


class EncodingResult(NamedTuple):
    vectors: dict[str, Vector]
    """By hash."""
    refused: dict[str, str]
    """Hash -> why it has no vector."""


def encode_vectors(required: Sequence[RequiredVector], spaces: Spaces, pictures: Path) -> EncodingResult:
    """The vectors of everything that can be encoded. `pictures`: folder of the picture store.

    Raises `ProviderError` for failures that are temporary or concern every request, `ModelError` and `BudgetReached`.
    """
    if not required:
        return EncodingResult({}, {})
    try:
        return _encode(required, spaces, pictures)
    except ProviderError as error:
        if _concerns_every_request(error):
            raise
    # Find the refused items. Answers from before the refusal are in the ledger, so nothing is paid twice.
    found = EncodingResult({}, {})
    for position, item in enumerate(required):
        try:
            one = _encode([item], spaces, pictures)
        except ProviderError as error:
            if _concerns_every_request(error):
                raise
            found.refused[item.hash] = str(error)
            if len(found.refused) >= MAX_LEADING_REFUSALS and not found.vectors:
                found.refused.update((rest.hash, str(error)) for rest in required[position:])
                break
        else:
            found.vectors.update(one.vectors)
            found.refused.update(one.refused)
    return found


def refused_places(drafts: Sequence[PointDraft], refused: Mapping[str, str]) -> list[Problem]:
    """A problem for each place whose vector was refused."""
    return [
        Problem(refused[required.hash], draft.payload["page"])
        for draft in drafts
        for required in draft.required_vectors
        if required.hash in refused
    ]


def _concerns_every_request(error: ProviderError) -> bool:
    return error.transient or error.about == "account"


def _encode(required: Sequence[RequiredVector], spaces: Spaces, pictures: Path) -> EncodingResult:
    vectors = spaces.encode(required, pictures)
    # An encoder returns zeros for a picture it cannot open; such a vector would not be near anything.
    blank = {item.hash: _blank_reason(item) for item in required if not vectors[item.hash].any()}
    return EncodingResult({hash: vector for hash, vector in vectors.items() if hash not in blank}, blank)


def _blank_reason(item: RequiredVector) -> str:
    if isinstance(item.content, str):
        return "the encoder returned a vector of zeros for its text"
    return "the picture cannot be opened, so it cannot be searched by its pixels"
