"""Hits as lines and rows that a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flows.support.terminal import json_line, one_line, put, show

COLUMNS = ("#rank", "what", "document", "#page", "brought by", "found", "picture")


def hit_cells(hit: Mapping[str, Any]) -> list[str]:
    """One row under `COLUMNS`; `hit` as `Hit.as_dict` gives it. A catalogue's row has no page."""
    from extractors.formats import is_row

    ranks = sorted(hit["ranks"].items(), key=lambda item: item[1])
    return [
        str(hit["rank"]),
        hit["modality"] if hit["kind"] == hit["modality"] else f"{hit['modality']}: {hit['kind']}",
        hit["document"],
        "" if is_row(hit["document"]) else str(hit["page"] or ""),
        ", ".join(f"{name} {rank}" for name, rank in ranks),
        one_line(hit["caption"] or hit["text"] or hit["title"]),
        hit["image"] or "",
    ]


def hit_lines(hit: Mapping[str, Any]) -> list[str]:
    """One hit for people: place and kind, its words, what brought it, its picture, and the id that `like` takes."""
    rank, what, document, page, brought, found, picture = hit_cells(hit)
    place = f"{document}, page {page}" if page else document
    details = [found, picture, f"id {hit['id']}, by {brought}"]
    return [f"{rank:>3}  {one_line(place)}  [{what}]", *(f"     {line}" for line in details if line)]


def tell_hits(hits: Iterable[Mapping[str, Any]], as_json: bool) -> None:
    """The hits on stdout, for people or as JSON Lines."""
    for hit in hits:
        if as_json:
            put(json_line(hit))
        else:
            show(*hit_lines(hit))


def hit_rows(hits: Iterable[Mapping[str, Any]]) -> list[dict[str, object]]:
    """The same for a table in the Prefect UI."""
    return [dict(zip((name.lstrip("#") for name in COLUMNS), hit_cells(hit), strict=True)) for hit in hits]
