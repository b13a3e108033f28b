"""Stored points -> what the ranking reads of them: parts, and the pages that they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from diptych.search.page_signals import Page, Place
from diptych.search.result_order import Part
from diptych.store.terms import analyse
from diptych.store.types import INDEXED, PAGE_WORDS, Payload
from extractors.formats import is_row


def _place(payload: Payload) -> Place:
    return payload["document_id"], payload["page"]


def part_of(payload: Payload) -> Part:
    shown = payload["image"]["sha256"] if "image" in payload else payload["text"]
    return Part(_place(payload), payload["modality"], payload["label"], shown, payload[INDEXED])


def pages_of(parts: Iterable[Payload], pages: Iterable[Payload], language: str) -> dict[Place, Page]:
    """Every page of which a part was found; by its own point where that was found too, else by those parts."""
    gathered: dict[Place, list[Payload]] = {}
    for payload in parts:
        gathered.setdefault(_place(payload), []).append(payload)
    whole = {_place(page): page for page in pages}
    return {place: _page(held, whole.get(place), language) for place, held in gathered.items()}


def _page(parts: Sequence[Payload], whole: Payload | None, language: str) -> Page:
    first = parts[0]
    name = (
        "" if is_row(first["document"]) else _name(first["document"], first["title"], language)
    )  # a row's stands in its text
    mentions = frozenset(label for part in parts for label in part.get("mentions", ()))
    if whole and "headings" in whole:  # stores of before have pages of words alone
        kinds, labels = frozenset(whole["kinds"]), frozenset(whole["labels"])
        return Page(
            whole[PAGE_WORDS], whole["headings"], name, kinds, labels, mentions, whole.get("folio"), whole["last"]
        )
    return Page(
        " ".join(sorted(part[INDEXED] for part in parts)),  # with their headings and captions
        "",
        name,
        frozenset(part["kind"] for part in parts if part["modality"] == "image"),
        frozenset(part["label"] for part in parts if part["label"]),
        mentions,
        first.get("folio"),
    )


@lru_cache(maxsize=4096)
def _name(document: str, title: str, language: str) -> str:
    """Stems of a document's name, its suffix and dividers dropped, and title."""
    stem = document.rpartition(".")[0] or document
    return analyse(f"{stem.replace('_', ' ').replace('-', ' ')} {title}", language)
