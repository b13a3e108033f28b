"""Sentences and the pictures they speak of, both ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from extractors.layout.labels import mentioned_labels
from extractors.text.sentences import split_sentences
from extractors.types import Passage, Picture

_PANEL = re.compile(r"(?<=\d)[a-z]$")


def link(passages: Sequence[Passage], pictures: Sequence[Picture]) -> list[Picture]:
    """`pictures` with the sentences that refer to them by label: to a panel, to its whole, or to the whole of it."""
    spoken = _by_label(passages)
    return [replace(picture, context=_context(picture, spoken)) if picture.label else picture for picture in pictures]


def _by_label(passages: Sequence[Passage]) -> dict[str, dict[str, None]]:
    """Label -> the sentences that mention it, in order, each once."""
    spoken: dict[str, dict[str, None]] = {}
    for passage in passages:
        if passage.kind != "text" or not passage.mentions:
            continue
        for sentence in split_sentences(passage.text):
            for label in mentioned_labels(sentence):
                spoken.setdefault(label, {})[sentence] = None
    return spoken


def _context(picture: Picture, spoken: dict[str, dict[str, None]]) -> tuple[str, ...]:
    own = dict(spoken.get(picture.label, {}))
    whole = _PANEL.sub("", picture.label)
    if whole != picture.label:
        return tuple(own | spoken.get(whole, {}))
    for label, found in spoken.items():
        if _PANEL.sub("", label) == whole:
            own |= found
    return tuple(sentence for sentence in own if sentence not in picture.caption)
