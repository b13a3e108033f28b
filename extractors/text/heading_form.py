"""What has the form of a heading, and the fonts in which a document sets its headings."""

import re
from collections import Counter
from collections.abc import Sequence

from extractors.text.paragraph_starts import BULLET
from extractors.text.paragraphs import Paragraph, join_lines
from extractors.text.sentences import ends_sentence

MAX_HEADING_LENGTH, MAX_HEADING_LINES = 150, 3  # characters, lines; longer ones are pull quotes and abstracts
# Size against that of the text: of a heading by size alone, and of one that is also bold or numbered, or one of many.
MIN_LARGER, MIN_SLIGHTLY_LARGER = 1.15, 1.05
# Font sizes against the body text of a font that the document uses for headings; sans serifs look larger.
MIN_HEADING_SIZE, MIN_BOLD_HEADING_SIZE = 0.85, 0.7
MIN_HEADINGS, MIN_HEADING_SHARE = 2, 0.6  # paragraphs, and share of those in a font, from which it is such a font
MIN_HEADINGS_IN_BODY_FONT = 4  # texts in a larger size of the text's font; a few are authors, the same a running head
MIN_TEXT_BELOW = 40  # characters of the plain paragraph below a bold heading; below a bold table cell are short cells

TRAILING_PAGE_NUMBER = re.compile(r"\s*(?:…\s*|\s(?!(?:19|20)\d\d$))\d{1,4}$")
"""Without leaders a year is no page number: "Outlook for 2024"."""
_LEADERS = re.compile(r"\s*…\s*\d{1,4}$")
_NUMBERED_LABEL = re.compile(r"[^\W\d_]{3,}\s\d{1,4}")
"""A whole heading, such as "Article 118"; in contents more than one word precedes the page number."""
NUMBERED = re.compile(
    r"^(?:(?:chapter|section|part|appendix|annex|kapitel|teil|anhang|chapitre|partie|annexe)\s+)?(?:"
    r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})[.):]?\s+(?=[^\W\d_])"
    r"|(?:[A-Z]|[IVX]{1,5})(?:\.\d{1,2}){0,4}[.):]?\s+(?=(?-i:[A-ZÀ-Þ])))",  # not "T. bellirica", a species
    re.IGNORECASE,
)
CHAPTER = re.compile(
    r"^(?:chapter|part|appendix|annex|item|kapitel|teil|anhang|chapitre|annexe)\s+[\dIVXA-Z]{1,4}\b", re.I
)
_STANDARD_HEADING = re.compile(
    "abstract|introduction|background|methods?|results|discussion|conclusions?|references|bibliography|"
    "acknowledge?ments|appendix|contents|summary|overview|zusammenfassung|einleitung|literatur|résumé"
)
_NAME = r"[A-ZÀ-Þ][\w.’'‐‑-]*(?: (?:(?:de|del|da|dos|van|von|der|la|le|bin|al) )*[A-ZÀ-Þ][\w.’'‐‑-]*)+"
_MARKS = r"\d∗*†‡§✉"
_AUTHORS = re.compile(
    rf"{_NAME}[1-9∗*†‡§✉]|{_NAME} ?[{_MARKS}][{_MARKS}, ]*(?:(?:,|and|&|,and) ?{_NAME} ?[{_MARKS}, ]*)+"
    rf"|(?:{_NAME},[{_MARKS}][{_MARKS},]* (?:and |& )?)+{_NAME},?[{_MARKS}][{_MARKS},]*"
)
_NAMES = re.compile(rf"{_NAME}(?:(?:, and|,| and| &) {_NAME})+")
_AUTHOR_MARKS = re.compile(rf"\[[a-z](?:, ?[a-z])*\]|[{_MARKS}+#]+(?:,[{_MARKS}+#]+)*")
_DEGREES = re.compile(r",\s*[A-Z][A-Za-z]{1,4}\s*(?=,|$)")
_COMMAS = re.compile(r"\s*,(?:\s*,)*\s*")
_ORNAMENT = re.compile(r"[■▪◆]\s*(?=[^\W\d_a-z]{3})")
"""A mark before a heading in capitals."""
_ENUMERATED = re.compile(r"\((?:[a-z]{1,4}|\d{1,2})\)\s+[A-ZÀ-Þ]")
FontStyle = tuple[str, float]
"""A font and its size in points."""


