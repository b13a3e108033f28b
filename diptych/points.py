"""Parts of a document -> points: what is stored, what is encoded, and under which identity.

A point's id is made from everything in its payload, so a point never changes: another content is another point.
`content_hash` covers only what is encoded, so that a vector is reused when merely the page or the place has moved.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from diptych.index import INDEXED, NAMESPACE, WHOLE, Payload
from diptych.words import analyse
from extractors.types import Extraction, Passage, Picture

PAGE = "page"
"""Kind of the text points that hold a whole page's words."""
DERIVED = ("content_hash", INDEXED, "generation")
"""Payload fields that follow from the others, the encoder and the run."""
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


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts are read: by which encoder, and in which language their words are stemmed."""

    encoder: str
    """Its fingerprint."""
    language: str = "english"


def text_drafts(extraction: Extraction, reading: Reading) -> list[Draft]:
    """One draft a passage, in order."""
    common = _common(extraction, "text")
    return drafts_of([{**common, **_passage(passage)} for passage in extraction.passages], reading)


def image_drafts(extraction: Extraction, reading: Reading) -> list[Draft]:
    """One draft a picture, in order."""
    common = _common(extraction, "image")
    return drafts_of([{**common, **_picture(picture)} for picture in extraction.pictures], reading)


def page_drafts(extraction: Extraction, reading: Reading) -> list[Draft]:
    """One draft a page with any words: all that stands on it, as evidence for what lies there; never a hit itself.

    A page's own image repeats the words of its parts, so it counts only where there are no others.
    """
    common = _common(extraction, "text")
    own: dict[int, list[str]] = defaultdict(list)
    whole: dict[int, list[str]] = defaultdict(list)
    for passage in extraction.passages:
        own[passage.page] += [*passage.heading[-1:], passage.caption, passage.text]
    for picture in extraction.pictures:
        pages = whole if picture.kind in ("page", "slide") else own
        pages[picture.page] += [picture.caption, picture.words]
    drafts = []
    for page in sorted(own.keys() | whole.keys()):
        words = analyse("\n".join(own[page] or whole[page]), reading.language)
        if words:
            drafts.append(_draft({**common, "kind": PAGE, "page": page, WHOLE: words}, "", 0))
    return drafts


def drafts_of(payloads: Sequence[Payload], reading: Reading) -> list[Draft]:
    """The drafts of one document and modality from what is known of its parts; also from payloads as stored."""
    drafts, seen = [], Counter[str]()
    for known in payloads:
        if known["kind"] == PAGE and known["modality"] == "text":
            drafts.append(_draft({k: v for k, v in known.items() if k != "generation"}, "", 0))
            continue
        parts = {name: value for name, value in known.items() if name not in DERIVED}
        text = encoded(parts)
        payload = {
            **parts,
            "content_hash": _hash([reading.encoder, text]),
            INDEXED: analyse(text, reading.language),
        }
        identity = _hash(payload)
        drafts.append(_draft(payload, text, seen[identity]))  # a line printed twice in one place is two points
        seen[identity] += 1
    return drafts


def _draft(payload: Payload, text: str, earlier: int) -> Draft:
    """`earlier`: how many equal payloads came before it."""
    name = f"{_hash(payload)}#{earlier}"
    return Draft(str(uuid.uuid5(uuid.UUID(payload["document_id"]), name)), payload, text)


def encoded(payload: Payload) -> str:
    """What the text encoder reads of a part.

    Of a passage: heading path, caption, text. Of a picture, its description, the document's own words: heading path,
    printed caption, words inside, sentences that refer to it.
    """
    parts = [" > ".join(payload["heading"]), payload["caption"]]
    if payload["modality"] == "text":
        parts.append(payload["text"])
    else:
        parts += [payload["words"], " ".join(payload["context"])[:CONTEXT_CHARACTERS]]
        if not any(parts[1:]):
            return ""  # a heading alone describes no picture
    return "\n".join(part for part in parts if part)


def _common(extraction: Extraction, modality: str) -> Payload:
    source = extraction.source
    return {
        "document_id": document_id(source.uri),
        "document": source.name,
        "uri": source.uri,
        "title": extraction.title or source.title,
        "modality": modality,
        "fields": dict(source.fields),
        # The engine cannot match booleans, so the fields that are true are listed by name.
        "flags": sorted(name for name, value in source.fields.items() if value is True),
    }


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


def _hash(value: object) -> str:
    canonical = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _rounded(box: tuple[float, float, float, float] | None) -> list[float] | None:
    return [round(float(edge), 1) for edge in box] if box else None
