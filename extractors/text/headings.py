"""Finding the headings of a document, and the heading path of every paragraph.

A paragraph is a heading by its look (larger or bolder than the body text), its numbering, or the bookmarks or
structure tags of the file.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from extractors.text.cleaning import bare_letters
from extractors.text.false_headings import drop_list_items, drop_plain_lines, find_about_title
from extractors.text.heading_form import (
    CHAPTER,
    MAX_HEADING_LENGTH,
    MAX_HEADING_LINES,
    MIN_LARGER,
    MIN_SLIGHTLY_LARGER,
    MIN_TEXT_BELOW,
    NUMBERED,
    font_style,
    has_form_of_heading,
    heading_styles,
    heading_title,
    is_in_section,
    is_numbered_below,
    is_standard_heading,
    is_wordy,
    may_be_heading,
)
from extractors.text.numbered_headings import find_numbered_headings
from extractors.text.paragraph_starts import BULLET
from extractors.text.paragraphs import Paragraph, join_lines
from extractors.text.sentences import ends_sentence

MAX_PATH_DEPTH, MAX_PATH_ENTRY_LENGTH = 4, 150  # headings, characters of each: encoded with every passage below
MAX_SLIDE_TITLE_LENGTH = 90  # characters of the first paragraph of a slide that is its title whatever it looks like
# Font sizes against the body text; more in `heading_form`.
MIN_BODY_SIZED = 0.92  # of one in bold, italics or capitals, which may be a little smaller than the body
MIN_LARGER_OCR = 1.35  # OCR measures the letters it finds: a line without ascenders is lower
MIN_CAPITALS, MAX_CAPITALS = 5, 80  # characters of a heading in capitals
MAX_TAGGED = 0.3  # share of the text that tags may call headings; beyond it they say nothing
MIN_LINES_BELOW = 3  # of text below a heading that may end with a number, as "Analysis of complex 4" does
MIN_RUN_INS = 2  # paragraphs that begin in one font from which what they begin with are headings

HeadingPath = tuple[str, ...]
_Style = tuple[bool, float, bool, bool, bool]
"""How a paragraph looks, in an order that sorts prominent styles first."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    level: int  # from 1
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class HeadedParagraph:
    """A paragraph with its heading path."""

    paragraph: Paragraph
    path: HeadingPath  # outermost heading first; the path of a heading ends with itself
    is_heading: bool = False


def assign_headings(
    paragraphs: Sequence[Paragraph],
    bookmarks: Sequence[Bookmark] = (),
    *,
    title: str = "",
    deck: bool = False,
    known: Set[str] = frozenset(),
) -> list[HeadedParagraph]:
    """Return every paragraph with its heading path.

    The document's title is no heading, nor what stands above it, such as "Research article", nor the authors
    below; except in a deck, where every page starts a new path. `known` are the document's words (see `join_lines`).
    """
    paragraphs = _join_false_run_ins(_with_plausible_tags(paragraphs))
    body = _body_style(paragraphs)
    styles = heading_styles(paragraphs, body)
    levels_by_page = _bookmark_levels(bookmarks)
    no_headings = frozenset[int]() if deck or not title else find_about_title(paragraphs, title)
    headings: dict[int, int | None] = {}  # index -> level by bookmarks or tags, if any
    levels: dict[_Style, Counter[int]] = {}
    for index, paragraph in enumerate(paragraphs):
        level = _bookmark_level(paragraph, levels_by_page.get(paragraph.page, {})) or _tagged_level(paragraph)
        looks_like_one = (
            paragraph.run_in
            or _looks_like_heading(paragraphs, index, body)
            or (font_style(paragraph) in styles and has_form_of_heading(paragraph))
            or (deck and _is_slide_title(paragraphs, index))
        )
        if level is None and not looks_like_one:
            continue
        if index in no_headings:
            continue
        headings[index] = level
        if level is not None:
            levels.setdefault(_style(paragraph), Counter())[level] += 1
    drop_plain_lines(paragraphs, headings, body, styles)
    headings |= dict.fromkeys(find_numbered_headings(paragraphs, headings))
    drop_list_items(paragraphs, headings, body)
    bookmarked = {style: counts.most_common(1)[0][0] for style, counts in levels.items()}
    ranks = _rank_styles({_style(paragraphs[index]) for index in headings}, bookmarked)
    by_index = {i: level or ranks[_style(paragraphs[i])] for i, level in headings.items()}
    return _build_paths(paragraphs, by_index, deck, body, known)


def _with_plausible_tags(paragraphs: Sequence[Paragraph]) -> Sequence[Paragraph]:
    tagged = sum(paragraph.characters for paragraph in paragraphs if paragraph.heading)
    is_plausible = tagged <= MAX_TAGGED * sum(paragraph.characters for paragraph in paragraphs)
    return paragraphs if is_plausible else [replace(paragraph, heading=0) for paragraph in paragraphs]


