"""Turns hits into the numbered evidence that the answering model is shown.

Each thing is shown once: a table that is stored as text and as image is one item, and so is a catalogue row with its
photo. Texts are read from the stored points, because the text of a hit may be cut.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.answering.citations import EvidenceItem
from diptych.answering.quotes import normalise_text
from diptych.models.vision import ImagePart
from diptych.picture_store import PictureStore
from diptych.search.hits import Hit
from diptych.store.register import DocumentRecord, is_visible, load_records
from diptych.store.types import Payload, Store
from diptych.where import And, Compare, Expression, all_of
from extractors.addresses import place_path
from extractors.catalog.extractor import field_sentence
from extractors.errors import ExtractionError
from extractors.formats import is_row
from extractors.geometry import area, intersection
from extractors.pictures.store import image_path
from extractors.sandbox.sandbox import Sandbox
from extractors.types import ImageFile

MAX_CHARACTERS = 32_000
"""Characters of all evidence; the last hits are left out if they do not fit."""
MAX_ITEM_CHARACTERS = 6_000
"""Characters of one item; a passage has about a quarter of that."""
DUPLICATE_SHARE = 0.85
"""Two texts are duplicates if the longer one contains this share of the shorter one's four-word sequences."""


@dataclass(frozen=True, slots=True)
class SourcedItem:
    """An item of evidence with its source."""

    item: EvidenceItem
    hit: Hit
    document_id: str = ""
    picture: Path | None = None
    """Path of its image file."""
    image: ImagePart | None = None
    """The image as it is sent to the model, once loaded."""
    image_id: str = ""
    """Id of the item with which this item's image is sent; empty if it is not sent."""


@dataclass(frozen=True, slots=True)
class _Group:
    """A hit with the points that belong to the same thing."""

    hit: Hit
    payload: Payload
    others: tuple[Payload, ...] = ()
    """The image of a table, the text of a table's image, or the rest of a row."""

    @property
    def texts(self) -> list[Payload]:
        return [payload for payload in (self.payload, *self.others) if payload["modality"] == "text"]

    @property
    def picture(self) -> Payload | None:
        return next((payload for payload in (self.payload, *self.others) if payload.get("image")), None)


def gather_evidence(
    hits: Sequence[Hit], store: Store, pictures: PictureStore, where: Expression | None = None
) -> list[SourcedItem]:
    """Numbered items, best first. Hits of documents that have changed since the search are left out.

    `where`: the filter of the search, which what belongs to a hit must match, too.
    """
    with store.hold():
        groups = list(_group_hits(hits, store, where))
    items: list[SourcedItem] = []
    remaining = MAX_CHARACTERS
    for group in _without_duplicates(groups):
        item = _make_item(f"E{len(items) + 1}", group)
        remaining -= len(item.own_words) + len(item.machine)
        if remaining < 0 and items:
            break
        file = image_path(ImageFile(**group.picture["image"]), pictures.folder) if group.picture else None
        items.append(SourcedItem(item, group.hit, group.payload["document_id"], file))
    pictures.load(item.picture for item in items if item.picture)
    return [replace(one, picture=None) if one.picture and not one.picture.is_file() else one for one in items]


def crop_passage(source: SourcedItem, store: Store, sandbox: Sandbox, pictures: Path) -> str | None:
    """Path of an image of a passage's place on its page, drawn in a worker process and kept until the next sweep.

    None if the source is not a PDF file on this machine, has changed since it was ingested, or the passage has no box.
    """
    hit, record = source.hit, load_records(store, [source.document_id]).get(source.document_id)
    path = unchanged_pdf(record) if record else None
    if not path or not hit.bbox or hit.page is None:
        return None
    x0, y0, x1, y1 = hit.bbox
    try:
        image = sandbox.crop(path, hit.page, (x0, y0, x1, y1), pictures)
    except ExtractionError:
        return None
    return str(image_path(image, pictures))


def unchanged_pdf(record: DocumentRecord) -> Path | None:
    """The path of a PDF file on this machine that has not changed since it was ingested."""
    path = place_path(record.uri)
    if path.suffix.lower() != ".pdf":
        return None
    try:
        with path.open("rb") as file:
            return path if hashlib.file_digest(file, "sha256").hexdigest() == record.sha256 else None
    except OSError:
        return None


