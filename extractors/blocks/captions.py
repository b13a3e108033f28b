"""Matching captions with the tables and images beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extractors.blocks.types import Content, Image, Table, Text
from extractors.layout.captions import begins_caption
from extractors.layout.labels import LABEL, label_kind, normalise_label

MAX_CAPTION_LENGTH = 1500
"""Characters; a longer paragraph that begins with "Figure 3" is text."""


@dataclass(frozen=True, slots=True)
class MatchedCaptions:
    by_index: Mapping[int, str]
    """Index of an image or table -> its caption."""
    used: frozenset[int]
    """Indices of the paragraphs that are captions of something, and no longer text."""
    unmatched: tuple[str, ...]
    """Captions with a label that nothing belongs to."""


def caption_label(caption: str) -> str:
    """Return the normalised label that begins a caption, such as `figure 3`, or ""."""
    match = LABEL.match(caption)
    return normalise_label(match) if match else ""


def match_captions(blocks: Sequence[Content]) -> MatchedCaptions:
    """Match every caption with the image or table next to it that has none: those of tables with the one below first.

    A caption of several images in a row is that of all of them.
    """
    matched = {i: block.caption for i, block in enumerate(blocks) if isinstance(block, Image | Table) and block.caption}
    used: set[int] = set()
    unmatched: list[str] = []
    for index, block in enumerate(blocks):
        if not isinstance(block, Text) or not _is_caption(block):
            continue
        if owners := _owners(index, block.text, blocks, matched):
            matched |= dict.fromkeys(owners, block.text)
            used.add(index)
        elif LABEL.match(block.text):
            unmatched.append(block.text)
    return MatchedCaptions(matched, frozenset(used), tuple(unmatched))


def _is_caption(block: Text) -> bool:
    if block.kind != "text" or block.marker or len(block.text) > MAX_CAPTION_LENGTH:
        return False
    return block.is_caption or begins_caption(block.text)


def _owners(index: int, caption: str, blocks: Sequence[Content], taken: Mapping[int, str]) -> list[int]:
    """Indices of what the caption at `index` belongs to; empty when all beside it have captions."""
    label = LABEL.match(caption)
    is_table = label is not None and label_kind(label) == "table"
    # A table may be an image, and what is called a chart may be a table.
    kinds = (Table, Image) if is_table else (Image, Table)
    for kind in kinds:
        for step in (1, -1) if is_table else (-1, 1):
            owners: list[int] = []
            at = index + step
            while 0 <= at < len(blocks) and isinstance(blocks[at], kind) and at not in taken:
                owners.append(at)
                at += step
                if kind is Table:
                    break
            if owners:
                return owners
    return []
