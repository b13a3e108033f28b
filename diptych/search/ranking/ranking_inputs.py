"""What ranking reads of stored points: the passages and pictures found, and the pages they are on."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from diptych.store.register import DocumentRecord
from diptych.store.sections import section_number
from diptych.store.terms import analyse
from diptych.store.types import INDEXED, PAGE_WORDS, Payload
from extractors.formats import is_row
from extractors.layout.labels import figure_label

Place = tuple[str, int]
"""Document id, and page or section."""
TITLE_CHARACTERS = 100
"""Length of the beginning of a table, or of the words in its picture, that may be its title."""


class Page(NamedTuple):
    """A page with at least one part that was found. Stems are separated by spaces."""

    words: str = ""
    """Stems of all its words."""
    headings: str = ""
    """Stems of its headings and captions."""
    sections: frozenset[str] = frozenset()
    """Stems of each heading above the parts that were found on it."""
    name: str = ""
    """Stems of its document's name and title."""
    kinds: frozenset[str] = frozenset()
    """Kinds of its pictures."""
    labels: frozenset[str] = frozenset()
    """Labels of its figures and tables."""
    folio: int | None = None
    """The printed page number, if it differs from the position in the file."""
    last: bool = False
    tables: tuple[str, ...] = ()
    """Lines with the titles of the tables that were found on it."""


class Part(NamedTuple):
    """What ranking reads of a passage, a picture, or the words of a page."""

    place: Place
    modality: str
    label: str = ""
    content: str = ""
    """Its text, or the hash of its pixels."""
    stems: str = ""
    """Its words and numbers as stems."""
    kind: str = ""
    page: int = 0
    document: str = ""
    """Name of its document."""
    uri: str = ""
    copied: int = 0
    """Equal for the same content in copies of a document."""
    sections: frozenset[str] = frozenset()
    """Stems of each heading above it."""
    labels: tuple[str, ...] = ()
    """Its label, and that of the figure it is a panel of."""
    name: str = ""
    """Stems of its document's name and title."""
    folio: int | None = None
    """The printed page number, if it differs from the position in the file."""
    last: bool = False
    """Whether it is on the last page of its document, or the last with anything on it."""
    tables: tuple[str, ...] = ()
    """Lines with its title, if it is a table."""
    summary: Page | None = None
    """Of the words of a page: what is known of the page. Stores of earlier versions do not have it."""


def make_part(payload: Payload, record: DocumentRecord, language: str) -> Part:
    """`record`: that of its document; `language`: of documents without one of their own."""
    spoken = payload.get("language") or language
    last = bool(payload.get("last")) or payload["page"] == record.pages
    if PAGE_WORDS in payload:
        summary = _page_summary(payload, last=last) if "headings" in payload else None
        return Part((record.id, section_number(payload)), payload["modality"], summary=summary)
    content, label = part_content(payload), payload["label"]
    return Part(
        place=(record.id, section_number(payload)),
        modality=payload["modality"],
        label=label,
        content=content,
        stems=payload[INDEXED],
        kind=payload["kind"],
        page=payload["page"],
        document=record.name,
        uri=record.uri,
        copied=hash((payload["modality"], payload["content_hash"], content if "image" in payload else "")),
        sections=_path_stems(tuple(payload["heading"]), spoken),
        labels=(label, figure_label(label)) if label else (),
        name=_name_stems(record.name, payload["title"], spoken),
        folio=payload.get("folio"),
        last=last,
        tables=_table_titles(payload) if payload["kind"] == "table" else (),
    )


def part_content(payload: Payload) -> str:
    return str(payload["image"]["sha256"] if "image" in payload else payload["text"])


def _page_summary(payload: Payload, *, last: bool) -> Page:
    return Page(
        words=payload[PAGE_WORDS],
        headings=payload["headings"],
        kinds=frozenset(payload["kinds"]),
        labels=frozenset(payload["labels"]),
        folio=payload.get("folio"),
        last=last,
    )


def best_on_pages(scores: Iterable[Mapping[str, float]], parts: Mapping[str, Part]) -> dict[Place, float]:
    """The best score of the parts of each page; `scores` are by id."""
    best: dict[Place, float] = {}
    for id_, score in chain.from_iterable(one.items() for one in scores):
        place = parts[id_].place
        best[place] = max(score, best.get(place, score))
    return best


def make_pages(parts: Iterable[Part], pages: Iterable[Part]) -> dict[Place, Page]:
    """Every page with a part that was found.

    A page is described by its own point if that is among `pages`, and otherwise by the parts found on it.
    """
    by_place: dict[Place, list[Part]] = {}
    for part in parts:
        by_place.setdefault(part.place, []).append(part)
    summaries = {page.place: page.summary for page in pages}
    return {place: _make_page(found, summaries.get(place)) for place, found in by_place.items()}


def _make_page(parts: Sequence[Part], summary: Page | None) -> Page:
    first = parts[0]
    sections, tables = first.sections, first.tables
    if len(parts) > 1:
        sections = sections.union(*[part.sections for part in parts])
        tables = tuple(chain.from_iterable([part.tables for part in parts]))
    if summary:
        words, headings, _, _, kinds, labels, folio, last, _ = summary
    else:
        words, headings = " ".join(sorted([part.stems for part in parts])), ""  # they include headings and captions
        kinds = frozenset([part.kind for part in parts if part.modality == "image"])
        labels = frozenset(chain.from_iterable([part.labels for part in parts]))
        folio, last = first.folio, first.last
    return Page(words, headings, sections, first.name, kinds, labels, folio, last, tables)


def _table_titles(part: Payload) -> tuple[str, ...]:
    words = part["text"] if part["modality"] == "text" else part["words"]
    return (part["caption"], *part["heading"][-1:], words[:TITLE_CHARACTERS])


@lru_cache(maxsize=16_384)
def _path_stems(headings: tuple[str, ...], language: str) -> frozenset[str]:
    return frozenset(analyse(heading, language) for heading in headings)


@lru_cache(maxsize=4096)
def _name_stems(document: str, title: str, language: str) -> str:
    """Stems of a document's name, without its suffix, and of its title; none of a row, whose text contains its name."""
    if is_row(document):
        return ""
    name = document.rpartition("/")[2] if document.startswith("/") else document  # other folders say nothing about it
    stem = name.rpartition(".")[0] or name
    return analyse(f"{stem.replace('_', ' ').replace('-', ' ')} {title}", language)
