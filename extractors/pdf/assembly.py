"""Assembling a document from its pages: sentences across pages, heading paths, passages, and pictures with context."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from difflib import get_close_matches
from statistics import median

from extractors.geometry import width
from extractors.layout.edge_lines import MAX_ROWS
from extractors.layout.page_sample import without_numbers
from extractors.layout.tables.tables import Table
from extractors.layout.text_blocks import is_monospaced
from extractors.pdf.annotations import note_passages
from extractors.pdf.page_extractor import PageParts
from extractors.table_grid import change_texts, column_headers, replace_header
from extractors.text.cleaning import clean_text
from extractors.text.headings import Bookmark, HeadedParagraph, HeadingPath, assign_headings
from extractors.text.paragraphs import (
    HYPHENS,
    Paragraph,
    continues_sentence,
    join_broken_words,
    join_lines,
    move_sentence_end,
)
from extractors.text.passages import PassageLimit, build_passages, table_passages
from extractors.text.references import add_referring_sentences
from extractors.types import Options, Passage, Picture

# Pages read by OCR that have a header or footer; share of them, if it has only numbers, is on slides, or as large as
# titles, in multiples of the usual size; share of their text above which they are copies; how much alike two readings
# of one header are.
MIN_REPEATS, MIN_SHARE, MIN_TITLE_SIZE, MAX_REPEATED, MIN_LIKENESS = 3, 0.25, 1.25, 0.5, 0.8
# Paragraphs between the two parts of a sentence: a caption without a figure, or footnotes, which have this size by that
# of the text, and words; pieces of formulas have none.
MAX_PARAGRAPHS_BETWEEN, MAX_NOTES_BETWEEN, MAX_NOTE_SIZE, MIN_NOTE_WORDS = 2, 24, 0.9, 4
# A PDF is a deck of slides if this share of its pages is landscape and half of them have fewer characters.
MIN_LANDSCAPE_SHARE, MAX_SLIDE_CHARACTERS = 0.6, 1500
SAME_WIDTH = 0.7  # narrower by wider of two parts of one table on different pages; notes may be wider than the table
SAME_HEIGHT = 2  # points within which two edges count as equally high
_WORD = re.compile(r"[^\W\d_]{2,}")


def assemble_document(
    pages: Sequence[PageParts], bookmarks: Sequence[Bookmark], title: str, options: Options
) -> tuple[tuple[Passage, ...], tuple[Picture, ...]]:
    """Return the passages and the pictures of a document, in reading order."""
    is_deck = _is_deck(pages)
    paragraphs = _keep_lines_of_code(
        _drop_running_lines([one for page in pages for one in page.paragraphs], deck=is_deck)
    )
    words = _words(paragraphs)
    pages = _join_broken_words(pages, words)
    headed = assign_headings(_join_sentences(paragraphs, words), bookmarks, title=title, deck=is_deck, known=words)
    headed = [replace(item, path=()) if item.paragraph.note else item for item in headed]
    limit = PassageLimit.of(options)
    tables = list(_tables(pages, headed, limit, words))
    passages = build_passages(headed, limit, words, [(table.page, table.heading) for table in tables])
    for table in tables:
        passages.insert(_index_of_table(table, passages), table)
    for page in pages:
        for note in page.annotations:
            end = next((index for index, one in enumerate(passages) if one.page > note.page), len(passages))
            passages[end:end] = note_passages(note, _path_at(headed, note.page, note.box[1]), limit)
    pictures = [
        replace(
            picture,
            heading=_picture_path(headed, picture),
            kind="slide" if is_deck and picture.kind == "page" else picture.kind,
        )
        for page in pages
        for picture in page.pictures
    ]
    return tuple(passages), tuple(add_referring_sentences(passages, pictures))


def _is_deck(pages: Sequence[PageParts]) -> bool:
    landscape = sum(page.landscape for page in pages)
    characters = median(sum(paragraph.characters for paragraph in page.paragraphs) for page in pages)
    return landscape > MIN_LANDSCAPE_SHARE * len(pages) and characters < MAX_SLIDE_CHARACTERS


def _drop_running_lines(paragraphs: Sequence[Paragraph], *, deck: bool) -> list[Paragraph]:
    """Remove headers and footers read by OCR; `Furniture` knows only those of text layers.

    `deck`: of slides, of which several may have one title.
    """
    edges = _lines_at_edges(paragraphs)
    running = _running_texts(paragraphs, edges, deck=deck)
    kept = []
    for index, paragraph in enumerate(paragraphs):
        lines = tuple(
            line
            for number, line in enumerate(paragraph.lines)
            if (index, number) not in edges or without_numbers(line) not in running
        )
        if lines:
            kept.append(replace(paragraph, lines=lines))
    return kept


def _running_texts(paragraphs: Sequence[Paragraph], edges: Iterable[tuple[int, int]], *, deck: bool) -> set[str]:
    """The lines at the edges, without numbers, that repeat from page to page; none if the pages are copies."""
    pages: dict[str, set[int]] = {}
    sizes: dict[str, list[float]] = {}
    for index, number in edges:
        paragraph = paragraphs[index]
        text = without_numbers(paragraph.lines[number])
        pages.setdefault(text, set()).add(paragraph.page)
        sizes.setdefault(text, []).append(paragraph.size)
    title_size = MIN_TITLE_SIZE * median([one.size for one in paragraphs if one.ocr for _ in one.lines] or [0])
    titles = {text for text, found in sizes.items() if median(found) > title_size}
    min_share = MIN_SHARE * len(set[int]().union(*pages.values()))

    def is_running(text: str) -> bool:
        is_header = _WORD.search(text) and text not in titles and not deck
        return len(pages[text]) >= max(MIN_REPEATS, 0 if is_header else min_share)

    running = set(filter(is_running, pages))
    repeated = sum(len(text) * len(pages[text]) for text in running)
    if repeated > MAX_REPEATED * sum(paragraph.characters for paragraph in paragraphs if paragraph.ocr):
        return set()
    # OCR reads a header a little differently from page to page.
    return running | {text for text in pages.keys() - titles if get_close_matches(text, running, 1, MIN_LIKENESS)}


def _lines_at_edges(paragraphs: Sequence[Paragraph]) -> set[tuple[int, int]]:
    """The first and last lines of pages read by OCR, as they are read and as they stand: paragraph, and line in it."""
    by_page: dict[int, list[int]] = {}
    for index, paragraph in enumerate(paragraphs):
        if paragraph.ocr:
            by_page.setdefault(paragraph.page, []).append(index)
    edges: set[tuple[int, int]] = set()
    for indices in by_page.values():
        from_top = sorted(indices, key=lambda index: paragraphs[index].box[1])
        to_bottom = sorted(indices, key=lambda index: paragraphs[index].box[3])
        for order, part in (
            (indices, slice(MAX_ROWS)),
            (from_top, slice(MAX_ROWS)),
            (indices, slice(-MAX_ROWS, None)),
            (to_bottom, slice(-MAX_ROWS, None)),
        ):
            edges.update([(index, line) for index in order for line in range(len(paragraphs[index].lines))][part])
    return edges


def _keep_lines_of_code(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Mark paragraphs in a font for code, unless most of the document is in such a font, as typescripts are."""
    code = [not paragraph.ocr and is_monospaced(paragraph.font) for paragraph in paragraphs]
    length = sum(paragraph.characters for paragraph, is_code in zip(paragraphs, code, strict=True) if is_code)
    if 2 * length > sum(paragraph.characters for paragraph in paragraphs):
        return list(paragraphs)
    return [replace(one, verbatim=True) if is_code else one for one, is_code in zip(paragraphs, code, strict=True)]


