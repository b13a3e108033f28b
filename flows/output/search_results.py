"""Search results for people: hits as lines and rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from diptych.printable import one_line
from flows.output.terminal import print_json, print_output

if TYPE_CHECKING:
    from diptych import Hit

COLUMNS = ("#rank", "what", "document", "place", "found by", "text", "picture")
NOTHING_RESEMBLES = {"hits": [], "resembles": False}
"""Printed with `--json` instead of hits if nothing in the store resembles the query."""
MAX_TEXT = 160
"""Characters of a hit's text on a line."""
TABLE_RULE = re.compile(r"[\s|:-]+")
"""The line below the header of a table in Markdown."""


def hit_cells(hit: Mapping[str, Any], length: int = MAX_TEXT) -> list[str]:
    """One row under `COLUMNS`. `hit` is a `Hit` as a dict.

    `length`: maximum number of characters of the text.
    """
    ranks = sorted(hit["ranks"].items(), key=lambda item: item[1])
    return [
        str(hit["rank"]),
        _describe_kind(hit),
        hit["document"],
        hit["place"],
        ", ".join(f"{name} {rank}" for name, rank in ranks),
        one_line(_hit_text(hit), length),
        hit["image"] or "",
    ]


def _hit_text(hit: Mapping[str, Any]) -> str:
    """Caption, text or title; a table as its rows, with a dot between cells."""
    text = str((not hit.get("faces") and hit["caption"]) or hit["text"] or hit["title"])
    if hit["kind"] != "table" or hit["modality"] != "text":
        return text
    lines = (re.split(r"(?<!\\)\|", line) for line in text.splitlines() if not TABLE_RULE.fullmatch(line))
    return "; ".join(" · ".join(filter(None, map(str.strip, cells))) for cells in lines)


def _describe_kind(hit: Mapping[str, Any]) -> str:
    """`text`, `image: figure`, or `text + image: photo` for a catalogue row."""
    parts = hit.get("faces") or [hit]
    kinds = (
        one["modality"] if one["kind"] == one["modality"] else f"{one['modality']}: {one['kind']}" for one in parts
    )
    return " + ".join(dict.fromkeys(kinds))


def hit_lines(hit: Mapping[str, Any]) -> list[str]:
    """One hit in a few lines: place and kind, text, picture, the id for `diptych like`, and the ranks."""
    rank, what, document, place, ranks, text, picture = hit_cells(hit)
    said = f"model caption: {one_line(hit['model_caption'])}" if hit["model_caption"] else ""
    details = [text, said, picture, f"id {hit['id']}, by {ranks}"]
    where = ", ".join(filter(None, (document, place)))
    return [f"{rank:>3}  {one_line(where)}  [{what}]", *(f"     {line}" for line in details if line)]


def print_hits(hits: Iterable[Hit], as_json: bool) -> None:
    for hit in hits:
        if as_json:
            print_json(hit.as_dict())
        else:
            print_output(*hit_lines(hit.as_dict()))
