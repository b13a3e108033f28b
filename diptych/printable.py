"""Text that is safe to print, whatever a document or a model put into it."""

import re
from collections.abc import Sequence

from extractors.addresses import escape_bytes

CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""C0, DEL, C1, line separators, marks that change the reading direction, lone surrogates; not tab and newline."""


def printable(text: str) -> str:
    """Replace every character that controls a terminal by its escape sequence, such as `\\x1b` or `\\u202e`."""
    return CONTROL_CHARACTERS.sub(lambda match: match[0].encode("unicode_escape").decode(), escape_bytes(text))


def printable_line(text: str) -> str:
    """Printable text in which line breaks are escaped too, as a file name with one must not look like two lines."""
    return printable(text).replace("\n", "\\n")


def first_names(names: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: the first of some names."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def one_line(text: str, length: int = 160) -> str:
    """Printable text on one line, cut at a word boundary if longer than `length` characters."""
    line = " ".join(printable(text).split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0] + "…"