def _group_hits(hits: Sequence[Hit], store: Store, where: Expression | None) -> Iterator[_Group]:
    """Each hit with what belongs to it, except hits that belong to an earlier one."""
    payloads: dict[str, Payload] = {}
    for collection, modality in ((store.text, "text"), (store.images, "image")):
        ids = [hit.id for hit in hits if hit.modality == modality]
        payloads |= {point.id: point.payload for point in collection.retrieve(ids)} if ids else {}
    ranks = {hit.id: rank for rank, hit in enumerate(hits)}
    grouped: set[str] = set()
    for hit in hits:
        if hit.id not in payloads or hit.id in grouped:
            continue
        others = _related_points(payloads[hit.id], store, ranks, where)
        grouped |= {hit.id, *others}
        others.pop(hit.id, None)
        yield _Group(hit, payloads[hit.id], tuple(others.values()))


def _related_points(
    payload: Payload, store: Store, ranks: Mapping[str, int], where: Expression | None
) -> dict[str, Payload]:
    """By id, hits first: the image of a table, the best part of an image's table, or everything of a row."""
    document = Compare("document_id", "=", payload["document_id"])
    if is_row(payload["document"]):
        points = [
            point for collection in (store.text, store.images) for point in collection.scroll(all_of(document, where))
        ]
        points = [point for point in points if point.payload["kind"] != "page"]
    elif payload["kind"] == "table":
        other = store.images if payload["modality"] == "text" else store.text
        tables = And((document, Compare("page", "=", payload["page"]), Compare("kind", "=", "table")))
        points = [point for point in other.scroll(all_of(tables, where)) if _same_table(point.payload, payload)]
    else:
        return {}
    records = load_records(store, [payload["document_id"]])
    points = [point for point in points if is_visible(point.payload, point.id, records)]
    points.sort(key=lambda point: (ranks.get(point.id, len(ranks)), point.id))
    return {point.id: point.payload for point in (points if is_row(payload["document"]) else points[:1])}


def _same_table(one: Payload, other: Payload) -> bool:
    if one["label"] and other["label"]:
        return bool(one["label"] == other["label"])
    a, b = one["bbox"], other["bbox"]
    return bool(a and b) and area(intersection(a, b)) > 0.5 * min(area(a), area(b))


def _without_duplicates(groups: Sequence[_Group]) -> Iterator[_Group]:
    """Leave out copies of better hits, and images of pages that another picture already represents."""
    pictured = {_page(group.picture) for group in groups if group.picture and group.picture["kind"] != "page"}
    kept: list[_Group] = []
    for group in groups:
        if group.picture and group.picture["kind"] == "page" and _page(group.picture) in pictured:
            continue
        if any(_duplicates(group, other) for other in kept):
            continue
        kept.append(group)
        yield group


def _duplicates(group: _Group, other: _Group) -> bool:
    mine, theirs = group.picture, other.picture
    if not mine:
        return any(_same_text(group.payload["text"], payload["text"]) for payload in other.texts)
    if not theirs or mine["image"]["sha256"] != theirs["image"]["sha256"]:
        return False  # a picture shows more than its words
    # Two products may share a photo, so their words must be the same too.
    if not group.texts:
        return all(mine[name] == theirs[name] for name in ("caption", "words"))
    return any(_same_text(group.texts[0]["text"], payload["text"]) for payload in other.texts)


def _page(payload: Payload) -> tuple[str, int]:
    return payload["document_id"], payload["page"]


def _same_text(one: str, other: str) -> bool:
    a, b = _word_sequences(one), _word_sequences(other)
    return bool(a and b) and len(a & b) >= DUPLICATE_SHARE * min(len(a), len(b))


def _word_sequences(text: str) -> set[tuple[str, ...]]:
    words = normalise_text(text).casefold().split()
    return {tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3))} if words else set()


def _make_item(id_: str, group: _Group) -> EvidenceItem:
    payload, picture = group.payload, group.picture
    texts: list[str] = []
    for passage in group.texts:
        texts += [passage["caption"], passage["text"]]
    if picture:
        texts += [picture["caption"], picture["words"], *picture["context"]]
    texts += [field_sentence(name, value) for name, value in payload["fields"].items() if value != payload["title"]]
    return EvidenceItem(
        id=id_,
        document=group.hit.document,
        page=payload["page"],
        folio=payload.get("folio"),
        paged=payload.get("paged", True),
        label=next((one["label"] for one in (payload, *group.others) if one["label"]), ""),
        title=payload["title"],
        heading=tuple(payload["heading"]),
        text="\n".join(_distinct(texts))[:MAX_ITEM_CHARACTERS],
        machine=str((picture or {}).get("model_caption", ""))[:MAX_ITEM_CHARACTERS],
    )


def _distinct(texts: Iterable[str]) -> Iterator[str]:
    """The texts that no earlier one contains. A row's fields and the words of a picture are often in a passage, too."""
    known = ""
    for text in texts:
        form = normalise_text(text)
        if form and form not in known:
            known += f"\n{form}"
            yield text