def _words(paragraphs: Sequence[Paragraph]) -> frozenset[str]:
    """The words of the document in lower case, without the parts of those broken at the end of a line.

    Of "non-invasive" also "non-".
    """
    words: set[str] = set()
    is_broken = False
    for line in (line for paragraph in paragraphs for line in paragraph.lines):
        pieces = line.split()[is_broken:]
        is_broken = line.endswith(HYPHENS)
        words.update(pieces[:-1] if is_broken else pieces)
    plain = {word.strip(".,;:()“”\"'").lower() for word in words}
    return frozenset(plain | {word[: word.index("-") + 1] for word in plain if "-" in word})


def _join_broken_words(pages: Sequence[PageParts], words: Set[str]) -> list[PageParts]:
    """The pages with whole words in cells and captions, as the document writes them."""
    hyphens = frozenset[str]().union(*(page.hyphens for page in pages))

    def whole(text: str) -> str:
        return join_broken_words(text, words, hyphens)

    return [
        replace(
            page,
            tables=[
                replace(one, grid=change_texts(one.grid, whole), caption=whole(one.caption)) for one in page.tables
            ],
            pictures=[replace(one, caption=whole(one.caption)) for one in page.pictures],
        )
        for page in pages
    ]


def _join_sentences(paragraphs: Sequence[Paragraph], words: Set[str]) -> list[Paragraph]:
    """Complete sentences that continue in the next column or page where they begin.

    Notes in small print between the two parts come before the first.
    """
    joined: list[Paragraph] = []
    for paragraph in paragraphs:
        rest: Paragraph | None = paragraph
        for index in reversed(range(len(joined))):
            earlier, between = joined[index], joined[index + 1 :]
            are_notes = _are_notes(between, paragraph.size)
            if len(between) > (MAX_NOTES_BETWEEN if are_notes else MAX_PARAGRAPHS_BETWEEN):
                break
            if paragraph.page - earlier.page > 1:
                break
            is_below = earlier.page == paragraph.page and earlier.box[3] <= paragraph.box[1] + SAME_HEIGHT
            if not is_below and continues_sentence(earlier, paragraph, adjacent=not between or are_notes):
                earlier, rest = move_sentence_end(earlier, paragraph, words)
                notes = [replace(note, note=True) for note in between]
                joined[index:] = [*notes, earlier] if are_notes else [earlier, *between]
                break
        if rest:
            joined.append(rest)
    return joined


