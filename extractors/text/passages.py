"""Cutting paragraphs and tables into passages of bounded length, each of one page and under one heading path."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import groupby, pairwise
from math import ceil
from pathlib import Path
from typing import NamedTuple

from extractors.geometry import merge_boxes
from extractors.layout.labels import mentioned_labels
from extractors.scripts import SYLLABLES
from extractors.table_grid import MAX_REPEATED_WORDS, body_rows, markdown_header, markdown_row, split_rows
from extractors.text.headings import HeadedParagraph, HeadingPath
from extractors.text.paragraphs import is_unspaced, join_lines
from extractors.text.sentences import split_sentences
from extractors.types import Box, Options, Passage, TableGrid

LETTERS_PER_TOKEN = 5  # for the estimate: a word is one token, and one more for every five letters after the first
KNOWN_LENGTHS = 1 << 14  # texts whose tokens are not counted again: sentences are counted when cut and when grouped
SPECIAL_TOKENS = 2  # tokens that an encoder adds around every text
MAX_PATH_SHARE = 0.33  # share of a passage that its heading path may take, which every passage of the section repeats
MIN_ROOM = 16  # tokens left for the text, however long heading path and caption are
# Shares that avoid short remainders: a passage ends at its target length only if this share of the limit follows. It
# ends at a paragraph from the second share of its target on, if the third share of the target follows.
MIN_REST, EARLY_CUT, MIN_AFTER_EARLY_CUT = 0.3, 0.75, 0.5

MIN_TABLE_ROOM = 0.3  # share of the limit left for rows below a long header
MAX_ROW_LENGTH = 2  # limits; longer rows of a table are cut, shorter ones stay whole

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Returns the number of tokens of each text, without the special ones around it."""

# Punctuation marks and CJK characters are tokens of their own.
_PIECE = re.compile(rf"[{SYLLABLES}]|[^\W_]+|[^\w\s]|_")
_SEPARATOR = re.compile(r"[|\s:-]+")
_CELL_BORDER = re.compile(r"(?:\s*(?<!\\)\|\s*)+")


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    tokens: int
    box: Box
    ocr: bool
    starts_paragraph: bool


class _TableLine(NamedTuple):
    text: str
    row: int | None
    """None for notes."""
    starts_group: bool


