"""A page of a document as the page shows it: its parts, their boxes, and the links between figures and text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from diptych.library.parts import Part
from diptych.search.place_wording import describe_place
from diptych.serve.page.hits import Shown, picture_name, printed_label, show_image
from diptych.serve.page.text import table_markup
from diptych.serve.prefix import address
from extractors.formats import is_row
from extractors.layout.labels import figure_label
from extractors.types import WHOLE_KINDS

MAX_SENTENCE = 160
"""Characters of a sentence in a link."""
ALL_ROWS = 2000
"""Rows of a table that its page shows."""


class PartLink(NamedTuple):
    """A link from a part to one that mentions it, or that it mentions."""

    address: str
    text: str
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class PartView:
    """A passage or picture with its links."""

    part: Part
    address: str
    like: str
    chosen: bool
    table: Markup
    picture: Shown | None
    name: str
    links: list[PartLink]

    @property
    def side(self) -> str:
        return "passage" if self.part.modality == "text" else "picture"


class Box(NamedTuple):
    """The place of a part on its page, in points."""

    id: str
    side: str
    name: str
    x: float
    y: float
    width: float
    height: float


def view_parts(parts: Sequence[Part], page: int, chosen: str) -> list[PartView]:
    """The parts of a page; `parts` are those of the whole document, to which the links lead."""
    return [_view_part(part, parts, chosen) for part in parts if part.page == page]


def boxes(views: Iterable[PartView]) -> list[Box]:
    """The boxes of parts, large ones first, so that those in front can be clicked."""
    found = []
    for view in views:
        part = view.part
        if part.bbox and part.kind not in WHOLE_KINDS:
            x0, y0, x1, y1 = part.bbox
            name = part.caption or part.text[:MAX_SENTENCE] or part.label or part.kind
            found.append(Box(part.id, view.side, f"{part.kind}: {name}", x0, y0, max(x1 - x0, 1), max(y1 - y0, 1)))
    return sorted(found, key=lambda box: -box.width * box.height)


def hit_address(part: Part) -> str:
    return address(f"/hits/{part.id}")


def _view_part(part: Part, parts: Sequence[Part], chosen: str) -> PartView:
    return PartView(
        part=part,
        address=hit_address(part),
        like=address(f"/?like={part.id}"),
        chosen=part.id == chosen,
        table=table_markup(part.table, part.text, ALL_ROWS)
        if part.kind == "table" and part.modality == "text"
        else Markup(),
        picture=show_image(part.image) if part.image else None,
        name=picture_name(part.kind, part.label, part.caption, part.title),
        links=_mentioned(part, parts) if part.modality == "text" else _mentions(part, parts),
    )


def _mentioned(passage: Part, parts: Sequence[Part]) -> list[PartLink]:
    """The pictures that a passage mentions."""
    return [
        PartLink(hit_address(one), f"{printed_label(one.label)}{_on_page(one, passage)}", one.caption[:MAX_SENTENCE])
        for label in passage.mentions
        for one in parts
        if one.modality == "image" and one.label in (label, figure_label(label))
    ]


def _mentions(picture: Part, parts: Sequence[Part]) -> list[PartLink]:
    """The passages that mention a picture, or the figure that it is a panel of."""
    labels = {picture.label, figure_label(picture.label)} - {""}
    return [
        PartLink(hit_address(one), f"Mentioned{_on_page(one, picture)}", _sentence(one, picture))
        for one in parts
        if one.modality == "text" and labels & set(one.mentions)
    ]


def _on_page(one: Part, other: Part) -> str:
    if is_row(one.document) or one.page == other.page:
        return ""
    return f" on {describe_place(one.document, one.page, one.folio)}"


def _sentence(passage: Part, picture: Part) -> str:
    """The sentence of a passage that refers to a picture, or how the passage begins."""
    words = " ".join(passage.text.split())
    return next((one for one in picture.context if one in words), words)[:MAX_SENTENCE]
