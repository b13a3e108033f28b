"""Plain text: paragraphs between blank lines, wrapped lines joined."""

import re
from itertools import groupby
from pathlib import Path

from extractors.blocks.types import BlockDocument, Code, Content, Heading, Text
from extractors.markup.encoding import decode_text
from extractors.text.paragraph_starts import BULLET
from extractors.text.paragraphs import join_lines

MIN_WRAPPED_LENGTH = 50
"""Characters of the longest line of a paragraph from which its lines were wrapped by a program."""
MIN_FULL_LINE = 0.6
"""Share of the longest line that wrapped lines fill, all but the last."""

_UNDERLINE = re.compile(r"\s*([=~^#*-])\1{2,}\s*")
_PAGE_FEED = "\f"


def read_plain_text(path: Path, name: str) -> BlockDocument:
    """Read a text file in any encoding; form feeds separate pages. Raises `ExtractionError`."""
    blocks, pages = plain_text_blocks(decode_text(path.read_bytes(), name))
    return BlockDocument(blocks, pages=pages)


def plain_text_blocks(text: str) -> tuple[list[Content], int]:
    """Return the blocks of a text, and the number of its pages: 0 if nothing separates any."""
    pages = text.rstrip(_PAGE_FEED + " \n").split(_PAGE_FEED)
    blocks = [
        block
        for number, page in enumerate(pages, start=1)
        for is_blank, lines in groupby(page.splitlines(), key=lambda line: not line.strip())
        if not is_blank
        for block in _read_paragraph(list(lines), number)
    ]
    return blocks, len(pages) if len(pages) > 1 else 0


def _read_paragraph(lines: list[str], page: int) -> list[Content]:
    """The blocks of lines without a blank one between them."""
    if len(lines) > 1 and (mark := _UNDERLINE.fullmatch(lines[1])) and not _UNDERLINE.fullmatch(lines[0]):
        heading = Heading(lines[0].strip(), 1 if mark[1] in "=#*" else 2, page=page)
        return [heading, *(_read_paragraph(lines[2:], page) if len(lines) > 2 else [])]
    starts = [n for n, line in enumerate(lines) if n == 0 or BULLET.match(line.strip())]
    items = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    if all(_is_wrapped(item) for item in items):
        return [Text(join_lines([line.strip() for line in item]), page=page) for item in items]
    return [Code("\n".join(line.rstrip() for line in lines), page=page)]


def _is_wrapped(lines: list[str]) -> bool:
    """True for the lines of a paragraph, unlike those of a poem, an address or a table."""
    if len(lines) == 1:
        return True
    longest = max(map(len, lines))
    if longest < MIN_WRAPPED_LENGTH or any(re.search(r"\S {3,}\S|\t", line.strip()) for line in lines):
        return False
    return all(len(line) >= MIN_FULL_LINE * longest for line in lines[:-1])
