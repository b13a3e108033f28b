"""Captions and references: telling them apart, reading them in full, giving them normalised labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from extractors.layout import PageLayout
from extractors.types import Box

CaptionKind = Literal["figure", "table"]


@dataclass(frozen=True, slots=True)
class Caption:
    """A printed caption: `Figure 3: Growth by region.`"""

    kind: CaptionKind
    label: str
    """Normalised: `figure 3`, `figure s1`, `table 2.1`; empty for a heading above a chart."""
    text: str
    """In full, label included, lines joined."""
    box: Box
    page: int
    lines: frozenset[int]
    """Indices of its lines in the page's layout."""


def find(layout: PageLayout, skip: frozenset[int] = frozenset()) -> tuple[Caption, ...]:
    """The captions of one page, in reading order; lines in `skip` (running headers) are passed over."""
    return ()


def mentions(text: str) -> tuple[str, ...]:
    """Normalised labels of the figures and tables that running text refers to, in order, each once."""
    return ()


def label_of(text: str) -> str:
    """The normalised label that a caption starts with: `Fig. 3. Growth` -> `figure 3`; empty when it has none."""
    return ""
