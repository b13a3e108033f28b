"""From the parts of a document to points: their ids, their payloads and the text to encode.

A point's id is a hash of everything it says, so points never change: other content has another id. `content_hash`
only covers the text that is encoded, so a vector is reused when just the page or the place has changed.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from diptych.captioners.caption import ModelCaption
from diptych.store.languages import AUTO, detect_language
from diptych.store.page_words import page_payloads
from diptych.store.terms import analyse
from diptych.store.types import (
    DESCRIPTION_VECTOR,
    INDEXED,
    NAMESPACE,
    PAGE_VECTOR,
    PAGE_WORDS,
    TEXT_VECTOR,
    VISUAL_VECTOR,
    Payload,
)
from extractors.table_grid import table_json
from extractors.types import WHOLE_KINDS, Extraction, ImageFile, Passage, Picture, TableGrid

DERIVED_FIELDS = ("content_hash", "pixels_hash", "page_hash", INDEXED, "generation", "language")
"""Payload fields computed from the others, the encoder and the run."""
MAX_CONTEXT_CHARACTERS = 1200
"""Longest part of the sentences that refer to a picture in its description: more would drown the caption."""
MAX_TITLE_WORDS = 8
"""Of a title above what is encoded: those of articles have up to 25, which every passage would repeat."""
MAX_TABLE_CELLS, MAX_TABLE_CHARACTERS = 2000, 20_000
"""Size of a grid in a payload; a passage of 256 tokens has about 100 cells and 2000 characters of JSON."""
PAGE_KINDS = (*WHOLE_KINDS, "photo")
"""Pictures that a page encoder encodes: they show everything on a page."""
HEADING_SEPARATOR, LINE_SEPARATOR = " > ", "\n"


@dataclass(frozen=True, slots=True)
class EncodingConfig:
    """The encoders and the language that a store is bound to."""

    encoder: str
    """Fingerprint of the text encoder."""
    language: str = "english"
    """In which BM25 stems words; `auto`: in the language of each document."""
    images: str = ""
    """Fingerprint of the image encoder; empty: there is none."""
    pages: str = ""
    """Fingerprint of the page encoder; empty: there is none."""

    def __str__(self) -> str:
        pixels = "".join(f" and {one}" for one in (self.images, self.pages) if one)
        return f"{self.encoder}{pixels} ({self.language})"


class RequiredVector(NamedTuple):
    """A vector that a point must have."""

    vector: str
    """Its name."""
    hash: str
    """Of the content and the encoder."""
    content: str | ImageFile


@dataclass(frozen=True, slots=True)
class PointDraft:
    """A point without its vectors, its generation and its BM25 stems."""

    id: str
    payload: Payload
    text: str
    """To be encoded; empty: the point has no text vector."""
    words: str
    """For BM25."""
    words_field: str
    """Payload field for `words`: `INDEXED`, or `PAGE_WORDS` for the words of a page."""
    language: str

    @property
    def required_vectors(self) -> Iterator[RequiredVector]:
        """None for the words of a page."""
        if self.text:
            name = TEXT_VECTOR if self.payload["modality"] == "text" else DESCRIPTION_VECTOR
            yield RequiredVector(name, self.payload["content_hash"], self.text)
        if "pixels_hash" in self.payload:
            yield RequiredVector(VISUAL_VECTOR, self.payload["pixels_hash"], ImageFile(**self.payload["image"]))
        if "page_hash" in self.payload:
            yield RequiredVector(PAGE_VECTOR, self.payload["page_hash"], ImageFile(**self.payload["image"]))

    def stored_payload(self, generation: int) -> Payload:
        stems = {self.words_field: analyse(self.words, self.language)}
        if self.words_field == PAGE_WORDS:
            stems["headings"] = analyse("\n".join(self.payload["headings"]), self.language)
        return {**self.payload, **stems, "generation": generation}


class DocumentDrafts(NamedTuple):
    """The drafts of one document, by collection."""

    text: list[PointDraft]
    images: list[PointDraft]

    @property
    def language(self) -> str:
        """The language of the document; empty if it has no parts."""
        return next((draft.language for draft in (*self.text, *self.images)), "")


def document_id(uri: str) -> str:
    return str(uuid.uuid5(NAMESPACE, uri))


def draft_points(
    extraction: Extraction, config: EncodingConfig, captions: Sequence[ModelCaption] = ()
) -> DocumentDrafts:
    """A draft for every passage, every picture and the words of every page.

    `captions`: model captions, one per picture; empty if no captioner is configured.
    """
    source = extraction.source
    common: Payload = {
        "document_id": document_id(source.uri),
        "document": source.name,
        "uri": source.uri,
        "title": extraction.title or source.title,
        "fields": dict(source.fields),
        **({} if extraction.paged else {"paged": False}),
        # The engine cannot match booleans, so the names of true fields are listed.
        "flags": sorted(name for name, value in source.fields.items() if value is True),
    }
    if lists := sorted(name for name, value in source.fields.items() if isinstance(value, list)):
        common["lists"] = lists
    shift = extraction.shift
    text = [
        {**common, "modality": "text", **_passage_payload(passage), **_folio(passage.page, shift)}
        for passage in extraction.passages
    ]
    captions = captions or [ModelCaption()] * len(extraction.pictures)
    images = [
        {**common, "modality": "image", **_picture_payload(picture), **_folio(picture.page, shift), **_caption(caption)}
        for picture, caption in zip(extraction.pictures, captions, strict=True)
    ]
    return _drafts_from_payloads(text, images, config)


def redraft_points(text: Sequence[Payload], images: Sequence[Payload], config: EncodingConfig) -> DocumentDrafts:
    """The drafts of one document from the payloads of its stored points, for other encoders or another language."""
    return _drafts_from_payloads(_without_derived_fields(text), _without_derived_fields(images), config)


def _without_derived_fields(payloads: Sequence[Payload]) -> list[Payload]:
    parts = [payload for payload in payloads if PAGE_WORDS not in payload]
    return [{name: value for name, value in part.items() if name not in DERIVED_FIELDS} for part in parts]


def _drafts_from_payloads(text: Sequence[Payload], images: Sequence[Payload], config: EncodingConfig) -> DocumentDrafts:
    seen, language = Counter[str](), config.language
    if language == AUTO:
        language = detect_language("\n".join(map(own_text, (*text, *images))))
        text, images = ([{**part, "language": language} for part in parts] for parts in (text, images))

    def draft(part: Payload, text: str, words: str, words_field: str) -> PointDraft:
        payload = {**part, "content_hash": _hash([config.encoder, text or words])}
        if config.images and "image" in part:
            payload["pixels_hash"] = _hash([config.images, part["image"]["sha256"]])
        if config.pages and part["kind"] in PAGE_KINDS and "image" in part:
            payload["page_hash"] = _hash([config.pages, part["image"]["sha256"]])
        identity = _hash([payload, config.language])
        seen[identity] += 1  # a line printed twice in one place is two points
        point = uuid.uuid5(uuid.UUID(payload["document_id"]), f"{identity}#{seen[identity]}")
        return PointDraft(str(point), payload, text, words, words_field, language)

    texts = _table_texts(text)
    passages = [draft(part, text_to_encode(part), own_text(part), INDEXED) for part in text]
    pages = [draft(page, "", words, PAGE_WORDS) for page, words in page_payloads(text, images)]
    pictures = [
        draft(part, texts.get(_place(part)) or text_to_encode(part), own_text(part), INDEXED) for part in images
    ]
    return DocumentDrafts(passages + pages, pictures)


def _table_texts(text: Sequence[Payload]) -> dict[object, str]:
    """Place of a table -> what is encoded of one of its passages, the same one in whatever order they come.

    The table's picture gets the vector of that passage: it has the same words, and they need not be encoded twice.
    """
    tables = sorted(
        (part for part in text if part["kind"] == "table" and part["bbox"]), key=text_to_encode, reverse=True
    )
    return {_place(part): text_to_encode(part) for part in tables}


def _place(part: Payload) -> object:
    """Of a table without a model caption, which is only in the text of its picture; else None."""
    is_table = part["kind"] == "table" and not part.get("model_caption")
    return (part["page"], *part["bbox"]) if is_table and part["bbox"] else None


def text_to_encode(payload: Payload) -> str:
    """The part's own text below the start of its document's title.

    BM25 only reads the own text: the title does not distinguish the parts of a document.
    """
    from extractors.text.passages import without_padding

    words, title = own_text(payload), payload["title"]
    if payload["kind"] == "table" and payload["modality"] == "text":
        words = without_padding(words)
    if not words or title in payload["heading"] or words.startswith(title):
        return words
    start = " ".join(title.split()[:MAX_TITLE_WORDS])
    return f"{start}{HEADING_SEPARATOR if payload['heading'] else LINE_SEPARATOR}{words}"


def encoded_text(payload: Payload, encoder: str) -> str:
    """The text of which a stored point has the vector; empty if it has that of another part, as pictures of tables."""
    text = text_to_encode(payload)
    return text if payload["content_hash"] == _hash([encoder, text]) else ""


def own_text(payload: Payload) -> str:
    """A passage's heading path, caption and text, or a picture's description.

    The description: heading path, printed caption, model caption, words inside, sentences that refer to the picture.
    """
    lines = [HEADING_SEPARATOR.join(payload["heading"]), payload["caption"]]
    if payload["modality"] == "text":
        lines.append(payload["text"])
    else:
        context = " ".join(payload["context"])[:MAX_CONTEXT_CHARACTERS]
        lines += [payload.get("model_caption", ""), payload["words"], context]
        if not any(lines[1:]):
            return ""  # a heading alone does not describe a picture
    return LINE_SEPARATOR.join(filter(None, lines))


def _passage_payload(passage: Passage) -> Payload:
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
        **({"doubtful": list(passage.doubtful)} if passage.doubtful else {}) | _table(passage.table),
    }


def _table(grid: TableGrid | None) -> Payload:
    """The grid of a table; of one that is too large only the Markdown is kept."""
    if not grid or grid.rows * grid.columns > MAX_TABLE_CELLS:
        return {}
    value = table_json(grid)
    return {"table": value} if len(json.dumps(value)) <= MAX_TABLE_CHARACTERS else {}


def _picture_payload(picture: Picture) -> Payload:
    return {
        "kind": picture.kind,
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
    """The printed page number, if it differs from the page's position in the file."""
    return {"folio": page - shift} if shift else {}


def _caption(caption: ModelCaption) -> Payload:
    """Kept apart from the document's own words; a picture without a model caption has the reason."""
    fields = {"model_caption": caption.text, "captioned_by": caption.model, "caption_skipped": caption.skipped}
    return {name: value for name, value in fields.items() if value}


def _hash(value: object) -> str:
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _rounded(box: tuple[float, float, float, float] | None) -> list[float] | None:
    return [round(float(edge), 1) for edge in box] if box else None
