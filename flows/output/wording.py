"""Text for people: escaped for Markdown, with counts and commands spelled out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from diptych.object_store import hide_credentials
from diptych.printable import first_names, one_line, printable

if TYPE_CHECKING:
    from diptych.pipeline.sweep import SweepReport
    from diptych.settings import Settings


MAX_NAMED = 5
"""Documents that a message names."""
MAX_NOTES = 20
"""Notes that `status` shows."""


def pluralize(count: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def describe_notes(notes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A line for each of the first notes, with the documents that have it. `notes`: by document."""
    documents: dict[str, list[str]] = {}
    for document, noted in notes.items():
        for note in noted:
            documents.setdefault(note, []).append(document)
    for note, names in [*documents.items()][:MAX_NOTES]:
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"note: {names[0]}{others}: {one_line(note, 300)}"
    if len(documents) > MAX_NOTES:
        yield f"{len(documents) - MAX_NOTES} more notes; --json shows all"


def format_time(seconds: float) -> str:
    """`40 s`, `8 min`, `3 h` or `2 days`."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def describe_rest(done: int, left: int | None) -> str:
    """What a stopped run leaves to the next one; None: not known."""
    rest = "some documents are left" if left is None else f"{pluralize(left, 'document')} left"
    return f"stopped after {pluralize(done, 'document')}: {rest}; the next run continues"


def escape_markdown(text: str, length: int = 2000, *, strip: bool = True) -> str:
    """Text from documents or models on one line, so that none of it becomes markup, nor an address a link.

    `strip`: without spaces around it.
    """
    line = one_line(text, length)
    if not strip:  # part of a line: the spaces around it belong to it
        line = f"{text[:1].isspace() * ' '}{line}{(text[-1:].isspace() and bool(line)) * ' '}"
    escaped = re.sub(r"([\\`*_{}\[\]<>()#+!|~&$-])", r"\\\1", line)
    # Entities, because a backslash does not keep an address from becoming a link.
    return re.sub(r"(?i)(?<=www)\.|:(?=//)|@", lambda match: f"&#{ord(match[0])};", escaped)


def markdown_link(text: str, search_page: str, path: str) -> str:
    """Escaped text, linked to a page of `diptych serve` if the setting `search_page` says where that is."""
    return f"[{escape_markdown(text)}]({search_page.rstrip('/')}/{path})" if search_page else escape_markdown(text)


def markdown_code(text: str) -> str:
    """Text on one line as inline code, which also keeps markup in it from taking effect."""
    return "`" + " ".join(printable(text.replace("`", "'")).split()) + "`"


def diptych_command(name: str, *arguments: str, store: str) -> str:
    """A command to copy into a shell; `--store` is left out for the default store."""
    from diptych.settings import Settings

    default = Settings.model_fields["store"].default
    return shlex.join(
        ["diptych", name, *arguments, *(["--store", hide_credentials(store)] if store != default else [])]
    )


def describe_sweep(swept: SweepReport, store: str) -> str:
    """`removed 3 points, 2 pictures, 1 old edition`, and which documents lack parts."""
    counts = ((swept.points, "point"), (swept.pictures, "picture"), (swept.editions, "old edition"))
    parts = ", ".join(pluralize(count, noun) for count, noun in counts if count)
    removed = f"removed {parts}" if parts else "nothing to remove"
    removed += f"; {swept.kept}" if swept.kept else "" if parts else "; unused pictures are kept for an hour"
    if not swept.incomplete:
        return removed
    retry, names = diptych_command("retry", "--all", store=store), first_names(swept.incomplete, MAX_NAMED)
    lacking = pluralize(len(swept.incomplete), "document")
    return f"{removed}; the store has lost parts of {lacking}: {names}; `{retry}` or the next ingest stores them"


def describe_reindex(encoded: int, settings: Settings) -> str:
    sweep = diptych_command("sweep", store=settings.store)
    encoders = " and ".join(filter(None, [settings.encoder, settings.image_encoder, settings.page_encoder]))
    return (
        f"rebuilt with {encoders} ({settings.language}), {pluralize(encoded, 'part')} encoded; the old edition is kept "
        f"until `{sweep}`"
    )
