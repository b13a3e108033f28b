"""The structure tags of a PDF: which text is a heading, which is no content of the page, and how figures are described.

Office programs and browsers write them. Boxes are on the page as displayed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from extractors.geometry import merge_boxes, width
from extractors.page import AlternativeText, Line
from extractors.pdf.painted_images import Recorder
from extractors.pdf.render import pymupdf
from extractors.text.cleaning import clean_alternative_text
from extractors.types import Box

MAX_LEVEL = 6
MIN_TAGGED = 0.7  # share of the pieces of text on a page that have tags, from which text without is no content
MIN_COVERED = 0.6  # share of a line under pieces of text that are tagged alike


class _Element(NamedTuple):
    """An open element of the structure."""

    level: int  # of the heading it is or is part of, 0 outside of headings
    figure: bool  # True for figures and their parts
    section: bool


def is_tagged(document: Any) -> bool:
    """Whether a `pymupdf.Document` has structure tags."""
    kind, _ = document.xref_get_key(document.pdf_catalog(), "StructTreeRoot")
    return bool(kind != "null")


class TagRecorder(Recorder):
    """Also records the pieces of text with their tags, and the alternative texts of figures."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[_Element] = []  # outermost first
        self._headings: list[tuple[Box, int]] = []  # pieces of text, with the level of their heading
        self._untagged: list[Box] = []
        self._tagged = 0  # other pieces of text, the boxes of which would take time
        self._figures: list[tuple[list[Box], list[str]]] = []  # boxes of images and words, and alternative texts

    def begin_structure(self, context: Any, standard: int, *element: Any) -> None:
        name = _structure_name(standard)
        outer = self._open[-1] if self._open else _Element(0, False, False)
        level = outer.level
        if name[:1] == "H" and name[1:] in ("", *"123456"):
            level = int(name[1:] or min(MAX_LEVEL, max(1, sum(one.section for one in self._open))))
        if name == "Figure":
            self._figures.append(([], []))
        self._open.append(_Element(level, outer.figure or name == "Figure", name == "Sect"))

    def end_structure(self, context: Any) -> None:
        if self._open:
            self._open.pop()

    def begin_metatext(self, context: Any, kind: int, text: str) -> None:
        if kind == pymupdf().mupdf.FZ_METATEXT_ALT and self._open and self._open[-1].figure:
            self._figures[-1][1].append(text)

    def fill_text(self, context: Any, text: Any, ctm: Any, *paint: Any) -> None:
        element = self._open[-1] if self._open else None
        self._tagged += element is not None
        if element and not (element.level or element.figure):
            return
        rect = pymupdf().mupdf.ll_fz_bound_text(text, None, ctm)
        box = (rect.x0, rect.y0, rect.x1, rect.y1)
        if element is None:
            self._untagged.append(box)
        if element and element.level:
            self._headings.append((box, element.level))
        if element and element.figure:
            self._figures[-1][0].append(box)

    def _add(self, placed: Box, opaque: Box, **image: Any) -> None:
        super()._add(placed, opaque, **image)
        if self._open and self._open[-1].figure:
            self._figures[-1][0].append(opaque)

    def alternative_texts(self) -> Iterator[AlternativeText]:
        for boxes, texts in self._figures:
            text = clean_alternative_text(" ".join(texts))
            if text and boxes:
                yield AlternativeText(merge_boxes(boxes), text)

    def tag_lines(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The lines with the level of their headings, and those that are no content marked as such."""
        pieces = len(self._untagged) + self._tagged
        is_reliable = self._tagged > MIN_TAGGED * pieces
        headings = [box for box, _ in self._headings]
        for line in lines:
            level = max((level for box, level in self._headings if _is_part(box, line)), default=0)
            is_heading = level > 0 and _covers(headings, line)
            artifact = is_reliable and _covers(self._untagged, line)
            yield replace(line, heading=level * is_heading, artifact=artifact) if is_heading or artifact else line


@cache
def _structure_name(standard: int) -> str:
    return str(pymupdf().mupdf.ll_fz_structure_to_string(standard))


def _covers(pieces: Sequence[Box], line: Line) -> bool:
    return sum(width(box) for box in pieces if _is_part(box, line)) > MIN_COVERED * width(line.box)


def _is_part(piece: Box, line: Line) -> bool:
    x0, y0, x1, y1 = line.box
    return y0 < (piece[1] + piece[3]) / 2 < y1 and x0 - 1 < (piece[0] + piece[2]) / 2 < x1 + 1
