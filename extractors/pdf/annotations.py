"""What people added to a page: comments and highlights, and the values of form fields."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from extractors.geometry import merge_boxes, overlap_area
from extractors.page import PageLayout
from extractors.pdf.render import pymupdf
from extractors.text.cleaning import clean_text
from extractors.text.headings import HeadedParagraph, HeadingPath
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages
from extractors.types import Box, Passage

MAX_ANNOTATIONS = 2000
"""Of a page; more are drawings of other programs."""
MAX_FIELDS = 2000
MIN_WORD_SHARE = 0.5
"""Share of a word that a highlight covers from which it is highlighted."""
_SIZE = 10.0  # font size in points of these texts, which have none on the page

_MARKS = {"Highlight": "highlighted", "Underline": "underlined", "Squiggly": "underlined", "StrikeOut": "struck out"}
_IGNORED = frozenset(("Link", "Popup", "Widget", "FreeText"))  # free text is text of the page


@dataclass(frozen=True, slots=True)
class PageNote:
    kind: Literal["notes", "form"]
    page: int
    boxes: tuple[Box, ...]
    """Of the comment, or of each field."""
    lines: tuple[str, ...]
    """A comment and its replies, or the fields of a form."""

    @property
    def box(self) -> Box:
        return merge_boxes(self.boxes)


def read_annotations(page: Any, number: int) -> list[PageNote]:
    """Return the comments on a page, and its filled form fields as one note. Broken ones are left out."""
    notes = []
    with suppress(Exception):  # broken lists of annotations are common, and the page itself may be complete
        notes = _read_comments(page, number)
    with suppress(Exception):
        if form := _read_form(page, number):
            notes.append(form)
    return notes


def without_fields(layout: PageLayout, notes: Sequence[PageNote]) -> PageLayout:
    """Return the page without the values in form fields, which say nothing without their labels."""
    boxes = [box for note in notes if note.kind == "form" for box in note.boxes]
    lines = tuple(line for line in layout.lines if not any(line.belongs_to(box) for box in boxes))
    return replace(layout, lines=lines) if boxes else layout


def note_passages(note: PageNote, path: HeadingPath, limit: PassageLimit) -> list[Passage]:
    """Return a note as passages of its kind."""
    paragraphs = [HeadedParagraph(Paragraph((line,), note.page, note.box, _SIZE), path) for line in note.lines]
    return [replace(passage, kind=note.kind) for passage in build_passages(paragraphs, limit)]


def _read_comments(page: Any, number: int) -> list[PageNote]:
    words: list[Any] | None = None
    found: dict[int, PageNote] = {}
    replies: list[tuple[int, str]] = []
    for annotation, _ in zip(page.annots(), range(MAX_ANNOTATIONS), strict=False):
        with suppress(Exception):  # one broken annotation must not cost the others
            kind = annotation.type[1]
            if kind in _IGNORED:
                continue
            info = annotation.info
            author, text = clean_text(info.get("title") or ""), clean_text(info.get("content") or "")
            if annotation.irt_xref:
                replies.append((annotation.irt_xref, f"{author}: {text}" if author else text))
                continue
            covered = ""
            if kind in _MARKS:
                words = page.get_text("words") if words is None else words
                covered = _covered_text(annotation, words)
            marked = f"{_MARKS[kind]}: “{covered}”" if covered else ""
            if line := " – ".join(filter(None, (marked, text))):
                found[annotation.xref] = PageNote(
                    "notes", number, (tuple(annotation.rect),), (f"{author}: {line}" if author else line,)
                )
    for parent, line in replies:
        if line.strip(": ") and parent in found:
            found[parent] = replace(found[parent], lines=(*found[parent].lines, line))
    return list(found.values())


def _covered_text(annotation: Any, words: Sequence[Any]) -> str:
    """The words under the quadrilaterals of a highlight."""
    points = annotation.vertices or []
    module = pymupdf()
    areas = [tuple(module.Quad(points[at : at + 4]).rect) for at in range(0, len(points) - 3, 4)]
    covered = [
        word[4]
        for word in words
        if any(
            overlap_area(word[:4], area) > MIN_WORD_SHARE * max((word[2] - word[0]) * (word[3] - word[1]), 0.1)
            for area in areas
        )
    ]
    return clean_text(" ".join(covered)).strip(" ,;:")


def _read_form(page: Any, number: int) -> PageNote | None:
    lines: dict[str, str] = {}
    boxes = []
    for widget, _ in zip(page.widgets(), range(MAX_FIELDS), strict=False):
        with suppress(Exception):
            label = clean_text(widget.field_label or widget.field_name or "")
            value = _field_value(widget)
            if label and value:
                lines[label] = f"{label}: {value}"
                boxes.append(tuple(widget.rect))
    return PageNote("form", number, tuple(boxes), tuple(lines.values())) if lines else None


def _field_value(widget: Any) -> str:
    """What a person sees in a field; empty for buttons, signatures and fields that are not filled."""
    module = pymupdf()
    if widget.field_type == module.PDF_WIDGET_TYPE_CHECKBOX:
        return "no" if widget.field_value in (False, "Off", "", None) else "yes"
    if widget.field_type == module.PDF_WIDGET_TYPE_RADIOBUTTON:
        is_chosen = widget.field_value not in (False, "Off", "", None) and widget.field_value == widget.on_state()
        return str(widget.on_state()) if is_chosen else ""
    if widget.field_type in (module.PDF_WIDGET_TYPE_BUTTON, module.PDF_WIDGET_TYPE_SIGNATURE):
        return ""
    value = widget.field_value
    return clean_text(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or ""))
