"""Lines that look like headings and are none: what stands around the title, authors, addresses, items of lists.

In: the paragraphs of a document, and the indices of headings with their levels, if known. The false ones are removed.
"""

from collections import Counter
from collections.abc import Sequence

from extractors.text.cleaning import bare_letters
from extractors.text.heading_form import MIN_LARGER, FontStyle, font_style, is_list_of_names, numbering_depth
from extractors.text.paragraphs import Paragraph, join_lines

# Font size of plain lines among bold headings by that of the text; authors and addresses are a little larger.
MIN_LARGER_THAN_BOLD_HEADINGS = 1.3
MAX_ABOVE_TITLE = 120  # characters of a paragraph above the title; longer ones are text with its own headings
MIN_PLAIN_HEADINGS = 3  # in a font that the document uses for headings, from which plain ones stay


def find_about_title(paragraphs: Sequence[Paragraph], title: str) -> frozenset[int]:
    """The paragraphs that are the title, on the first two pages, the short ones above it, and authors below it."""
    bare = bare_letters(title)
    first = [n for n, paragraph in enumerate(paragraphs) if paragraph.page < 3]
    titles = [n for n in first if bare_letters(join_lines(paragraphs[n].lines)) == bare]
    if not titles:
        return frozenset()
    there, start = paragraphs[titles[0]], titles[0]
    while start and _stands_above(paragraphs[start - 1], there):
        start -= 1
    later = [n for n in first if n > titles[0] and _stands_above(paragraphs[n], there)]
    below = paragraphs[titles[0] + 1 : titles[0] + 2]
    authors = [titles[0] + 1] if below and is_list_of_names(join_lines(below[0].lines)) else []
    return frozenset([*titles, *range(start, titles[0]), *later, *authors])


def _stands_above(paragraph: Paragraph, title: Paragraph) -> bool:
    is_short = paragraph.characters <= MAX_ABOVE_TITLE
    return paragraph.page == title.page and paragraph.box[3] < title.box[3] and is_short


def drop_plain_lines(
    paragraphs: Sequence[Paragraph],
    headings: dict[int, int | None],
    body: tuple[float, bool],
    styles: frozenset[FontStyle],
) -> None:
    """Where most headings are bold, remove plain ones that are hardly larger than the body: authors, addresses."""
    bold = sum(paragraphs[index].bold for index in headings)
    if body[1] or bold < 3 or bold < 0.6 * len(headings):
        return
    uses = Counter(font_style(paragraphs[index]) for index in headings)
    regular = {style for style in styles if uses[style] >= MIN_PLAIN_HEADINGS}
    for index in [index for index, level in headings.items() if level is None]:
        paragraph = paragraphs[index]
        stressed = paragraph.bold or paragraph.italic or paragraph.ocr or paragraph.run_in
        if (
            not stressed
            and font_style(paragraph) not in regular
            and paragraph.size < MIN_LARGER_THAN_BOLD_HEADINGS * body[0]
        ):
            del headings[index]


def drop_list_items(paragraphs: Sequence[Paragraph], headings: dict[int, int | None], body: tuple[float, bool]) -> None:
    """Remove plain numbered lines that follow each other without text between them: the items of a list."""

    def depth(index: int) -> int | None:
        return numbering_depth(join_lines(paragraphs[index].lines)) if 0 <= index < len(paragraphs) else None

    for index in [index for index, level in headings.items() if level is None]:
        paragraph, own = paragraphs[index], depth(index)
        plain = not (paragraph.bold or paragraph.run_in) and paragraph.size < MIN_LARGER * body[0]
        if plain and own is not None and own in (depth(index - 1), depth(index + 1)):
            del headings[index]
