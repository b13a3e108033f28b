"""What the commands print and return: data on stdout, messages on stderr, exit codes.

Text from documents is untrusted: its control characters could move the cursor, recolour the screen or overwrite lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

from diptych.printable import CONTROL_CHARACTERS, printable, printable_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE_WIDTH = 160
"""Columns of a table when stdout is not a terminal."""


class ExitCode(IntEnum):
    """Exit codes of the `diptych` command. Scripts depend on them."""

    COMPLETE = 0
    ERROR = 1
    USAGE = 2
    """Returned by click for wrong arguments."""
    PARTIAL = 3
    """Some documents are partial, wait for a larger budget, or wait to be deleted."""
    FAILED = 4
    """Some documents failed."""
    BELOW_GATE = 5
    """An evaluation is below its gate."""
    INTERRUPTED = 130


def json_line(record: Mapping[str, object], *, ascii_only: bool = False) -> str:
    """One line of JSON. Every script stays readable, unless `ascii_only`; control characters are escaped."""
    text = json.dumps(record, ensure_ascii=ascii_only)
    return CONTROL_CHARACTERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_json(record: Mapping[str, object]) -> None:
    """Write one line of JSON to stdout and flush it, so that the next program in a pipe can start."""
    line = json_line(record)
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # stdout would escape it in a way that JSON does not know
        line = json_line(record, ascii_only=True)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_message(line: str) -> None:
    """Write one line to stderr, unless it is empty."""
    from rich.text import Text

    if line:
        stderr_console().print(Text(printable_line(line)), soft_wrap=True)


@cache
def stderr_console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def build_table(columns: Iterable[str], rows: Iterable[Iterable[str]], title: str = "") -> Table:
    """A table of untrusted cells. Columns whose name starts with `#` are numeric and right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    result = Table(
        box=SIMPLE_HEAD, title=Text(printable(title)) if title else None, title_justify="left", pad_edge=False
    )
    for name in columns:
        result.add_column(name.lstrip("#"), justify="right" if name.startswith("#") else "left", overflow="fold")
    for row in rows:
        result.add_row(*(Text(printable_line(cell)) for cell in row))
    return result


def print_output(*parts: Table | str) -> None:
    """Write tables and lines to stdout, as wide as the terminal. In a pipe, lines are not wrapped."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    for part in parts:
        if isinstance(part, str):
            _print_line(console, printable(part))
        else:
            console.print(part)


def _print_line(console: Console, line: str) -> None:
    """Wrap a line below its own indentation. A path is never wrapped, so that it can be copied."""
    from rich.padding import Padding
    from rich.text import Text

    words = line.strip()
    if not console.is_terminal or " " not in words:
        console.print(Text(line), soft_wrap=True)
        return
    indentation = len(line) - len(line.lstrip())
    console.print(Padding(Text(words), (0, 0, 0, indentation), expand=False))
