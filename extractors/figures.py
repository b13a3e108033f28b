"""Where the figures of a page are and which caption is whose: pure geometry over a `PageLayout`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from extractors.captions import Caption
from extractors.furniture import Furniture
from extractors.layout import PageLayout, Raster
from extractors.types import Box

FigureKind = Literal["figure", "table"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A region of the page that is shown as one picture."""

    kind: FigureKind
    box: Box
    label: str = ""
    caption: str = ""
    caption_box: Box | None = None
    rasters: tuple[Raster, ...] = ()
    """The embedded images it is made of."""
    panel: str = ""
    """Of a sub-figure its letter: `a`; the whole figure, and every other one, has none."""
    alone: bool = False
    """True when it is one upright raster and nothing else: its own pixels are the picture."""


@dataclass(frozen=True, slots=True)
class PageFigures:
    figures: tuple[Figure, ...] = ()
    inside: frozenset[int] = frozenset()
    """Indices of the layout's lines that lie in figures, and so are no passages."""
    caption_lines: frozenset[int] = frozenset()
    """Indices of the layout's lines that are captions."""
    unmatched: tuple[Caption, ...] = ()
    """Captions without a figure or table here; the next page may carry theirs."""
    visual: bool = False
    """The page is a slide, a scan or mostly picture."""
    flagged: bool = False
    """The page looks visual but gave no figure."""


def find(
    layout: PageLayout, tables: Sequence[Box], furniture: Furniture, carried: Sequence[Caption] = ()
) -> PageFigures:
    """The figures and tables of one page.

    `tables` are regions found by other means; `carried` the captions that the previous page could not match.
    """
    return PageFigures()
