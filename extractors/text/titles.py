"""The title of a document: its file's own title if the document prints it, else what stands out on the first page."""

import re
from collections.abc import Sequence
from math import inf
from statistics import median

from extractors.text.cleaning import bare_letters
from extractors.text.paragraphs import Paragraph, join_lines

MAX_TITLE_LENGTH = 200  # characters; a page with fewer is a cover, whose largest print is the title whatever its size
MIN_SIZE_RATIO = 1.15  # a title's font size against that of most text: smaller differences occur within running text
MAX_LINES, MIN_LETTERS = 5, 6  # extent of a printed title; longer ones are paragraphs, shorter ones numbers and logos
MAX_SENTENCE_ENDS = 1  # more make running text, the size of which OCR may overstate

_PLACEHOLDER = re.compile(
    r"(untitled|microsoft|powerpoint).*|[\W\d_]*"
    r"|.*\.(docx?|dvi|html?|indd|odp|odt|pages|pdf|pptx?|ps|qxd|qxp|rtf|tex|txt|wpd|xlsx?)",
    re.IGNORECASE,
)
"""What programs write into a file without a title: their own name, the file's name, a number."""
_GENRE = re.compile(
    r"(original|research|review|regular|short|full|brief|technical|white)?\W*"
    r"(article|paper|research|review|report|communication|note|letter|editorial)s?"
    r"|case (report|study)|abstract|introduction|(table of )?contents|index|draft|confidential"
    r"|inhalt(sverzeichnis)?|sommaire|table des matières|índice|contenido|indice|daftar isi|目\s*[次录錄]"
    r"|(for )?(immediate |media |press )*release\b.*|(annual |quarterly |current )?(report on )?form \d+\W?\w+"
    r"|(united states )?securities and exchange commission.*",
    re.IGNORECASE,
)
"""Prominent print that names the kind of document, or a part of it."""
_SENTENCE_END = re.compile(r"[^\W\d_]{3}[.;!?](?=\s|$)")


def find_title(metadata_title: str, paragraphs: Sequence[Paragraph]) -> str:
    """Return the title, at most `MAX_TITLE_LENGTH` characters, or "": no title misleads less than a wrong one.

    `paragraphs` are those of the first two pages, as the first may be a cover.
    """
    own = " ".join(metadata_title.split())
    own = "" if _GENRE.fullmatch(own) else own
    texts = [(paragraph, join_lines(paragraph.lines)) for paragraph in paragraphs]
    printed_text = bare_letters(" ".join(text for _, text in texts))
    if len(bare_letters(own)) >= MIN_LETTERS - 1 and bare_letters(own) in printed_text:
        return own[:MAX_TITLE_LENGTH]
    own = "" if _PLACEHOLDER.fullmatch(own) else own
    printed = _printed_title(texts)
    return (own if bare_letters(printed) in bare_letters(own) else printed)[:MAX_TITLE_LENGTH]


def is_placeholder(title: str) -> bool:
    """Return True for a title in metadata that says nothing: a program's name, the file's name, a kind of document."""
    return bool(_PLACEHOLDER.fullmatch(title) or _GENRE.fullmatch(title))


def _printed_title(texts: Sequence[tuple[Paragraph, str]]) -> str:
    """The largest print on the first page, if it stands out from the text or the page is a cover."""
    candidates = [
        (paragraph.size, text)
        for paragraph, text in texts
        if paragraph.page == 1
        and len(paragraph.lines) <= MAX_LINES
        and sum(map(str.isalpha, text)) >= MIN_LETTERS
        and not _GENRE.fullmatch(text.strip(" .:·—-"))
        and len(_SENTENCE_END.findall(text)) <= MAX_SENTENCE_ENDS
    ]
    if not candidates:
        return ""
    size, text = max(candidates, key=lambda candidate: candidate[0])  # the first of several as large
    is_cover = sum(len(text) for paragraph, text in texts if paragraph.page == 1) <= MAX_TITLE_LENGTH
    return text if is_cover or size >= MIN_SIZE_RATIO * min(_median_size(texts, 1), _median_size(texts, 2)) else ""


def _median_size(texts: Sequence[tuple[Paragraph, str]], page: int) -> float:
    return median([paragraph.size for paragraph, text in texts if paragraph.page == page for _ in text] or [inf])
