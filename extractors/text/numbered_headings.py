"""Headings that only their number shows, because they are set like the text: "3.2.1. Cell lines".

In: the paragraphs of a document, and the indices of its other headings. Out: more indices.
"""

from collections.abc import Collection, Sequence

from extractors.text.heading_form import MIN_TEXT_BELOW, NUMBERED, has_form_of_heading
from extractors.text.paragraphs import Paragraph

_MIN_DEPTH = 3  # numbers of a heading without weight; lists are numbered 1, 2 or 1.1, 1.2

_Number = tuple[int, ...]


def find_numbered_headings(paragraphs: Sequence[Paragraph], headings: Collection[int]) -> list[int]:
    """Paragraphs above running text whose numbers go on from the heading before: 3.2.1 after 3.2, 3.2.2 after 3.2.1."""
    found: list[int] = []
    last: _Number = ()
    for index, paragraph in enumerate(paragraphs):
        number = _number(paragraph)
        if not number:
            continue
        if index in headings:
            last = number
        elif len(number) >= _MIN_DEPTH and _follows(number, last) and _stands_above_text(paragraphs, index):
            found.append(index)
            last = number
    return found


def _number(paragraph: Paragraph) -> _Number:
    match = NUMBERED.match(paragraph.lines[0])
    return tuple(map(int, match["number"].split("."))) if match and match["number"] else ()


def _follows(number: _Number, last: _Number) -> bool:
    """Whether a number is the first below another, or the next one of its level."""
    *above, own = number
    level = len(above)
    return tuple(above) == last[:level] and own == (last[level] if len(last) > level else 0) + 1


def _stands_above_text(paragraphs: Sequence[Paragraph], index: int) -> bool:
    paragraph, following = paragraphs[index], paragraphs[index + 1 : index + 2]
    has_text_below = bool(following) and not _number(following[0]) and following[0].characters > MIN_TEXT_BELOW
    return paragraph.apart and has_text_below and has_form_of_heading(paragraph)
