"""Arguments and options shared by several commands, and the store they name."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from flows.output.terminal import print_message

if TYPE_CHECKING:
    from diptych import Diptych, Settings

T = TypeVar("T")

file_type = click.Path(path_type=Path, exists=True, dir_okay=False)
question = click.argument(
    "text", nargs=-1, metavar="[TEXT]...", callback=lambda context, parameter, words: " ".join(words)
)
"""All words of the command line as one text, so that a question needs no quotes."""
paths = click.argument("paths", metavar="PATH|URI...", nargs=-1, required=True)


def _check_store(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():  # such as an unset variable in a script
        raise click.BadParameter("is empty; give a folder or a URL, or leave the option out")
    return value


def _check_pages(context: click.Context, parameter: click.Parameter, value: str) -> str:
    from extractors.page_range import check_page_range

    try:
        return check_page_range(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


store = click.option(
    "--store", metavar="DIR|URL", callback=_check_store, help="Store to use; by default the one in the settings."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON Lines to stdout instead of a summary.")
where = click.option("--where", metavar="EXPR", help='A filter: price < 200 and tags contains "wool".')
copies = click.option("--copies", is_flag=True, help="Also show what copies of a document repeat.")
split_rows = click.option(
    "--split-rows", is_flag=True, help="Show the text and the pictures of a catalogue row as separate hits."
)
budget = click.option(
    "--budget", type=click.FloatRange(0, min_open=True), metavar="USD", help="Maximum spend on paid models."
)
confirm_deletes = click.option(
    "--confirm-deletes", is_flag=True, help="Delete documents whose files are gone, even more than a quarter."
)
prefect = click.option(
    "--prefect/--no-prefect", default=None, help="Record as a Prefect flow run; by default the setting `prefect`."
)


pages = click.option(
    "--pages",
    default="",
    metavar="FROM-TO",
    callback=_check_pages,
    help="Only read these pages of each document: 7, 1-50 or 51-.",
)


class Patterns(NamedTuple):
    """The options `--include` and `--exclude`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


NO_PATTERNS = Patterns()


def patterns(command: Callable[..., T]) -> Callable[..., T]:
    """Add the options `--include` and `--exclude`, which the command gets as its argument `patterns`."""

    @wraps(command)
    def with_patterns(*arguments: Any, include: tuple[str, ...], exclude: tuple[str, ...], **named: Any) -> T:
        return command(*arguments, patterns=Patterns(include, exclude), **named)

    for name, effect in (("--exclude", "Skip files that match"), ("--include", "Only read files that match")):
        text = f"{effect} a pattern, as in .gitignore; repeat it for several. Default: as configured."
        with_patterns = click.option(name, multiple=True, metavar="PATTERN", help=text)(with_patterns)
    return with_patterns


class Span(click.ParamType[tuple[int, int]]):
    """`10` is the first ten hits, `11-20` the next ten. Converts to (limit, offset)."""

    name = "N|FROM-TO"

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,6})", str(value))
        first, last = (int(match[1] or 1), int(match[2])) if match else (0, 0)
        if not 1 <= first <= last:
            self.fail(f"{value!r} is neither a number from 1 nor a range such as 11-20", param, context)
        return last - first + 1, first - 1


class ImageInput(click.ParamType["Path | str | bytes"]):
    """The path of an image file, a URL, or `-` for the bytes on stdin."""

    name = "PATH|URL|-"

    def convert(
        self, value: object, param: click.Parameter | None, context: click.Context | None
    ) -> Path | str | bytes:
        if isinstance(value, Path | bytes):
            return value
        text = str(value)
        if text == "-":
            return sys.stdin.buffer.read()
        if text.lower().startswith(("http://", "https://")):
            return text
        return Path(file_type.convert(text, param, context))


image = click.option("--image", type=ImageInput(), help="An image: a file, a URL, or - for stdin.")
_number = "`3` is exactly three, `3+` at least three; as far as there are any."
passages = click.option("--passages", metavar="N|N+", default="", help=f"Number of passages: {_number}")
pictures = click.option("--pictures", metavar="N|N+", default="", help=f"Number of pictures: {_number}")


def open_store(store: str | None, budget: float | None = None, patterns: Patterns = NO_PATTERNS) -> Diptych:
    """Open the store of the option `--store`, for files selected by `--include` and `--exclude`."""
    from diptych import Diptych

    return Diptych.open(load(store, patterns), budget=budget)


def load(store: str | None, patterns: Patterns = NO_PATTERNS, pages: str = "") -> Settings:
    """The settings of a command with a store that outlives it. Raises `SettingsError`."""
    from diptych.settings import load_settings

    return load_settings(store, *patterns, {"pages": pages}).require_persistent()


def is_recorded(prefect: bool | None, settings: Settings) -> bool:
    """Whether a command is recorded as a flow run, by the option `--prefect` or else the setting."""
    return settings.prefect if prefect is None else prefect


def absolute(place: str) -> str:
    """A path for a flow that runs in another folder; addresses stay as they are."""
    return place if "://" in place else str(Path(place).absolute())


def print_usage(diptych: Diptych) -> None:
    """Write the usage and cost of paid models to stderr, one line per model."""
    from diptych.models.meter import format_usage

    for line in format_usage(diptych.meter):
        print_message(line)
