"""Hits as the page shows them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from markupsafe import Markup

from diptych.search.hits import Hit
from diptych.serve.options import PREFIX
from diptych.serve.page.text import Pieces, mark_words, table_markup
from diptych.serve.prefix import address
from diptych.store.points import HEADING_SEPARATOR
from extractors.catalog.extractor import field_sentence
from extractors.errors import ExtractionError
from extractors.formats import is_row, split_name
from extractors.pictures.decode import open_image
from extractors.types import ImageFile

LISTS = {
    "text.dense": "meaning",
    "text.bm25": "words",
    "images.description": "meaning of its description",
    "images.visual": "appearance",
    "images.picture": "appearance, whatever the words",
    "images.patches": "appearance of the page",
    "images.bm25": "words about it and in it",
    "pages.bm25": "words of its page",
    "pages.phrases": "phrases on its page",
    "pages.headings": "headings of its page",
    "pages.sections": "a heading above it is named",
    "pages.pictures": "a figure on its page",
    "pages.tables": "title of a table on its page",
    "pages.dense": "meaning of its page",
    "pages.patches": "appearance of its page",
    "text.named": "meaning, among what is named",
    "images.named": "meaning of its description, among what is named",
    "named": "its page or label is named",
    "documents.words": "words of its document",
    "documents.name": "name of its document",
}
"""Ranked list or signal -> what people call it."""
PICTURES = f"{PREFIX}/pictures/"
MAX_PLATE = 192
"""Pixels: the height of a picture among others, 12rem in page.css."""
LAST_RANK = 200
"""A hit with this rank gets the shortest line."""


class Shown(NamedTuple):
    """A picture with its size in pixels, so that the page does not move when it arrives."""

    address: str
    width: int = 0
    height: int = 0

    def on_plate(self) -> Shown:
        """The picture as large as a plate shows it."""
        height = min(self.height, MAX_PLATE)
        return self._replace(width=max(1, round(self.width * height / max(1, self.height))), height=height)


class Rank(NamedTuple):
    """A rank in one list."""

    name: str
    rank: int
    share: int
    """Length of its line, in percent."""


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit with its texts in pieces and its links."""

    id: str
    rank: int
    side: Literal["passage", "picture"]
    kind: str
    title: str
    place: str
    """Such as `page 3`; empty if the heading path says it."""
    heading: tuple[str, ...]
    link: str
    like: str
    is_row: bool
    text: Pieces
    table: Markup
    """Of a table."""
    caption: Pieces
    model_caption: str
    fields: dict[str, str]
    picture: Shown | None
    name: str
    """Text alternative of the picture."""
    ranks: list[Rank]


def view_hits(hits: Sequence[Hit], query: str) -> list[HitView]:
    return [_view_hit(hit, query) for hit in hits]


def _view_hit(hit: Hit, query: str) -> HitView:
    row = is_row(hit.document)
    return HitView(
        id=hit.id,
        rank=hit.rank,
        side="passage" if hit.modality == "text" else "picture",
        kind="product" if row else hit.kind,
        title=hit.title if row and hit.title else short_name(hit.document),
        place="" if hit.place == HEADING_SEPARATOR.join(hit.heading) else hit.place,
        heading=hit.heading,
        link=address(f"/hits/{hit.id}"),
        like=address(f"/?like={hit.id}"),
        is_row=row,
        text=mark_words(_row_text(hit) if row else hit.text, query),
        table=table_markup(hit.table, hit.text) if hit.kind == "table" else Markup(),
        caption=mark_words(hit.caption, query),
        model_caption=hit.model_caption,
        fields=own_fields(hit.fields, hit.title),
        picture=_show_file(hit.image),
        name=picture_name(hit.kind, hit.label, hit.caption, hit.title),
        ranks=[_rank(name, rank) for name, rank in sorted(hit.ranks.items(), key=lambda item: item[1])],
    )


def own_fields(fields: Mapping[str, Any], title: str) -> dict[str, str]:
    """The user's own fields as text, without the one that is the title."""
    return {name: _format_field(value) for name, value in fields.items() if value != title}


def _format_field(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_format_field, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.10g}" if isinstance(value, float) else str(value)


def _row_text(hit: Hit) -> str:
    """What a row says beyond its title and its fields, which are shown by themselves."""
    text = hit.text
    for name, value in hit.fields.items():
        text = text.replace(field_sentence(name, value), "")
    return text.removeprefix(hit.title).strip()


def short_name(document: str) -> str:
    """The name of a document, or the last part of an absolute path, with the name of a member."""
    file, _ = split_name(document)
    return document[file.rfind("/") + 1 :] if document.startswith("/") else document


def printed_label(label: str) -> str:
    """A label as documents print it: `figure 3a` is Figure 3a, `table iv` is Table IV, `figure s1` is Figure S1."""
    return re.sub(r"(?<= )[a-z]+(?=[^ ]*$)", lambda found: found[0].upper(), label[:1].upper() + label[1:])


def picture_name(kind: str, label: str, caption: str, title: str) -> str:
    """The text alternative of a picture: its caption, or what it is."""
    return caption or ": ".join(filter(None, (label or kind, title)))


def show_image(image: ImageFile) -> Shown:
    return Shown(address(f"{PICTURES}{image.sha256}{image.suffix}"), image.width, image.height)


def _show_file(path: str | None) -> Shown | None:
    return Shown(address(PICTURES + Path(path).name), *_size(path)) if path else None


@lru_cache(maxsize=4096)
def _size(path: str) -> tuple[int, int]:
    """Width and height in pixels; nothing for a file that cannot be read. Files never change: hashes name them."""
    try:
        with open_image(Path(path), path, stored=True) as image:
            return image.size
    except (ExtractionError, OSError):
        return 0, 0


def _rank(name: str, rank: int) -> Rank:
    return Rank(LISTS.get(name, name), rank, max(3, round(100 * (1 - math.log(rank) / math.log(LAST_RANK)))))
