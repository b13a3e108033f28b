"""Parts of a document -> points: what is stored, what is encoded, and under which identity.

A point's id is made from everything in its payload, so a point never changes: another content is another point.
`content_hash` covers only what is encoded, so that a vector is reused when merely the page or the place has moved.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from dataclasses import asdict, dataclass

from diptych.index import INDEXED, Payload
from diptych.words import analyse
from extractors.types import Extraction, Passage, Picture

NAMESPACE = uuid.UUID("6f9d0f3e-4c39-5d0e-9a55-2f6a54d1c7b1")
CONTEXT_CHARACTERS = 1200
"""Of the sentences that refer to a picture, how much joins its description: more would drown the caption."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A point before its vector and its generation are known."""

    id: str
    payload: Payload
    encoded: str
    """What the text encoder reads; empty: the point has no vector and is found by its page or document only."""


def document_id(uri: str) -> str:
    return str(uuid.uuid5(NAMESPACE, uri))


def encoded_passage(passage: Passage) -> str:
    """The passage under its heading path and caption, as the encoder sees it."""
    return "\n".join(part for part in (" > ".join(passage.heading), passage.caption, passage.text) if part)


def description(picture: Picture) -> str:
    """The document's own words about a picture: printed caption, words inside, sentences that refer to it."""
    context = " ".join(picture.context)[:CONTEXT_CHARACTERS]
    own = [part for part in (picture.caption, picture.words, context) if part]
    return "\n".join([" > ".join(picture.heading), *own]) if picture.heading else "\n".join(own)


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts are read: by which encoder, and in which language their words are stemmed."""

    encoder: str
    """Its fingerprint."""
    language: str = "english"


def text_drafts(extraction: Extraction, reading: Reading) -> list[Draft]:
    """One draft a passage, in order."""
    drafts = _Drafts(extraction, "text", reading)
    for passage in extraction.passages:
        payload = {
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
        drafts.add(payload, encoded_passage(passage))
    return drafts.made


def image_drafts(extraction: Extraction, reading: Reading) -> list[Draft]:
    """One draft a picture, in order."""
    drafts = _Drafts(extraction, "image", reading)
    for picture in extraction.pictures:
        payload = {
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
        drafts.add(payload, description(picture))
    return drafts.made


class _Drafts:
    """Gathers the drafts of one document and modality, and gives each its identity."""

    def __init__(self, extraction: Extraction, modality: str, reading: Reading) -> None:
        source = extraction.source
        self.made: list[Draft] = []
        self._reading = reading
        self._seen = Counter[str]()
        self._space = uuid.UUID(document_id(source.uri))
        self._common: Payload = {
            "document_id": str(self._space),
            "document": source.name,
            "uri": source.uri,
            "title": extraction.title or source.title,
            "modality": modality,
            "fields": dict(source.fields),
            # The engine cannot match booleans, so the fields that are true are listed by name.
            "flags": sorted(name for name, value in source.fields.items() if value is True),
        }

    def add(self, parts: Payload, encoded: str) -> None:
        payload = {
            **self._common,
            **parts,
            "content_hash": _hash([self._reading.encoder, encoded]),
            INDEXED: analyse(encoded, self._reading.language),
        }
        identity = _hash(payload)
        self._seen[identity] += 1  # a line printed twice in one place is two points
        point = uuid.uuid5(self._space, f"{identity}#{self._seen[identity]}")
        self.made.append(Draft(str(point), payload, encoded))


def _hash(value: object) -> str:
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _rounded(box: tuple[float, float, float, float] | None) -> list[float] | None:
    return [round(float(edge), 1) for edge in box] if box else None
