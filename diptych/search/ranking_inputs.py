"""What ranking reads of stored points: the passages and pictures found, and the pages they are on."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from diptych.store.sections import section_number
from diptych.store.terms import analyse
from diptych.store.types import INDEXED, PAGE_WORDS, Payload
from extractors.formats import is_row
from extractors.layout.labels import figure_label

Place = tuple[str, int]
"""Document id, and page or section."""
TITLE_CHARACTERS = 100
"""Length of the beginning of a table, or of the words in its picture, that may be its title."""


class Part(NamedTuple):
    """A passage or picture that was found."""

    place: Place
    modality: str
    label: str = ""
    content: str = ""
    """Its text, or the hash of its pixels."""
    stems: str = ""
    """Its words and numbers as stems."""
    kind: str = ""


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


def make_part(payload: Payload) -> Part:
    content = payload["image"]["sha256"] if "image" in payload else payload["text"]
    return Part(make_place(payload), payload["modality"], payload["label"], content, payload[INDEXED], payload["kind"])


def best_on_pages(scores: Iterable[Mapping[str, float]], parts: Mapping[str, Part]) -> dict[Place, float]:
    """The best score of the parts of each page; `scores` are by id."""
    best: dict[Place, float] = {}
    for id_, score in chain.from_iterable(one.items() for one in scores):
        place = parts[id_].place
        best[place] = max(score, best.get(place, score))
    return best


def make_pages(parts: Iterable[Payload], pages: Iterable[Payload], language: str) -> dict[Place, Page]:
    """Every page with a part that was found.

    A page is described by its own point if that is among `pages`, and otherwise by the parts found on it.
    """
    by_place: dict[Place, list[Payload]] = {}
    for payload in parts:
        by_place.setdefault(make_place(payload), []).append(payload)
    page_points = {make_place(page): page for page in pages}
    return {place: _make_page(found, page_points.get(place), language) for place, found in by_place.items()}


def make_place(payload: Payload) -> Place:
    return payload["document_id"], section_number(payload)


def _make_page(parts: Sequence[Payload], page: Payload | None, language: str) -> Page:
    first = parts[0]
    spoken = first.get("language") or language
    name = _name_stems(first["document"], first["title"], spoken)
    sections = frozenset(_heading_stems(heading, spoken) for part in parts for heading in part["heading"])
    kinds, labels, tables = set[str](), set[str](), list[str]()
    for part in parts:
        if part["modality"] == "image":
            kinds.add(part["kind"])
        if label := part["label"]:
            labels |= {label, figure_label(label)}
        if part["kind"] == "table":
            tables += _table_titles(part)
    if page and "headings" in page:  # pages in older stores have words only
        first, kinds, labels = page, {*page["kinds"]}, {*page["labels"]}
        words, headings = page[PAGE_WORDS], page["headings"]
    else:  # the words of parts include headings and captions
        words, headings = " ".join(sorted(part[INDEXED] for part in parts)), ""
    about = first.get("folio"), first.get("last", False)
    return Page(words, headings, sections, name, frozenset(kinds), frozenset(labels), *about, tuple(tables))


def _table_titles(part: Payload) -> tuple[str, ...]:
    words = part["text"] if part["modality"] == "text" else part["words"]
    return (part["caption"], *part["heading"][-1:], words[:TITLE_CHARACTERS])


@lru_cache(maxsize=16_384)
def _heading_stems(heading: str, language: str) -> str:
    return analyse(heading, language)


@lru_cache(maxsize=4096)
def _name_stems(document: str, title: str, language: str) -> str:
    """Stems of a document's name, without its suffix, and of its title; none of a row, whose text contains its name."""
    if is_row(document):
        return ""
    name = document.rpartition("/")[2] if document.startswith("/") else document  # other folders say nothing about it
    stem = name.rpartition(".")[0] or name
    return analyse(f"{stem.replace('_', ' ').replace('-', ' ')} {title}", language)
