"""Paragraphs into passages: bounded, of one page, under one heading, of whole sentences if it can be helped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from math import ceil

from extractors.geometry import merge_boxes
from extractors.layout.labels import mentioned_labels
from extractors.text.headings import HeadedParagraph, Path
from extractors.text.paragraphs import join
from extractors.text.sentences import split_sentences
from extractors.text.tokens import TokenCounter, token_counter
from extractors.types import Box, Options, Passage

_SPECIAL = 2
"""Tokens that an encoder puts around every text."""
_PATH_SHARE = 0.33
"""Most of a passage that its heading path may take."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    tokens: int
    box: Box
    ocr: bool
    opens: bool
    """True for the first of a paragraph, which is printed on a new line."""


@dataclass(frozen=True, slots=True)
class PassageLimit:
    """How long a passage may be, and how that is counted."""

    max_tokens: int
    count: TokenCounter

    @classmethod
    def of(cls, options: Options) -> PassageLimit:
        return cls(options.max_tokens, token_counter(options.tokenizer))

    def left(self, path: Path, caption: str = "") -> int:
        """Tokens left for the text below its heading path and caption."""
        above = self.count([" > ".join(path), caption])
        return max(16, self.max_tokens - _SPECIAL - sum(above))

    def fitting(self, path: Path) -> Path:
        """The path, its outermost headings dropped until it takes no more than its share."""
        while len(path) > 1 and self.count([" > ".join(path)])[0] > _PATH_SHARE * self.max_tokens:
            path = path[1:]
        if path and self.count([path[0]])[0] > _PATH_SHARE * self.max_tokens:
            return (path[0][: int(2 * _PATH_SHARE * self.max_tokens)].rsplit(" ", 1)[0],)
        return path


@dataclass(frozen=True, slots=True)
class TablePlace:
    """Where a table stands and what is printed about it."""

    page: int
    box: Box
    path: Path = ()
    label: str = ""
    caption: str = ""
    ocr: bool = False


def build_passages(
    placed: Sequence[HeadedParagraph],
    limit: PassageLimit,
    known: Set[str] = frozenset(),
    tables: Iterable[tuple[int, Path]] = (),
) -> list[Passage]:
    """The passages of one document in reading order; `tables` are the pages and heading paths that tables stand at.

    Headings without text of their own, nor any text or table below them on their page, are a passage themselves.
    """
    passages: list[Passage] = []
    under = [(item.paragraph.page, item.path) for item in placed if not item.heading]
    with_text = {(page, path[:depth]) for page, path in (*under, *tables) for depth in range(1, len(path) + 1)}
    bare: list[HeadedParagraph] = []
    for (page, path), group in groupby(placed, key=lambda item: (item.paragraph.page, item.path)):
        items = list(group)
        text = [item for item in items if not item.heading]
        if bare and (text or bare[0].paragraph.page != page or bare[0].path[:-1] != path[:-1]):
            passages += _bare(bare, limit, known)
            bare = []
        if text:
            passages += _section(text, page, limit.fitting(path), limit, known)
        elif (page, path) not in with_text:
            bare += items
    if bare:
        passages += _bare(bare, limit, known)
    return passages


def table_passages(rows: Sequence[Sequence[str]], place: TablePlace, limit: PassageLimit) -> list[Passage]:
    """A table as Markdown, its first row repeated as the header of every part."""
    path = limit.fitting(place.path)
    caption = _shortened(place.caption, limit)
    room = limit.left(path, caption)
    header, *body = [_markdown_row(row) for row in rows]
    head = [header, "|" + " --- |" * len(rows[0])]
    first = sum(limit.count(head))
    if first > room / 2:  # a header of long sentences would leave no room for what it heads
        head, body, first = [], [header, *body], 0
    lines = [part for row in body for part in _bounded(row, room - first, limit.count)]
    parts = _evenly(lines, limit.count(lines), room - first)
    return [
        Passage(
            text="\n".join([*head, *part]),
            page=place.page,
            box=place.box,
            heading=path,
            kind="table",
            label=place.label,
            caption=caption,
            mentions=mentioned_labels("\n".join(part)),
            ocr=place.ocr,
        )
        for part in parts
    ]


