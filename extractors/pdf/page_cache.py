"""A cache of extracted pages, so that a changed page costs only itself, wherever the other pages moved.

An entry is found by the objects that a page is made of, without interpreting them, and by the options. It holds what
other pages learn from this one, and the parts of the page together with all else that they depend on: which of its
elements repeat on other pages, and the captions carried over. The page number is not included.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.atomic_write import write_file
from extractors.layout.captions import Caption
from extractors.layout.page_sample import PageSample
from extractors.page import PageLayout
from extractors.pdf.annotations import read_annotations, without_fields
from extractors.pdf.page_content import PageContents
from extractors.pdf.page_extractor import PageContext, PageParts, extract_page
from extractors.pictures.store import image_path
from extractors.types import Options

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 23  # raise it when the same page is extracted differently, or when a field of `PageParts` changes

ReadLayout = Callable[[], PageLayout]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a page."""

    sample: PageSample
    facts: str
    """Hash of what else the parts depend on."""
    parts: PageParts


class PageCache:
    """The entries of the pages of one document; without a folder in `options.pages`, it keeps nothing."""

    def __init__(self, document: Any, options: Options, engine: str | None) -> None:
        # The tokenizer and the length of passages only matter after the pages have been extracted.
        own = asdict(replace(options, tokenizer=None, pages=None, max_tokens=0))
        del own["page_range"]  # the same page is the same, whichever others are read
        self._folder = options.pages
        self._base = repr((FORMAT, own, engine)).encode()
        self._contents = PageContents(document)
        self._paths: dict[int, Path] = {}
        self._entries: dict[int, Entry] = {}  # of sampled pages

    def sample(self, page: Any, number: int, read: ReadLayout) -> PageSample:
        """What is learnt from a page; `read` is called if that is not known."""
        entry = self._load(page, number, read) if self._folder else None
        if entry:
            self._entries[number] = entry
        return replace(entry.sample, number=number) if entry else PageSample.of(read())

    def extract(
        self, page: Any, number: int, read: ReadLayout, context: PageContext, carried: Sequence[Caption]
    ) -> PageParts:
        """The parts of a page with its annotations; those of the same page are reused if they are known."""
        annotations = read_annotations(page, number)  # before the page is turned
        parts = self._find(page, number, read, context, carried)
        if not parts:
            layout = read()
            parts = extract_page(page, without_fields(layout, annotations), context, carried)
            if self._folder and not parts.problems and not parts.notes:  # what failed may succeed the next time
                self._keep(number, PageSample.of(layout), parts, context, carried)
        parts.annotations = annotations
        return parts

    def _find(
        self, page: Any, number: int, read: ReadLayout, context: PageContext, carried: Sequence[Caption]
    ) -> PageParts | None:
        if not self._folder:
            return None
        with context.timer.stage("reuse"):
            entry = self._entries.pop(number, None) or self._load(page, number, read)
            if (
                entry
                and entry.facts == _facts(entry.sample, number, context, carried)
                and _has_pictures(entry, context)
            ):
                with contextlib.suppress(OSError):
                    os.utime(self._paths[number])  # a sweep spares recent files
                return _renumber(entry.parts, number)
        return None

    def _keep(
        self, number: int, sample: PageSample, parts: PageParts, context: PageContext, carried: Sequence[Caption]
    ) -> None:
        entry = Entry(sample, _facts(sample, number, context, carried), parts)
        with contextlib.suppress(OSError):  # a full disk costs the reuse, not the page
            write_file(self._paths[number], entry_type().dump_json(entry))

    def _load(self, page: Any, number: int, read: ReadLayout) -> Entry | None:
        assert self._folder
        if number not in self._paths:  # before the page is turned
            key = hashlib.sha256(self._base + self._contents.digest(page, read)).hexdigest()
            self._paths[number] = self._folder / key[:2] / f"{key}.json"
        try:
            return entry_type().validate_json(self._paths[number].read_bytes())
        except (OSError, ValueError):
            return None


def _facts(sample: PageSample, number: int, context: PageContext, carried: Sequence[Caption]) -> str:
    captions = [replace(caption, page=caption.page - number, lines=frozenset()) for caption in carried]
    facts = repr((context.furniture.facts(sample), captions))
    return hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()


def _has_pictures(entry: Entry, context: PageContext) -> bool:
    """Whether all its pictures are in the picture store; marks them as used."""
    try:
        for picture in entry.parts.pictures:
            os.utime(image_path(picture.image, context.pictures))
    except OSError:
        return False
    return True


def _renumber(parts: PageParts, number: int) -> PageParts:
    shift = number - parts.number
    return replace(
        parts,
        number=number,
        paragraphs=[replace(paragraph, page=paragraph.page + shift) for paragraph in parts.paragraphs],
        pictures=[replace(picture, page=picture.page + shift) for picture in parts.pictures],
        unmatched_captions=tuple(replace(caption, page=caption.page + shift) for caption in parts.unmatched_captions),
    )


@cache
def entry_type() -> TypeAdapter[Entry]:
    """How parts are written and read; building it takes 0.1 s."""
    from pydantic import TypeAdapter

    return TypeAdapter(Entry)
