"""What the commands print: data on stdout, everything else on stderr, and nothing that a document could smuggle in.

Text from documents is untrusted: a control character in it could move the cursor, recolour the screen or retype a line.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""C0, DEL, C1, line separators, marks that reverse the reading direction, lone surrogates; tab and newline may stay."""


def plain(text: str) -> str:
    """`text` with every character that a terminal obeys shown as `\\x1b`, `\\u202e` …"""
    return CONTROL.sub(_escaped, text)


def one_line(text: str, length: int = 160) -> str:
    """`plain` text on one line, cut at a word where it is longer than `length` characters."""
    line = " ".join(plain(text).split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0] + "…"


def json_line(record: Mapping[str, object]) -> str:
    """`record` as one line of JSON that keeps every script readable and no control character raw."""
    return CONTROL.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(record, ensure_ascii=False))


def put(line: str) -> None:
    """One line of data to stdout, at once, so that a reader further down the pipe can start."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """One line for the person to stderr."""
    messages().print(Text(plain(line)), soft_wrap=True)


@cache
def messages() -> Console:
    """The console on stderr."""
    return Console(stderr=True, highlight=False)


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], title: str = "") -> Table:
    """A table of untrusted cells; a column whose name starts with `#` holds numbers."""
    result = Table(box=SIMPLE_HEAD, title=Text(plain(title)) if title else None, title_justify="left", pad_edge=False)
    for name in columns:
        result.add_column(name.lstrip("#"), justify="right" if name.startswith("#") else "left", overflow="fold")
    for row in rows:
        result.add_row(*(Text(plain(cell)) for cell in row))
    return result


def show(*parts: Table | str) -> None:
    """Tables and lines to stdout: as wide as the terminal; in a pipe tables have 160 columns, and lines stay whole."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    for part in parts:
        if isinstance(part, Table):
            console.print(part)
        else:
            _show_line(console, plain(part))


def _show_line(console: Console, line: str) -> None:
    """Wrapped under its own indent; a path stays one word that can be copied."""
    words = line.strip()
    if not console.is_terminal or " " not in words:
        console.print(Text(line), soft_wrap=True)
        return
    indent = len(line) - len(line.lstrip())
    console.print(Padding(Text(words), (0, 0, 0, indent), expand=False))


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "backslashreplace").decode("ascii")