def heading_styles(paragraphs: Sequence[Paragraph], body: tuple[float, bool]) -> frozenset[FontStyle]:
    """Fonts, with their sizes, in which the document sets its headings: short lines, most of them above running text.

    Many files name their bold fonts in a way that does not show it.
    """
    fonts: Counter[str] = Counter()
    for paragraph in paragraphs:
        fonts[paragraph.font] += paragraph.characters
    body_font = fonts.most_common(1)[0][0] if fonts else ""
    seen: Counter[FontStyle] = Counter()
    headings: dict[FontStyle, list[str]] = {}
    for index, paragraph in enumerate(paragraphs):
        min_size = MIN_BOLD_HEADING_SIZE if paragraph.bold else MIN_HEADING_SIZE
        is_other = paragraph.font != body_font and paragraph.size >= min_size * body[0]
        is_other = is_other or (paragraph.font != "" and paragraph.size >= MIN_SLIGHTLY_LARGER * body[0])
        if is_other and not (paragraph.ocr or paragraph.run_in):
            seen[font_style(paragraph)] += 1
            if _is_set_as_heading(paragraphs, index):
                headings.setdefault(font_style(paragraph), []).append(paragraph.lines[0])
    return frozenset(
        style
        for style, texts in headings.items()
        if (len(set(texts)) >= MIN_HEADINGS_IN_BODY_FONT if style[0] == body_font else len(texts) >= MIN_HEADINGS)
        and len(texts) >= MIN_HEADING_SHARE * seen[style]
    )


def font_style(paragraph: Paragraph) -> FontStyle:
    return paragraph.font, paragraph.size


def _is_set_as_heading(paragraphs: Sequence[Paragraph], index: int) -> bool:
    """Return True for what has the form of a heading, above running text in another font."""
    paragraph, following = paragraphs[index], paragraphs[index + 1 : index + 2]
    has_text_below = following and font_style(following[0]) != font_style(paragraph)
    has_text_below = has_text_below and following[0].characters > MIN_TEXT_BELOW
    return bool(has_text_below) and has_form_of_heading(paragraph)


def has_form_of_heading(paragraph: Paragraph) -> bool:
    text = join_lines(paragraph.lines)
    return may_be_heading(paragraph, text) and (not ends_sentence(text) or text[-1] in "?:!")


def may_be_heading(paragraph: Paragraph, text: str, *, is_entry: bool = True) -> bool:
    """Return False for bullets, entries of contents, parts of sentences, units of amounts, numbers, table
    rows and authors with the numbers of their addresses.

    `is_entry`: whether what ends with a number may be an entry of contents.
    """
    if len(paragraph.lines) > MAX_HEADING_LINES or not 2 < len(text) <= MAX_HEADING_LENGTH or paragraph.tabular:
        return False
    is_enumerated = paragraph.bold and bool(_ENUMERATED.match(text))  # "(c) Statement of compliance"
    is_bullet = bool(BULLET.match(text)) and not text[0].isalnum() and not (_ORNAMENT.match(text) and text.isupper())
    is_fragment = text[0].islower() or text[0] in "*([$€£¥" or text[-1] in ",;"
    if _are_authors(text):
        return False
    if ((is_bullet or is_fragment) and not is_enumerated) or not is_wordy(text):
        return False
    is_entry = is_entry or bool(_LEADERS.search(text))
    return not (is_entry and TRAILING_PAGE_NUMBER.search(text)) or bool(_NUMBERED_LABEL.fullmatch(text))


def _are_authors(text: str) -> bool:
    """Whether a text is a list of authors with the marks of their addresses, or with their degrees."""
    if _AUTHORS.fullmatch(text):
        return True
    bare = _COMMAS.sub(", ", _DEGREES.sub("", _AUTHOR_MARKS.sub("", text))).strip(", ")
    return bare != text and text[0].isalpha() and is_list_of_names(bare)


def is_list_of_names(text: str) -> bool:
    """Whether a text may be the authors below a title: "Ann Lee, John Smith, and Jane Doe"."""
    return bool(_NAMES.fullmatch(text))


def heading_title(text: str) -> str:
    """The text of a heading without its ornament, and the page number and the leaders of an entry in contents."""
    return _LEADERS.sub("", _ORNAMENT.sub("", text) if text.isupper() else text)


def is_wordy(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    return letters >= 2 and letters > 0.4 * sum(not character.isspace() for character in text)


def is_standard_heading(text: str) -> bool:
    return bool(_STANDARD_HEADING.fullmatch(re.sub(r"\W", "", text).lower()))


def is_numbered_below(text: str, above: str) -> bool:
    """Return True when the numbers place a heading below one of the same look: 2.1 below 2."""
    depth, depth_above = numbering_depth(text), numbering_depth(above)
    return depth is not None and depth_above is not None and depth > depth_above


def is_in_section(text: str, above: str) -> bool:
    """Return True when a number begins with that of the heading above: 2.1.3 after 2.1."""
    own, other = NUMBERED.match(text), NUMBERED.match(above)
    return bool(own and other and own["number"] and other["number"] and own["number"].startswith(f"{other['number']}."))


def numbering_depth(text: str) -> int | None:
    match = NUMBERED.match(text)
    return match["number"].count(".") if match and match["number"] else None
