"""Which paragraphs are headings, and under which heading path every paragraph stands.

Three witnesses: the look (larger or bolder than the body text), the numbering, and the document's bookmarks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from extractors.text.paragraphs import BULLET, Paragraph, join
from extractors.text.sentences import ends_sentence

_NUMBERED = re.compile(
    r"^(?:(?:chapter|section|part|appendix|annex|kapitel|teil|anhang|chapitre|partie|annexe)\s+)?"
    r"(?P<number>(?:\d{1,2}|[A-Z]|[IVX]{1,5})(?:\.\d{1,2}){0,4})[.):]?\s+(?=[^\W\d_])",
    re.IGNORECASE,
)
_WORDED = re.compile(
    r"^(?:chapter|part|appendix|annex|item|kapitel|teil|anhang|chapitre|annexe)\s+[\dIVXA-Z]{1,4}\b", re.I
)
_USUAL = re.compile(
    "abstract|introduction|background|methods?|results|discussion|conclusions?|references|bibliography|"
    "acknowledge?ments|appendix|contents|summary|overview|zusammenfassung|einleitung|literatur|résumé"
)
_PAGE_NUMBER = re.compile(r"(?:\s|…)+\d{1,4}$")
_LONGEST = 150
_MOST_LINES = 3
_DEEPEST = 4
_LONGEST_ENTRY = 120

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bookmark:
    level: int
    """From 1."""
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class HeadedParagraph:
    """A paragraph and where it stands."""

    paragraph: Paragraph
    path: Path
    """Headings above it, outermost first; of a heading, with itself."""
    heading: bool = False


@dataclass(frozen=True, slots=True)
class _Style:
    size: float
    bold: bool
    capitals: bool
    italic: bool


def assign_headings(
    paragraphs: Sequence[Paragraph], bookmarks: Sequence[Bookmark] = (), *, title: str = "", deck: bool = False
) -> list[HeadedParagraph]:
    """Give every paragraph its heading path. In a deck, every page starts anew; elsewhere the title heads nothing."""
    body = body_style(paragraphs)
    marks = _by_page(bookmarks)
    levels: dict[_Style, Counter[int]] = {}
    found: dict[int, int | None] = {}
    for index, paragraph in enumerate(paragraphs):
        level = _bookmarked(paragraph, marks)
        heads = _looks_like_one(paragraphs, index, body) or (deck and _heads_slide(paragraphs, index))
        if level is None and not heads:
            continue
        if title and not deck and paragraph.page < 3 and _plain(join(paragraph.lines)) == _plain(title):
            continue
        found[index] = level
        if level is not None:
            levels.setdefault(_style(paragraph), Counter())[level] += 1
    _drop_strangers(paragraphs, found, body)
    known = {style: counts.most_common(1)[0][0] for style, counts in levels.items()}
    ranks = _ranks([_style(paragraphs[index]) for index in found], known)
    return _walk(paragraphs, {i: (level or ranks[_style(paragraphs[i])]) for i, level in found.items()}, deck)


def _drop_strangers(paragraphs: Sequence[Paragraph], found: dict[int, int | None], body: tuple[float, bool]) -> None:
    """Where headings are bold, a plain line that is hardly larger than the body is none: authors, addresses."""
    bold = sum(paragraphs[index].bold for index in found)
    if body[1] or bold < 3 or bold < 0.6 * len(found):
        return
    for index in [index for index, level in found.items() if level is None]:
        paragraph = paragraphs[index]
        plain = not (paragraph.bold or paragraph.italic or paragraph.ocr)
        if plain and paragraph.size < 1.3 * body[0]:
            del found[index]


def body_style(paragraphs: Sequence[Paragraph]) -> tuple[float, bool]:
    """Size and weight of most of the text."""
    styles: Counter[tuple[float, bool]] = Counter()
    for paragraph in paragraphs:
        # Prose counts more than scattered words: a page of labels has no body of its own.
        styles[paragraph.size, paragraph.bold] += paragraph.characters * (2 if len(paragraph.lines) > 2 else 1)
    return styles.most_common(1)[0][0] if styles else (10.0, False)


def _walk(paragraphs: Sequence[Paragraph], found: dict[int, float], deck: bool) -> list[HeadedParagraph]:
    placed: list[HeadedParagraph] = []
    stack: list[tuple[float, str]] = []
    page = 0
    for index, paragraph in enumerate(paragraphs):
        if deck and paragraph.page != page:
            stack = []
        page = paragraph.page
        rank = found.get(index)
        if rank is None:
            placed.append(HeadedParagraph(paragraph, tuple(title for _, title in stack)))
            continue
        number = _NUMBERED.match(join(paragraph.lines))
        depth = number["number"].count(".") if number and number["number"][0].isdigit() else None
        while stack and (stack[-1][0] > rank or (stack[-1][0] == rank and not _deeper(stack[-1][1], depth))):
            stack.pop()
        stack.append((rank, _PAGE_NUMBER.sub("", join(paragraph.lines))[:_LONGEST_ENTRY]))
        placed.append(HeadedParagraph(paragraph, tuple(title for _, title in stack[-_DEEPEST:]), heading=True))
    return placed


def _deeper(above: str, depth: int | None) -> bool:
    """Whether numbers tell that a heading of the same look stands below `above`: 2.1 below 2."""
    number = _NUMBERED.match(above)
    if depth is None or not number or not number["number"][0].isdigit():
        return False
    return depth > number["number"].count(".")


# --- witnesses ----------------------------------------------------------------------------------------------------


def _looks_like_one(paragraphs: Sequence[Paragraph], index: int, body: tuple[float, bool]) -> bool:
    paragraph = paragraphs[index]
    text = join(paragraph.lines)
    if len(paragraph.lines) > _MOST_LINES or not 2 < len(text) <= _LONGEST or not _wordy(text) or paragraph.tabular:
        return False
    bullet = bool(BULLET.match(text)) and not text[0].isalnum()
    if bullet or text[0].islower() or text[0] in "*([" or text[-1] in ",;" or _PAGE_NUMBER.search(text):
        return False
    numbered = bool(_NUMBERED.match(text) or _WORDED.match(text))
    size, bold = body
    larger = paragraph.size / max(size, 1)
    if paragraph.ocr:
        # Heights of read letters are rough, weight is not known.
        return larger > 1.35 and text[0].isalnum() and len(paragraph.lines) <= 2 and not ends_sentence(text)
    if ends_sentence(text) and text[-1] not in "?:!" and not (numbered and larger > 1.1):
        return False
    if larger >= 1.15 or (larger >= 1.05 and (paragraph.bold or numbered)):
        return True
    bolder = paragraph.bold and not bold and larger >= 0.92
    if bolder and (numbered or paragraph.apart or _followed(paragraphs, index)):
        return True
    if paragraph.italic and len(paragraph.lines) == 1 and larger >= 0.92 and _followed(paragraphs, index):
        return numbered or (paragraph.apart and not paragraphs[index + 1].italic)
    first = re.sub(r"\W", "", _NUMBERED.sub("", text)).lower()
    capitals = text.isupper() and len(text) > 5 and larger >= 0.92
    usual = bool(_USUAL.fullmatch(first)) or (capitals and len(text) < 80)
    return paragraph.apart and len(paragraph.lines) == 1 and usual


def _heads_slide(paragraphs: Sequence[Paragraph], index: int) -> bool:
    """A short first line over more text of its page."""
    paragraph, text = paragraphs[index], join(paragraphs[index].lines)
    first = index == 0 or paragraphs[index - 1].page != paragraph.page
    more = index + 1 < len(paragraphs) and paragraphs[index + 1].page == paragraph.page
    short = len(paragraph.lines) <= 2 and 2 < len(text) < 90 and not text.endswith((".", ",", ";"))
    return first and more and short and _wordy(text) and not BULLET.match(text)


def _followed(paragraphs: Sequence[Paragraph], index: int) -> bool:
    """True when plain text comes next: a heading has something below it, a bold cell has not."""
    following = paragraphs[index + 1 : index + 2]
    return bool(following) and not following[0].bold and following[0].characters > 40


def _wordy(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    return letters >= 2 and letters > 0.4 * sum(not character.isspace() for character in text)


def _by_page(bookmarks: Sequence[Bookmark]) -> dict[int, dict[str, int]]:
    pages: dict[int, dict[str, int]] = {}
    for bookmark in bookmarks:
        if title := _plain(bookmark.title):
            pages.setdefault(bookmark.page, {}).setdefault(title, bookmark.level)
    return pages


def _bookmarked(paragraph: Paragraph, marks: dict[int, dict[str, int]]) -> int | None:
    titles = marks.get(paragraph.page)
    if not titles or len(paragraph.lines) > _MOST_LINES + 1 or paragraph.characters > 2 * _LONGEST:
        return None
    text = _plain(join(paragraph.lines))
    bare = _plain(_NUMBERED.sub("", join(paragraph.lines)))
    for title, level in titles.items():
        if text == title or (
            len(bare) > 3 and (bare == title or (title.endswith(bare) and len(bare) > 0.7 * len(title)))
        ):
            return level
    return None


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


# --- levels -------------------------------------------------------------------------------------------------------


def _style(paragraph: Paragraph) -> _Style:
    text = join(paragraph.lines)
    return _Style(paragraph.size, paragraph.bold, text.isupper(), paragraph.italic)


def _ranks(styles: Sequence[_Style], known: dict[_Style, int]) -> dict[_Style, float]:
    """Every style's level: the bookmarks' own where they tell it, else by size, weight and capitals."""
    ordered = sorted(set(styles), key=lambda style: (-style.size, not style.bold, not style.capitals, style.italic))
    ranks: dict[_Style, float] = {}
    last = 0.0
    for style in ordered:
        level = float(known[style]) if style in known else last + 1 / 64
        ranks[style] = level if style in known else max(level, 1.0)
        last = max(last, ranks[style])
    return ranks
