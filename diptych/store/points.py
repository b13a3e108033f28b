"""Parts of a document -> points: what is stored, what is encoded, and under which identity.

A point's id is made from all that it says, so a point never changes: another content is another point.
`content_hash` covers only what is encoded, so that a vector is reused when merely the page or the place has moved.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from diptych.captioners.caption import ModelCaption
from diptych.store.terms import analyse
from diptych.store.types import DESCRIPTION_VECTOR, INDEXED, NAMESPACE, PAGE_WORDS, TEXT_VECTOR, VISUAL_VECTOR, Payload
from extractors.types import Extraction, ImageFile, Passage, Picture

DERIVED_FIELDS = ("content_hash", "pixels_hash", INDEXED, "generation")
"""Payload fields that follow from the others, the encoder and the run."""
DOCUMENT_FIELDS = ("document_id", "document", "uri", "title", "fields", "flags")
"""Payload fields that all points of a document have alike."""
MAX_CONTEXT_CHARACTERS = 1200
"""Of the sentences that refer to a picture, how much joins its description: more would drown the caption."""
PATH, LINE = " > ", "\n"
"""Between the headings of a path, and between what else is encoded."""


@dataclass(frozen=True, slots=True)
class EncodingConfig:
    """How parts are read: by which encoders, and in which language their words are stemmed."""

    encoder: str
    """Fingerprint of the encoder of texts."""
    language: str = "english"
    images: str = ""
    """Fingerprint of the encoder of pixels; empty: there is none."""

    def __str__(self) -> str:
        pixels = f" and {self.images}" if self.images else ""
        return f"{self.encoder}{pixels} ({self.language})"


class RequiredVector(NamedTuple):
    """A vector that a point has to have."""

    vector: str
    hash: str
    """Of what is encoded, and by what."""
    content: str | ImageFile


@dataclass(frozen=True, slots=True)
class PointDraft:
    """A point before its vector and its generation are known, and before its words are stemmed."""

    id: str
    payload: Payload
    text: str
    """What the encoder of texts reads; empty: it has no such vector."""
    words: str
    """What BM25 reads."""
    field: str
    """Where BM25 reads it: `INDEXED`, or `WHOLE` for the words of a page."""
    language: str

    @property
    def required_vectors(self) -> Iterator[RequiredVector]:
        """The vectors of the point; none for the words of a page."""
        if self.text:
            name = TEXT_VECTOR if self.payload["modality"] == "text" else DESCRIPTION_VECTOR
            yield RequiredVector(name, self.payload["content_hash"], self.text)
        if "pixels_hash" in self.payload:
            yield RequiredVector(VISUAL_VECTOR, self.payload["pixels_hash"], ImageFile(**self.payload["image"]))

    def stored_payload(self, generation: int) -> Payload:
        """The payload as it is written."""
        read = {self.field: analyse(self.words, self.language)}
        if self.field == PAGE_WORDS:
            read["headings"] = analyse("\n".join(self.payload["headings"]), self.language)
        return {**self.payload, **read, "generation": generation}


class DocumentDrafts(NamedTuple):
    """The drafts of one document, by collection."""

    text: list[PointDraft]
    images: list[PointDraft]


def document_id(uri: str) -> str:
    return str(uuid.uuid5(NAMESPACE, uri))


def draft_points(
    extraction: Extraction, reading: EncodingConfig, captions: Sequence[ModelCaption] = ()
) -> DocumentDrafts:
    """A draft for every passage, every picture, and the words of every page.

    `captions`: what a vision model says of the pictures, one each; empty: none was asked.
    """
    source = extraction.source
    common = {
        "document_id": document_id(source.uri),
        "document": source.name,
        "uri": source.uri,
        "title": extraction.title or source.title,
        "fields": dict(source.fields),
        # The engine cannot match booleans, so the fields that are true are listed by name.
        "flags": sorted(name for name, value in source.fields.items() if value is True),
    }
    shift = extraction.shift
    text = [{**common, "modality": "text", **_passage(one), **_folio(one.page, shift)} for one in extraction.passages]
    told = captions or [ModelCaption()] * len(extraction.pictures)
    images = [
        {**common, "modality": "image", **_picture(picture), **_folio(picture.page, shift), **_told(caption)}
        for picture, caption in zip(extraction.pictures, told, strict=True)
    ]
    return _drafts(text, images, reading)


def redraft_points(text: Sequence[Payload], images: Sequence[Payload], reading: EncodingConfig) -> DocumentDrafts:
    """The drafts of one document from the payloads of its points, to be read in another way."""
    return _drafts(_bare(text), _bare(images), reading)


def _bare(payloads: Sequence[Payload]) -> list[Payload]:
    parts = [payload for payload in payloads if PAGE_WORDS not in payload]
    return [{name: value for name, value in part.items() if name not in DERIVED_FIELDS} for part in parts]


def _drafts(text: Sequence[Payload], images: Sequence[Payload], reading: EncodingConfig) -> DocumentDrafts:
    seen = Counter[str]()

    def draft(parts: Payload, text: str, words: str, field: str) -> PointDraft:
        payload = {**parts, "content_hash": _hash([reading.encoder, text or words])}
        if reading.images and "image" in parts:
            payload["pixels_hash"] = _hash([reading.images, parts["image"]["sha256"]])
        identity = _hash([payload, reading.language])
        seen[identity] += 1  # a line printed twice in one place is two points
        point = uuid.uuid5(uuid.UUID(payload["document_id"]), f"{identity}#{seen[identity]}")
        return PointDraft(str(point), payload, text, words, field, reading.language)

    passages = [draft(parts, text_to_encode(parts), own_text(parts), INDEXED) for parts in text]
    pages = [draft(parts, "", words, PAGE_WORDS) for parts, words in _pages(text, images)]
    return DocumentDrafts(
        passages + pages, [draft(parts, text_to_encode(parts), own_text(parts), INDEXED) for parts in images]
    )


def _pages(text: Sequence[Payload], images: Sequence[Payload]) -> Iterator[tuple[Payload, str]]:
    """Every page with all the words on it: evidence for what lies there, never a hit itself.

    A page's own image repeats the words of its parts, so it counts only where there are no others.
    """
    own: dict[int, list[str]] = defaultdict(list)
    whole: dict[int, list[str]] = defaultdict(list)
    parts: dict[int, list[Payload]] = defaultdict(list)
    for part in text:
        own[part["page"]] += [*part["heading"][-1:], part["caption"], part["text"]]
    for part in images:
        pages = whole if part["kind"] in ("page", "slide") else own
        pages[part["page"]] += [part["caption"], part.get("model_caption", ""), part["words"]]
    for part in (*text, *images):
        parts[part["page"]].append(part)
    shared = {
        name: value for part in (*text[:1], *images[:1]) for name, value in part.items() if name in DOCUMENT_FIELDS
    }
    for page in sorted(own.keys() | whole.keys()):
        words = "\n".join(sorted(filter(None, own[page] or whole[page])))  # a store gives parts in no order
        if words:
            about = {"last": page == max(parts), **_about(parts[page])}
            yield {**shared, "modality": "text", "kind": "page", "page": page, **about}, words


def _about(parts: Sequence[Payload]) -> Payload:
    """What a page is known by beside its words."""
    headings = {line for part in parts for line in (*part["heading"][-1:], part["caption"]) if line}
    return {
        "headings": sorted(headings),
        "kinds": sorted({part["kind"] for part in parts if part["modality"] == "image"}),
        "labels": sorted({part["label"] for part in parts if part["label"]}),
        **{name: value for name, value in parts[0].items() if name == "folio"},
    }


def text_to_encode(payload: Payload) -> str:
    """What the encoder of texts reads of a part: what it says, under its document's title.

    BM25 reads it without the title, which tells no two parts of a document apart.
    """
    words, title = own_text(payload), payload["title"]
    if not words or title in payload["heading"] or words.startswith(title):
        return words
    return f"{title}{PATH if payload['heading'] else LINE}{words}"


def own_text(payload: Payload) -> str:
    """What a part says by itself.

    Of a passage: heading path, caption, text. Of a picture, its description: heading path, printed caption, the vision
    model's caption, words inside, sentences that refer to it.
    """
    parts = [PATH.join(payload["heading"]), payload["caption"]]
    if payload["modality"] == "text":
        parts.append(payload["text"])
    else:
        parts += [
            payload.get("model_caption", ""),
            payload["words"],
            " ".join(payload["context"])[:MAX_CONTEXT_CHARACTERS],
        ]
        if not any(parts[1:]):
            return ""  # a heading alone describes no picture
    return LINE.join(part for part in parts if part)


def _passage(passage: Passage) -> Payload:
    return {
        "kind": passage.kind,
        "page": passage.page,
        "bbox": _rounded(passage.box),
        "text": passage.text,
        "heading": list(passage.heading),
        "label": passage.label,
        "caption": passage.caption,
        "mentions": list(passage.mentions),
        "ocr": passage.ocr,
    }


def _picture(picture: Picture) -> Payload:
    return {
        # Who asks for figures means the whole of several panels, too.
        "kind": "figure" if picture.kind == "compound" else picture.kind,
        "page": picture.page,
        "bbox": _rounded(picture.box),
        "label": picture.label,
        "caption": picture.caption,
        "words": picture.words,
        "context": list(picture.context),
        "heading": list(picture.heading),
        "ocr": picture.ocr,
        "image": asdict(picture.image),
    }


def _folio(page: int, shift: int) -> Payload:
    """The number that is printed on the page, where it is another than its place in the file."""
    return {"folio": page - shift} if shift else {}


def _told(caption: ModelCaption) -> Payload:
    """Kept apart from the document's own words; a picture that was not asked about says why."""
    told = {"model_caption": caption.text, "captioned_by": caption.model, "caption_skipped": caption.skipped}
    return {name: value for name, value in told.items() if value}


def _hash(value: object) -> str:
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _rounded(box: tuple[float, float, float, float] | None) -> list[float] | None:
    return [round(float(edge), 1) for edge in box] if box else None
