"""The points with all words of a page, which ranking reads."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from diptych.store.sections import section_number
from diptych.store.types import Payload
from extractors.types import WHOLE_KINDS

DOCUMENT_FIELDS = ("document_id", "document", "uri", "title", "fields", "flags", "lists", "language")
"""Payload fields that are the same in all points of a document."""


def page_payloads(text: Sequence[Payload], images: Sequence[Payload]) -> Iterator[tuple[Payload, str]]:
    """Every page, or section of a file without pages, with all words on it: a signal for ranking, never a hit itself.

    The image of a whole page repeats the words of its parts, so it is only used if there are no other words.
    """
    parts: dict[int, list[Payload]] = defaultdict(list)
    for part in (*text, *images):
        parts[section_number(part)].append(part)
    shared = {name: value for part in (*text, *images)[:1] for name, value in part.items() if name in DOCUMENT_FIELDS}
    for number, found in sorted(parts.items()):
        words: list[str] = []
        for part in [part for part in found if part["kind"] not in WHOLE_KINDS] or found:
            is_text, heading = part["modality"] == "text", part["heading"][-1:]
            more = [*heading, part["text"]] if is_text else [part.get("model_caption", ""), part["words"]]
            words += [part["caption"], *more]
        # Sorted, because a store returns parts in no particular order.
        if joined := "\n".join(sorted(filter(None, words))):
            about = {"last": number == max(parts), "page": found[0]["page"], **_page_summary(found)}
            yield {**shared, "modality": "text", "kind": "page", **about}, joined


def _page_summary(parts: Sequence[Payload]) -> Payload:
    from extractors.layout.labels import figure_label  # its patterns take 15 ms, which readers of the register save

    headings = {line for part in parts for line in (*part["heading"][-1:], part["caption"]) if line}
    kept = ("folio",) if parts[0].get("paged", True) else ("paged", "heading")
    return {
        "headings": sorted(headings),
        "kinds": sorted({part["kind"] for part in parts if part["modality"] == "image"}),
        "labels": sorted(
            {label for part in parts if part["label"] for label in (part["label"], figure_label(part["label"]))}
        ),
        **{name: value for name, value in parts[0].items() if name in kept},
    }
