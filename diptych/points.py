"""Parts of a document -> points: what is stored, what is encoded, and under which identity.

A point's id is made from everything in its payload, so a point never changes: another content is another point.
`content_hash` covers only what is encoded, so that a vector is reused when merely the page or the place has moved.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from diptych.index import INDEXED, Payload
from extractors.types import Extraction, Passage, Picture, Source

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


def text_drafts(extraction: Extraction, encoder: str) -> list[Draft]:
    """One draft a passage, in order. `encoder`: fingerprint of what will encode it."""
    payloads = []
    for passage in extraction.passages:
        payload = {
            **_common(extraction, "text", passage.kind, encoder, encoded_passage(passage)),
            "page": passage.page,
            "bbox": _rounded(passage.box),
            "text": passage.text,
            "heading": list(passage.heading),
            "label": passage.label,
            "caption": passage.caption,
            "mentions": list(passage.mentions),
            "ocr": passage.ocr,
        }
        payloads.append(payload)
    return _drafts(extraction.source, payloads)


def image_drafts(extraction: Extraction, encoder: str) -> list[Draft]:
    """One draft a picture, in order. `encoder`: fingerprint of what will encode its description."""
    payloads = []
    for picture in extraction.pictures:
        payload = {
            **_common(extraction, "image", picture.kind, encoder, description(picture)),
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
        payloads.append(payload)
    return _drafts(extraction.source, payloads)


def _common(extraction: Extraction, modality: str, kind: str, encoder: str, encoded: str) -> Payload:
    source = extraction.source
    return {
        "document_id": document_id(source.uri),
        "document": source.name,
        "uri": source.uri,
        "title": extraction.title or source.title,
        "modality": modality,
        "kind": kind,
        "content_hash": _hash([encoder, encoded]),
        INDEXED: encoded,
        "fields": dict(source.fields),
        # The engine cannot match booleans, so the fields that are true are listed by name.
        "flags": sorted(name for name, value in source.fields.items() if value is True),
    }


def _drafts(source: Source, payloads: Sequence[Payload]) -> list[Draft]:
    """Ids from the payloads; equal payloads (a line printed twice in one place) are told apart by their order."""
    drafts, seen = [], Counter[str]()
    space = uuid.UUID(document_id(source.uri))
    for payload in payloads:
        identity = _hash(payload)
        drafts.append(Draft(str(uuid.uuid5(space, f"{identity}#{seen[identity]}")), payload, payload[INDEXED]))
        seen[identity] += 1
    return drafts


def _hash(value: object) -> str:
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _rounded(box: tuple[float, float, float, float] | None) -> list[float] | None:
    return [round(float(edge), 1) for edge in box] if box else None
