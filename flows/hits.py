"""Pure: hits as rows that a person reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flows.terminal import one_line

if TYPE_CHECKING:
    from diptych.search import Hit

COLUMNS = ("#rank", "what", "document", "#page", "brought by", "found", "picture")


def hit_cells(hit: Hit, picture: str | None = None) -> list[str]:
    """One row under `COLUMNS`; `picture` stands for the path where that is too long to read."""
    return [
        str(hit.rank),
        hit.modality if hit.kind == hit.modality else f"{hit.modality}: {hit.kind}",
        hit.document,
        str(hit.page or ""),
        ranks(hit),
        snippet(hit),
        (hit.image or "") if picture is None else picture,
    ]


def hit_rows(hits: Iterable[Hit]) -> list[dict[str, object]]:
    """The same for a table in the Prefect UI."""
    return [dict(zip((name.lstrip("#") for name in COLUMNS), hit_cells(hit), strict=True)) for hit in hits]


def ranks(hit: Hit) -> str:
    """`text.dense 1, text.bm25 4`: the lists that brought it, best rank first."""
    return ", ".join(f"{name} {rank}" for name, rank in sorted(hit.ranks.items(), key=lambda item: item[1]))


def snippet(hit: Hit) -> str:
    """The caption, else the beginning of the text, on one line."""
    return one_line(hit.caption or hit.text or hit.title)