@dataclass(frozen=True, slots=True)
class PassageLimit:
    """How long a passage may be, with its heading path, in tokens of the text encoder."""

    max_tokens: int
    count: TokenCounter

    @classmethod
    def of(cls, options: Options) -> PassageLimit:
        return cls(options.max_tokens, token_counter(options.tokenizer))

    def room(self, path: HeadingPath, caption: str = "") -> int:
        """Tokens left for the text of a passage."""
        return max(MIN_ROOM, self.max_tokens - SPECIAL_TOKENS - sum(self.count([" > ".join(path), caption])))

    def shorten_path(self, path: HeadingPath) -> HeadingPath:
        """Drop the outermost headings until the path takes no more than its share."""
        max_tokens = MAX_PATH_SHARE * self.max_tokens
        while len(path) > 1 and self.count([" > ".join(path)])[0] > max_tokens:
            path = path[1:]
        if path and self.count([path[0]])[0] > max_tokens:
            return (path[0][: int(2 * max_tokens)].rsplit(" ", 1)[0],)
        return path

    def shorten_caption(self, caption: str) -> str:
        """Keep the first sentences, up to half a passage; the table's picture has the caption in full."""
        kept, room = [], self.max_tokens // 2
        for sentence in split_sentences(caption):
            room -= self.count([sentence])[0]
            if room < 0:
                break
            kept.append(sentence)
        return " ".join(kept) or " ".join(caption.split()[: self.max_tokens // 4])


def build_passages(
    paragraphs: Sequence[HeadedParagraph],
    limit: PassageLimit,
    known: Set[str] = frozenset(),
    tables: Iterable[tuple[int, HeadingPath]] = (),
) -> list[Passage]:
    """Return the text passages of a document in reading order.

    `known` are the document's words (see `join_lines`), `tables` the page and heading path of every table. Headings
    without text or a table below them on their page become passages of their own.
    """
    passages: list[Passage] = []
    content = [(item.paragraph.page, item.path) for item in paragraphs if not item.is_heading]
    with_content = {(page, path[:depth]) for page, path in (*content, *tables) for depth in range(1, len(path) + 1)}
    bare: list[HeadedParagraph] = []  # headings without content, as long as they are siblings

    def add_section(items: Sequence[HeadedParagraph], path: HeadingPath) -> None:
        passages.extend(_section_passages(items, limit.shorten_path(path), limit, known))

    for (page, path), group in groupby(paragraphs, key=lambda item: (item.paragraph.page, item.path)):
        items = list(group)
        text = [item for item in items if not item.is_heading]
        if bare and (text or bare[0].paragraph.page != page or bare[0].path[:-1] != path[:-1]):
            add_section(bare, bare[0].path[:-1])
            bare = []
        if text:
            add_section(text, path)
        elif (page, path) not in with_content:
            bare += items
    if bare:
        add_section(bare, bare[0].path[:-1])
    return passages


def table_passages(grid: TableGrid, table: Passage, limit: PassageLimit, notes: str = "") -> list[Passage]:
    """Return a table as Markdown and grid, in parts with its header each; `table` has everything else.

    Parts end where a row group ends if they can; `notes` follow the last row. Padding does not count. A long header
    leaves at least `MIN_TABLE_ROOM` of the limit for rows."""
    table = replace(table, heading=limit.shorten_path(table.heading), caption=limit.shorten_caption(table.caption))
    head = markdown_header(grid)
    free = limit.room(table.heading, table.caption) - limit.count([without_padding(head[0])])[0]
    room = max(free, round(MIN_TABLE_ROOM * limit.max_tokens))
    lines = list(_table_lines(grid, round(MAX_ROW_LENGTH * limit.max_tokens), limit.count))
    lines += [_TableLine(text, None, False) for text in _cut_to_fit(notes, room, limit.count) if text]
    lengths = limit.count([without_padding(line.text) for line in lines])
    parts = _split_evenly(list(zip(lines, lengths, strict=True)), room)
    rows = [{line.row for line in part if line.row is not None} for part in parts]
    grids = split_rows(grid, rows) if len(parts) > 1 else [grid]
    return [
        replace(
            table,
            text="\n".join([*head, *(_with_label(line, own) for line in part[:1]), *(line.text for line in part[1:])]),
            table=own,
            mentions=mentioned_labels("\n".join(line.text for line in part)),
        )
        for part, own in zip(parts, grids, strict=True)
    ]


def _with_label(line: _TableLine, grid: TableGrid) -> str:
    """The first line of a part, with the label that its grid repeats."""
    first = next(iter(body_rows(grid).values()), [""])
    return re.sub(r"^\|  (?=\|)", lambda _: markdown_row(first[:1])[:-1], line.text)


def _table_lines(grid: TableGrid, longest: int, count: TokenCounter) -> Iterator[_TableLine]:
    """The rows of the body as Markdown; the texts of one longer than `longest` tokens are spread over several."""
    group = 0
    for row, texts in body_rows(grid).items():
        before, group = group, bisect_right(grid.groups, row)
        starts_group = group > before
        pieces = ceil(count([without_padding(markdown_row(texts))])[0] / longest) or 1
        cut = [_cut_evenly(text, pieces) for text in texts] if pieces > 1 else [[text] for text in texts]
        if len(texts[0].split()) <= MAX_REPEATED_WORDS:
            cut[0] = [texts[0]] * pieces
        for piece in zip(*cut, strict=True):
            yield _TableLine(markdown_row(piece), row, starts_group)
            starts_group = False


def _cut_evenly(text: str, pieces: int) -> list[str]:
    """The words of a text in so many pieces of similar length."""
    words = text.split()
    cuts = [round(n * len(words) / pieces) for n in range(pieces + 1)]
    return [" ".join(words[first:end]) for first, end in pairwise(cuts)]


def without_padding(markdown: str) -> str:
    """The words of a Markdown table, which are what is encoded."""
    lines = (line for line in markdown.splitlines() if not _SEPARATOR.fullmatch(line))
    return "\n".join(_CELL_BORDER.sub(" ", line).strip() for line in lines)


def _split_evenly(lines: Sequence[tuple[_TableLine, int]], room: int) -> list[list[_TableLine]]:
    """Runs of lines of similar length, none longer than `room` tokens, preferably cut between row groups."""
    left = sum(length for _, length in lines)
    target = left / max(1, ceil(left / max(room, 1)))
    parts: list[list[_TableLine]] = [[]]
    used = 0
    for line, length in lines:
        too_long = used + length > room or used + length / 2 > target
        at_group = line.starts_group and used > EARLY_CUT * target and left > MIN_AFTER_EARLY_CUT * target
        if parts[-1] and (too_long or at_group):
            parts.append([])
            target, used = left / max(1, ceil(left / max(room, 1))), 0
        parts[-1].append(line)
        used += length
        left -= length
    return parts


def _section_passages(
    items: Sequence[HeadedParagraph], path: HeadingPath, limit: PassageLimit, known: Set[str]
) -> Iterator[Passage]:
    room = limit.room(path)
    doubtful = dict.fromkeys(word for item in items for word in item.paragraph.doubtful)
    for sentences in _group_sentences(list(_sentences(items, room, limit.count, known)), room):
        text = sentences[0].text
        for sentence in sentences[1:]:
            space = "" if is_unspaced(text, sentence.text) else " "
            text += ("\n" if sentence.starts_paragraph else space) + sentence.text
        words = frozenset(text.split())
        yield Passage(
            text=text,
            page=items[0].paragraph.page,
            box=merge_boxes([sentence.box for sentence in sentences]),
            heading=path,
            mentions=mentioned_labels(text),
            ocr=any(sentence.ocr for sentence in sentences),
            doubtful=tuple(word for word in doubtful if word in words),
        )


def _sentences(
    items: Sequence[HeadedParagraph], room: int, count: TokenCounter, known: Set[str]
) -> Iterator[_Sentence]:
    for paragraph in (item.paragraph for item in items):
        whole = paragraph.lines if paragraph.verbatim else split_sentences(join_lines(paragraph.lines, known))
        texts = [part for text in whole for part in _cut_to_fit(text, room, count)]
        for number, (text, tokens) in enumerate(zip(texts, count(texts), strict=True)):
            starts_line = number == 0 or paragraph.verbatim
            yield _Sentence(text, tokens, paragraph.box, paragraph.ocr, starts_paragraph=starts_line)


def _cut_to_fit(text: str, room: int, count: TokenCounter) -> list[str]:
    """Cut a sentence that is longer than a passage between clauses, else between words, else anywhere."""
    if count([text])[0] <= room:
        return [text]
    words = text.split()
    if len(words) == 1:
        half = len(text) // 2
        return [*_cut_to_fit(text[:half], room, count), *_cut_to_fit(text[half:], room, count)] if half else [text]
    middle = len(words) // 2
    clauses = [n for n, word in enumerate(words[:-1], 1) if word[-1] in ",;:)"]
    near = [n for n in clauses if len(words) / 4 <= n <= 3 * len(words) / 4]
    cut = min(near, key=lambda n: abs(n - middle)) if near else middle
    return [*_cut_to_fit(" ".join(words[:cut]), room, count), *_cut_to_fit(" ".join(words[cut:]), room, count)]


def _group_sentences(sentences: Sequence[_Sentence], room: int) -> Iterator[list[_Sentence]]:
    """Runs of sentences of similar length, as few as `room` tokens allow, preferably cut between paragraphs."""
    left = sum(sentence.tokens for sentence in sentences)
    target = left / max(1, ceil(left / room))
    group: list[_Sentence] = []
    used = 0
    for sentence in sentences:
        too_long = used + sentence.tokens > room
        # Half a sentence above the target is closer to it than half a sentence below.
        reached = used + sentence.tokens / 2 > target and left - used > MIN_REST * room
        at_paragraph = sentence.starts_paragraph and used > EARLY_CUT * target
        if group and (too_long or reached or (at_paragraph and left - used > MIN_AFTER_EARLY_CUT * target)):
            yield group
            left -= used
            target = left / max(1, ceil(left / room))
            group, used = [], 0
        group.append(sentence)
        used += sentence.tokens
    if group:
        yield group


def token_counter(tokenizer: Path | None) -> TokenCounter:
    """Return a counter that uses the file `tokenizer.json`, or an estimate without one."""
    return estimate_tokens if tokenizer is None else _exact_counter(tokenizer)


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    return [sum(1 + (len(piece) - 1) // LETTERS_PER_TOKEN for piece in _PIECE.findall(text)) for text in texts]


@cache
def _exact_counter(path: Path) -> TokenCounter:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    @lru_cache(maxsize=KNOWN_LENGTHS)
    def tokens(text: str) -> int:
        # One by one: the library's batches start threads, which do not survive a fork.
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return lambda texts: [tokens(text) for text in texts]
