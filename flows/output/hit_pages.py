"""Pages of the Prefect UI with pictures: hits and evidence as Markdown. Nothing from a document becomes markup."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from diptych.answering.answer import Reference
from diptych.printable import one_line
from diptych.serve.page.text import mark_words
from flows.output.search_results import hit_cells
from flows.output.wording import escape_markdown, markdown_link

MAX_THUMBNAILS = 12
"""Pictures on a page. They are kept in Prefect's database, at about 8 KB each."""
THUMBNAIL_SIDE, CROP_SIDE = 150, 320
"""Pixels of the longer side of a hit's picture, and of the evidence of an answer, whose words should be legible."""
MAX_IMAGE_BYTES = 40_000
MAX_HITS = 100
"""Hits on a page."""
MAX_TEXT, MAX_READ = 320, 20_000
"""Characters of a hit's text, and how many are searched for the first match."""


def hits_markdown(
    hits: Sequence[Mapping[str, Any]], text: str, notes: Iterable[str] = (), search_page: str = ""
) -> str:
    """Hits one below the other: document and page, picture, text with the words of the query in bold; ranks last.

    Not as a table, because Prefect's first UI never wraps the text of a cell. `search_page`: the address of
    `diptych serve`, to link hits to.
    """
    lines = [f"**{escape_markdown(text)}**", *(escape_markdown(note) for note in notes if note)]
    shown = 0
    for hit in hits[:MAX_HITS]:
        picture = thumbnail(hit["image"], THUMBNAIL_SIDE) if hit["image"] and shown < MAX_THUMBNAILS else ""
        shown += bool(picture)
        rank, what, document, place, ranks, words, _ = hit_cells(hit, MAX_READ)
        link = markdown_link(document, search_page, f"hits/{hit['id']}")
        where = f"**{link}**" + (f", {escape_markdown(one_line(place))}" if place else "")
        lines += ["---", f"{rank}\\. {where} ({escape_markdown(what)})", picture, bold_words(words, text)]
        lines.append(f"*{escape_markdown(ranks)}*")
    if len(hits) > MAX_HITS:
        lines.append(f"{len(hits) - MAX_HITS} more hits are in the result of the run.")
    return "\n\n".join(filter(None, lines))


def bold_words(text: str, query: str) -> str:
    """Text escaped for Markdown, with the words that also occur in the query, in whatever form, in bold."""
    pieces = mark_words(one_line(text, MAX_READ), query, MAX_TEXT)
    return "".join(
        f"**{escape_markdown(piece)}**" if bold else escape_markdown(piece, strip=False) for piece, bold in pieces
    )


def thumbnail(path: str | None, side: int) -> str:
    """A stored picture as an image in Markdown, encoded again from its pixels; empty if it cannot be shown."""
    from diptych.models.image_input import prepare_image
    from extractors.errors import ExtractionError

    if not path:
        return ""
    try:
        image = prepare_image(Path(path), "picture", side)
    except (ExtractionError, OSError):
        return ""
    if len(image.data) > MAX_IMAGE_BYTES:
        return ""
    return f"![]({image.data_address})"


def evidence_crops(citations: Sequence[Reference]) -> str:
    """The pictures that an answer rests on, each below its number and place."""
    shown = ((source, thumbnail(source.image, CROP_SIDE)) for source in citations if source.image)
    found = [f"{source.number}. {escape_markdown(source.place)}\n\n   {image}" for source, image in shown if image]
    return "\n\n".join(["### Evidence", *found[:MAX_THUMBNAILS]]) if found else ""
