"""Hits -> the numbered evidence that a vision model is shown: each thing once, bounded, words and picture together.

A table that the store has as text and as image, and a row with its photo, are one piece of evidence with both. What is
shown is read from the points themselves, for a hit's own text is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from diptych.answering.citations import EvidenceItem
from diptych.answering.quotes import plain
from diptych.search.hits import Hit
from diptych.store.register import is_visible, load_records
from diptych.store.types import Payload, Store
from diptych.where import And, Compare
from extractors.formats import is_row
from extractors.pictures.store import image_path
from extractors.types import ImageFile

MOST_PICTURES = 8
"""EvidenceItem as pixels; the others with their words alone."""
MOST_CHARACTERS = 32_000
"""Of all evidence: what does not fit, the last hits, is left out."""
MOST_OF_ONE = 6_000
"""Characters of one piece; a passage has about a quarter."""
ALIKE = 0.85
"""Share of the shorter text's runs of four words that stand in the other: the same said twice."""


@dataclass(frozen=True, slots=True)
class SourcedItem:
    """One piece of evidence, and where it comes from."""

    shown: EvidenceItem
    hit: Hit
    document_id: str = ""
    picture: Path | None = None
    """Its file, which is shown while there is room for pictures."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one point, or several of one thing, say together."""

    hit: Hit
    payload: Payload
    others: tuple[Payload, ...] = ()
    """A table's image, a table image's text, the rest of a row."""

    @property
    def words(self) -> list[Payload]:
        return [one for one in (self.payload, *self.others) if one["modality"] == "text"]

    @property
    def pixels(self) -> Payload | None:
        return next((one for one in (self.payload, *self.others) if one.get("image")), None)


def gather_evidence(hits: Sequence[Hit], index: Store, pictures: Path) -> list[SourcedItem]:
    """Numbered evidence, best first. A hit whose document has changed since it was found is left out."""
    with index.hold():
        pieces = list(_pieces(hits, index))
    items: list[SourcedItem] = []
    room = MOST_CHARACTERS
    for piece in _each_once(pieces):
        shown = _shown(f"E{len(items) + 1}", piece)
        room -= len(shown.own) + len(shown.machine)
        if room < 0 and items:
            break
        picture = image_path(ImageFile(**piece.pixels["image"]), pictures) if piece.pixels else None
        items.append(
            SourcedItem(
                shown, piece.hit, piece.payload["document_id"], picture if picture and picture.is_file() else None
            )
        )
    return items


def _pieces(hits: Sequence[Hit], index: Store) -> Iterator[_Piece]:
    """Each hit with its payload and what belongs to it; a hit that belongs to an earlier one is passed over."""
    found: dict[str, Payload] = {}
    for collection, modality in ((index.text, "text"), (index.images, "image")):
        ids = [hit.id for hit in hits if hit.modality == modality]
        found |= {point.id: point.payload for point in collection.retrieve(ids)} if ids else {}
    taken: set[str] = set()
    for hit in hits:
        if hit.id not in found or hit.id in taken:
            continue
        belonging = _belonging(found[hit.id], index)
        taken |= {hit.id, *belonging}
        belonging.pop(hit.id, None)
        yield _Piece(hit, found[hit.id], tuple(belonging.values()))


def _belonging(payload: Payload, index: Store) -> dict[str, Payload]:
    """By id: a table's image, or an image's table; everything of a row."""
    mine = Compare("document_id", "=", payload["document_id"])
    if is_row(payload["document"]):
        points = [point for collection in (index.text, index.images) for point in collection.scroll(mine)]
        points = [point for point in points if point.payload["kind"] != "page"]
    elif payload["kind"] == "table":
        other = index.images if payload["modality"] == "text" else index.text
        same = And((mine, Compare("page", "=", payload["page"]), Compare("kind", "=", "table")))
        points = [point for point in other.scroll(same) if _same_place(point.payload, payload)][:1]
    else:
        return {}
    live = load_records(index, [payload["document_id"]])
    return {p.id: p.payload for p in sorted(points, key=lambda p: p.id) if is_visible(p.payload, p.id, live)}


def _same_place(one: Payload, other: Payload) -> bool:
    if one["label"] and other["label"]:
        return bool(one["label"] == other["label"])
    a, b = one["bbox"], other["bbox"]
    if not a or not b:
        return False
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return bool(width > 0 and height > 0 and width * height > 0.5 * least)


def _each_once(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """Without what says or shows the same as a better hit; a page's image beside a picture of that page is no news."""
    pictured = {_page(one.pixels) for one in pieces if one.pixels and one.pixels["kind"] != "page"}
    kept: list[_Piece] = []
    for piece in pieces:
        if piece.pixels and piece.pixels["kind"] == "page" and _page(piece.pixels) in pictured:
            continue
        if any(_alike(piece, other) for other in kept):
            continue
        kept.append(piece)
        yield piece


def _alike(piece: _Piece, other: _Piece) -> bool:
    mine, theirs = piece.pixels, other.pixels
    if not mine:
        return any(_said_twice(piece.payload["text"], one["text"]) for one in other.words)
    if not theirs or mine["image"]["sha256"] != theirs["image"]["sha256"]:
        return False  # a picture shows more than its words
    # Two products may share a photo, so the words have to be the same, too.
    if not piece.words:
        return all(mine[name] == theirs[name] for name in ("caption", "words"))
    return any(_said_twice(piece.words[0]["text"], one["text"]) for one in other.words)


def _page(payload: Payload) -> tuple[str, int]:
    return payload["document_id"], payload["page"]


def _said_twice(one: str, other: str) -> bool:
    a, b = _runs(one), _runs(other)
    return bool(a and b) and len(a & b) >= ALIKE * min(len(a), len(b))


def _runs(text: str) -> set[tuple[str, ...]]:
    words = plain(text).casefold().split()
    return {tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3))} if words else set()


def _shown(name: str, piece: _Piece) -> EvidenceItem:
    payload, words, pixels = piece.payload, piece.words, piece.pixels
    parts: list[str] = []
    for one in words:
        parts += [one["caption"], one["text"]]
    if pixels:
        parts += [pixels["caption"], pixels["words"], *pixels["context"]]
    parts += [f"{field}: {value}." for field, value in payload["fields"].items()] if pixels else []
    said: list[str] = []
    for part in filter(None, parts):
        if not any(part in before for before in said):
            said.append(part)
    return EvidenceItem(
        id=name,
        document=payload["document"],
        page=payload["page"],
        folio=payload.get("folio"),
        label=next((one["label"] for one in (payload, *piece.others) if one["label"]), ""),
        title=payload["title"],
        heading=tuple(payload["heading"]),
        text="\n".join(said)[:MOST_OF_ONE],
        machine=str((pixels or {}).get("model_caption", ""))[:MOST_OF_ONE],
    )