def _body_style(paragraphs: Sequence[Paragraph]) -> tuple[float, bool]:
    """Font size and weight of most of the text."""
    styles: Counter[tuple[float, bool]] = Counter()
    for paragraph in paragraphs:
        # Prose counts twice, because scattered labels may outnumber it.
        styles[paragraph.size, paragraph.bold] += paragraph.characters * (2 if len(paragraph.lines) > 2 else 1)
    return styles.most_common(1)[0][0] if styles else (10.0, False)


def _join_false_run_ins(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Join the starts of paragraphs that are no headings with the rest: those in a font that begins only one."""
    fonts = Counter(paragraph.font for paragraph in paragraphs if paragraph.run_in)

    def is_certain(text: str) -> bool:
        return bool(NUMBERED.match(text)) or is_standard_heading(text)

    joined: list[Paragraph] = []
    start: Paragraph | None = None
    for paragraph in paragraphs:
        if paragraph.run_in and fonts[paragraph.font] < MIN_RUN_INS and not is_certain(paragraph.lines[0]):
            start = paragraph
            continue
        if start:
            lines = (f"{start.lines[0]} {paragraph.lines[0]}", *paragraph.lines[1:])
            paragraph, start = replace(paragraph, lines=lines, apart=start.apart), None
        joined.append(paragraph)
    return joined


def _build_paths(
    paragraphs: Sequence[Paragraph],
    ranks: dict[int, float],
    deck: bool,
    body: tuple[float, bool],
    known: Set[str],
) -> list[HeadedParagraph]:
    """Walk through the document with a stack of open headings; `ranks` are those of the headings by index."""
    headed: list[HeadedParagraph] = []
    stack: list[tuple[float, str]] = []
    outside: list[tuple[float, str]] = []  # those of the text around a sidebar or a table in small print
    page, small_print, min_size = 0, 0.0, MIN_BODY_SIZED * body[0]
    above_body = {
        _style(one)
        for index, (one, below) in enumerate(pairwise(paragraphs))
        if index in ranks and index + 1 not in ranks and below.size >= min_size
    }
    text_sizes = [0.0] * (len(paragraphs) + 1)  # of each text, and of that below each heading
    for index, paragraph in reversed([*enumerate(paragraphs)]):
        text_sizes[index] = text_sizes[index + 1] if index in ranks else paragraph.size
    for index, paragraph in enumerate(paragraphs):
        if deck and paragraph.page != page:
            stack, small_print = [], 0.0
        page = paragraph.page
        rank = ranks.get(index)
        text_size = text_sizes[index]
        if small_print and text_size > small_print:
            stack, small_print = outside, 0.0
        if rank is None:
            headed.append(HeadedParagraph(paragraph, tuple(title for _, title in stack)))
            continue
        is_small = 0 < max(paragraph.size, text_size) < min_size and _style(paragraph) not in above_body
        if is_small and not small_print:
            outside, small_print = [*stack], text_size / MIN_BODY_SIZED
        text = join_lines(paragraph.lines, known)
        while stack and not is_in_section(text, stack[-1][1]):
            if stack[-1][0] < rank or (stack[-1][0] == rank and is_numbered_below(text, stack[-1][1])):
                break
            stack.pop()
        rank = max(rank, stack[-1][0]) if stack else rank
        title = heading_title(text.rstrip(".:–—") if paragraph.run_in else text)
        stack.append((rank, title[:MAX_PATH_ENTRY_LENGTH]))
        headed.append(HeadedParagraph(paragraph, tuple(title for _, title in stack[-MAX_PATH_DEPTH:]), True))
    return headed


def _looks_like_heading(paragraphs: Sequence[Paragraph], index: int, body: tuple[float, bool]) -> bool:
    paragraph = paragraphs[index]
    text = join_lines(paragraph.lines)
    if not may_be_heading(paragraph, text, is_entry=not _is_above_lines(paragraphs, index)):
        return False
    numbered = bool(NUMBERED.match(text) or CHAPTER.match(text))
    body_size, body_bold = body
    size = paragraph.size / max(body_size, 1)
    if paragraph.ocr:  # weight is unknown
        if paragraph.apart and len(paragraph.lines) == 1 and text.isupper() and _has_text_below(paragraphs, index):
            return MIN_CAPITALS < len(text) < MAX_CAPITALS and not ends_sentence(text)
        return size > MIN_LARGER_OCR and text[0].isalnum() and len(paragraph.lines) <= 2 and not ends_sentence(text)
    has_text_below = _has_text_below(paragraphs, index)
    is_set_off = has_text_below or (paragraph.apart and len(paragraph.lines) == 1)
    is_sentence = ends_sentence(text) and text[-1] not in "?:!"
    if is_sentence and not (numbered and (size > 1.1 or (paragraph.bold and not body_bold and is_set_off))):
        return False
    if size >= MIN_LARGER or (size >= MIN_SLIGHTLY_LARGER and (paragraph.bold or numbered)):
        return True
    if size < MIN_BODY_SIZED and not (paragraph.bold and has_text_below and _is_above_small_print(paragraphs, index)):
        return paragraph.apart and len(paragraph.lines) == 1 and is_standard_heading(NUMBERED.sub("", text))
    if paragraph.bold and not body_bold and (numbered or paragraph.apart or has_text_below):
        return True
    if paragraph.italic and len(paragraph.lines) == 1 and has_text_below:
        return numbered or (paragraph.apart and not paragraphs[index + 1].italic)
    capitals = text.isupper() and MIN_CAPITALS < len(text) < MAX_CAPITALS
    return paragraph.apart and len(paragraph.lines) == 1 and (capitals or is_standard_heading(NUMBERED.sub("", text)))


def _is_slide_title(paragraphs: Sequence[Paragraph], index: int) -> bool:
    """Return True for a short first paragraph with more text of its page below it."""
    paragraph, text = paragraphs[index], join_lines(paragraphs[index].lines)
    is_first = index == 0 or paragraphs[index - 1].page != paragraph.page
    has_more = index + 1 < len(paragraphs) and paragraphs[index + 1].page == paragraph.page
    is_short = len(paragraph.lines) <= 2 and 2 < len(text) < MAX_SLIDE_TITLE_LENGTH
    return is_first and has_more and is_short and text[-1] not in ".,;" and is_wordy(text) and not BULLET.match(text)


def _is_above_small_print(paragraphs: Sequence[Paragraph], index: int) -> bool:
    """Return True for what is as large as the text below it, in a sidebar or a box."""
    return paragraphs[index].apart and paragraphs[index].size >= MIN_BODY_SIZED * paragraphs[index + 1].size


def _has_text_below(paragraphs: Sequence[Paragraph], index: int) -> bool:
    following = paragraphs[index + 1 : index + 2]
    return bool(following) and not following[0].bold and following[0].characters > MIN_TEXT_BELOW


def _is_above_lines(paragraphs: Sequence[Paragraph], index: int) -> bool:
    """Whether several lines of smaller text stand below, so that a paragraph is no entry of contents."""
    following = paragraphs[index + 1 : index + 2]
    if not following or len(following[0].lines) < MIN_LINES_BELOW:
        return False
    return paragraphs[index].size >= MIN_LARGER * following[0].size and _has_text_below(paragraphs, index)


def _bookmark_levels(bookmarks: Sequence[Bookmark]) -> dict[int, dict[str, int]]:
    pages: dict[int, dict[str, int]] = {}
    for bookmark in bookmarks:
        if title := bare_letters(bookmark.title):
            pages.setdefault(bookmark.page, {}).setdefault(title, bookmark.level)
    return pages


def _bookmark_level(paragraph: Paragraph, levels: dict[str, int]) -> int | None:
    """The level of the bookmark that names this paragraph, with or without its number or the end of its title."""
    too_long = len(paragraph.lines) > MAX_HEADING_LINES + 1 or paragraph.characters > 2 * MAX_HEADING_LENGTH
    if not levels or too_long:
        return None
    text = join_lines(paragraph.lines)
    full, bare = bare_letters(text), bare_letters(NUMBERED.sub("", text))
    for title, level in levels.items():
        is_end = title.endswith(bare) and len(bare) > 0.7 * len(title)
        if full == title or (len(bare) > 3 and (bare == title or is_end)):
            return level
    return None


def _tagged_level(paragraph: Paragraph) -> int | None:
    """The level by structure tags, unless the paragraph cannot be a heading."""
    return paragraph.heading if paragraph.heading and may_be_heading(paragraph, join_lines(paragraph.lines)) else None


def _style(paragraph: Paragraph) -> _Style:
    return (
        paragraph.run_in,
        -paragraph.size,
        not paragraph.bold,
        not join_lines(paragraph.lines).isupper(),
        paragraph.italic,
    )


def _rank_styles(styles: set[_Style], bookmarked: dict[_Style, int]) -> dict[_Style, float]:
    """The level of every style: from the bookmarks where they show it, else by prominence."""
    ranks: dict[_Style, float] = {}
    last = 0.0
    for style in sorted(styles):
        ranks[style] = float(bookmarked[style]) if style in bookmarked else max(last + 1 / 64, 1.0)
        last = max(last, ranks[style])
    return ranks
