"""The structure tags of a PDF: which text is a heading, which is no content of the page, and how figures are described.

Office programs and browsers write them. Boxes are on the page as displayed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from extractors.geometry import merge_boxes, width
from extractors.page import AlternativeText, Line
from extractors.pdf.painted_images import Recorder
from extractors.pdf.render import pymupdf
from extractors.pictures.alternative_text import clean_alternative_text
from extractors.types import Box

MAX_LEVEL = 6
MIN_TAGGED = 0.7  # share of the text of a page that has tags, from which text without is no content
MIN_COVERED = 0.6  # share of a line under pieces of text that are tagged alike


class _Piece(NamedTuple):
    box: Box
    level: int | None  # of the heading it belongs to, 0 for other text; None without a tag


def is_tagged(document: Any) -> bool:
    """Whether a `pymupdf.Document` has structure tags."""
    kind, _ = document.xref_get_key(document.pdf_catalog(), "StructTreeRoot")
    return bool(kind != "null")


class TagRecorder(Recorder):
    """Also records the pieces of text with their tags, and the alternative texts of figures."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []  # standard names of the open elements, outermost first
        self._pieces: list[_Piece] = []
        self._figures: list[tuple[list[Box], list[str]]] = []  # boxes of images and words, and alternative texts

    def begin_structure(self, context: Any, standard: int, *element: Any) -> None:
        self._open.append(pymupdf().mupdf.ll_fz_structure_to_string(standard))
        if self._open[-1] == "Figure":
            self._figures.append(([], []))

    def end_structure(self, context: Any) -> None:
        if self._open:
            self._open.pop()

    def begin_metatext(self, context: Any, kind: int, text: str) -> None:
        if kind == pymupdf().mupdf.FZ_METATEXT_ALT and "Figure" in self._open:
            self._figures[-1][1].append(text)

    def fill_text(self, context: Any, text: Any, ctm: Any, *paint: Any) -> None:
        rect = pymupdf().mupdf.ll_fz_bound_text(text, None, ctm)
        box = (rect.x0, rect.y0, rect.x1, rect.y1)
        if "Figure" in self._open:
            self._figures[-1][0].append(box)
        self._pieces.append(_Piece(box, self._level() if self._open else None))

    def _add(self, placed: Box, **image: Any) -> None:
        super()._add(placed, **image)
        if "Figure" in self._open:
            self._figures[-1][0].append(placed)

    def _level(self) -> int:
        name = next((name for name in reversed(self._open) if name[:1] == "H" and name[1:] in ("", *"123456")), "")
        return int(name[1:] or min(MAX_LEVEL, max(1, self._open.count("Sect")))) if name else 0

    def alternative_texts(self) -> Iterator[AlternativeText]:
        for boxes, texts in self._figures:
            text = clean_alternative_text(" ".join(texts))
            if text and boxes:
                yield AlternativeText(merge_boxes(boxes), text)

    def tag_lines(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The lines with the level of their headings, and those that are no content marked as such."""
        total = sum(width(piece.box) for piece in self._pieces)
        untagged = [piece.box for piece in self._pieces if piece.level is None]
        is_reliable = sum(map(width, untagged)) < (1 - MIN_TAGGED) * total
        headings = [piece for piece in self._pieces if piece.level]
        for line in lines:
            level = max((piece.level or 0 for piece in headings if _is_part(piece.box, line)), default=0)
            is_heading = level and _covers([piece.box for piece in headings], line)
            artifact = is_reliable and _covers(untagged, line)
            yield replace(line, heading=level if is_heading else 0, artifact=artifact)


def _covers(pieces: Sequence[Box], line: Line) -> bool:
    return sum(width(box) for box in pieces if _is_part(box, line)) > MIN_COVERED * width(line.box)


def _is_part(piece: Box, line: Line) -> bool:
    x0, y0, x1, y1 = line.box
    return y0 < (piece[1] + piece[3]) / 2 < y1 and x0 - 1 < (piece[0] + piece[2]) / 2 < x1 + 1