def _shortened(caption: str, limit: PassageLimit) -> str:
    """As many of its first sentences as take no more than half a passage; the picture keeps it in full."""
    kept, room = [], limit.max_tokens // 2
    for sentence in split_sentences(caption):
        room -= limit.count([sentence])[0]
        if room < 0:
            break
        kept.append(sentence)
    return " ".join(kept) or " ".join(caption.split()[: limit.max_tokens // 4])


def _evenly(lines: Sequence[str], lengths: Sequence[int], room: int) -> list[list[str]]:
    """Runs of lines of about the same length, none longer than `room` tokens."""
    wanted = sum(lengths) / max(1, ceil(sum(lengths) / max(room, 1)))
    parts: list[list[str]] = [[]]
    held = 0
    for line, length in zip(lines, lengths, strict=True):
        if parts[-1] and (held + length > room or held + length / 2 > wanted):
            parts.append([])
            held = 0
        parts[-1].append(line)
        held += length
    return parts


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(re.sub(r"\s+", " ", cell or "").replace("|", "\\|").strip() for cell in cells) + " |"


def _bare(headings: Sequence[HeadedParagraph], limit: PassageLimit, known: Set[str]) -> Iterator[Passage]:
    return _section(headings, headings[0].paragraph.page, limit.fitting(headings[0].path[:-1]), limit, known)


def _section(
    items: Sequence[HeadedParagraph], page: int, path: Path, limit: PassageLimit, known: Set[str]
) -> Iterator[Passage]:
    room = limit.left(path)
    parts = list(_sentences(items, room, limit.count, known))
    for chosen in _packed(parts, room):
        text = _printed(chosen)
        yield Passage(
            text=text,
            page=page,
            box=merge_boxes([sentence.box for sentence in chosen]),
            heading=path,
            mentions=mentioned_labels(text),
            ocr=any(sentence.ocr for sentence in chosen),
        )


def _sentences(
    items: Sequence[HeadedParagraph], room: int, count: TokenCounter, known: Set[str]
) -> Iterator[_Sentence]:
    for item in items:
        paragraph = item.paragraph
        texts = [part for text in split_sentences(join(paragraph.lines, known)) for part in _bounded(text, room, count)]
        for number, (text, tokens) in enumerate(zip(texts, count(texts), strict=True)):
            yield _Sentence(text, tokens, paragraph.box, paragraph.ocr, number == 0)


def _bounded(text: str, room: int, count: TokenCounter) -> list[str]:
    """A sentence longer than a passage is cut at its clauses, else between words, else anywhere."""
    if count([text])[0] <= room:
        return [text]
    words = text.split()
    if len(words) == 1:
        half = len(text) // 2
        return [*_bounded(text[:half], room, count), *_bounded(text[half:], room, count)] if half else [text]
    middle = len(words) // 2
    clauses = [n for n, word in enumerate(words[:-1], 1) if word[-1] in ",;:)"]
    near = [n for n in clauses if len(words) / 4 <= n <= 3 * len(words) / 4]
    cut = min(near, key=lambda n: abs(n - middle)) if near else middle
    return [*_bounded(" ".join(words[:cut]), room, count), *_bounded(" ".join(words[cut:]), room, count)]


def _packed(parts: Sequence[_Sentence], room: int) -> Iterator[list[_Sentence]]:
    """Runs of sentences of about the same length, as few as `room` tokens allow; rather cut between paragraphs."""
    total = sum(part.tokens for part in parts)
    wanted = total / max(1, ceil(total / room))
    chosen: list[_Sentence] = []
    held = 0
    for part in parts:
        full = held + part.tokens > room
        # Half a sentence over the mark is nearer to it than half a sentence below.
        enough = held + part.tokens / 2 > wanted and total - held > 0.3 * room
        early = part.opens and held > 0.75 * wanted and total - held > 0.5 * wanted
        if chosen and (full or enough or early):
            yield chosen
            total -= held
            wanted = total / max(1, ceil(total / room))
            chosen, held = [], 0
        chosen.append(part)
        held += part.tokens
    if chosen:
        yield chosen


def _printed(parts: Sequence[_Sentence]) -> str:
    text = parts[0].text
    for part in parts[1:]:
        text += ("\n" if part.opens else " ") + part.text
    return text