def _are_notes(paragraphs: Sequence[Paragraph], text_size: float) -> bool:
    if any(paragraph.size > MAX_NOTE_SIZE * text_size for paragraph in paragraphs):
        return False  # hardly any are small, and counting words takes time
    words = sum(len(_WORD.findall(line)) for paragraph in paragraphs for line in paragraph.lines)
    return words >= MIN_NOTE_WORDS * len(paragraphs)


def _tables(
    pages: Sequence[PageParts], headed: Sequence[HeadedParagraph], limit: PassageLimit, words: Set[str]
) -> Iterator[Passage]:
    last: tuple[int, Table] | None = None
    for page in pages:
        for table in page.tables:
            if last and last[0] == page.number - 1 and table is page.tables[0]:
                table = _with_header_of(last[1], table, page)
            last = page.number, table
            path = _path_at(headed, page.number, table.box[1])
            empty = Passage(
                "", page.number, table.box, path, "table", label=table.label, caption=table.caption, ocr=table.ocr
            )
            yield from table_passages(table.grid, empty, limit, join_lines(tuple(map(clean_text, table.notes)), words))


def _with_header_of(above: Table, table: Table, page: PageParts) -> Table:
    """The table with the header of the last one on the page before, if it continues that."""
    is_first = not table.caption and all(paragraph.box[1] > table.box[1] for paragraph in page.paragraphs)
    narrower, wider = sorted((width(above.box), width(table.box)))
    is_next = is_first and narrower > SAME_WIDTH * wider
    is_named = bool(table.label) and table.label == above.label  # "Table 2 (continued)"
    repeats = column_headers(table.grid) == column_headers(above.grid)
    is_alike = above.grid.columns == table.grid.columns
    if not ((is_next or is_named) and is_alike and (repeats or not table.has_header)):
        return table
    grid = table.grid if repeats else replace_header(table.grid, above.grid)
    return replace(table, grid=grid, label=above.label, caption=above.caption)


def _index_of_table(table: Passage, passages: Sequence[Passage]) -> int:
    """Before the first text below it in its column, else after the last passage of its page."""
    for index, passage in enumerate(passages):
        if passage.page > table.page:
            return index
        if passage.page == table.page and passage.box and table.box and passage.kind == "text":
            is_beside = passage.box[0] >= table.box[2] or passage.box[2] <= table.box[0]
            if passage.box[1] > table.box[1] and not is_beside:
                return index
    return len(passages)


def _picture_path(headed: Sequence[HeadedParagraph], picture: Picture) -> HeadingPath:
    if picture.kind == "page" or picture.box is None:
        return next((item.path for item in headed if item.paragraph.page == picture.page), ())
    return _path_at(headed, picture.page, picture.box[1])


def _path_at(headed: Sequence[HeadedParagraph], page: int, top: float) -> HeadingPath:
    """The heading path in force at a height of a page."""
    path: HeadingPath = ()
    for item in headed:
        if item.paragraph.page > page:
            break
        is_above = item.paragraph.page < page or item.paragraph.box[1] <= top + SAME_HEIGHT
        if is_above and not item.paragraph.note:
            path = item.path
    return path
