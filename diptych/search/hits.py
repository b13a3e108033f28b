"""Hits: what of a stored point whoever asked is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diptych.search.fusion import Fused
from diptych.store.register import local_path
from diptych.store.types import Payload
from extractors.pictures.store import image_path
from extractors.types import ImageFile

SNIPPET = 400
"""Characters of a picture's description that stand for its text."""


@dataclass(frozen=True, slots=True)
class Hit:
    rank: int
    modality: str
    kind: str
    source: str
    """Path of the file, or URI when it is not on this machine; a catalogue row has its `#id`."""
    document: str
    page: int | None
    bbox: list[float] | None
    text: str
    caption: str
    image: str | None
    """Path of the picture's file."""
    score: float
    ranks: Mapping[str, int]
    """List -> rank in it: `text.dense`, `text.bm25`, `images.description`, `images.visual`, `images.bm25`; and the rank
    of its page by each kind of evidence in `ranking.SIGNALS`: `pages.bm25`, `pages.phrases`, `named` …"""
    fields: Mapping[str, Any]
    id: str = ""
    title: str = ""
    heading: tuple[str, ...] = ()
    label: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def make_hit(rank: int, fused: Fused, payload: Payload, pictures: Path) -> Hit:
    """What a stored point is to whoever asked; `pictures`: folder of the picture store."""
    image = payload.get("image")
    text = payload.get("text") or " ".join([payload.get("words", ""), *payload.get("context", [])]).strip()[:SNIPPET]
    return Hit(
        rank=rank,
        modality=payload["modality"],
        kind=payload["kind"],
        source=local_path(payload["uri"]),
        document=payload["document"],
        page=payload["page"],
        bbox=payload["bbox"],
        text=text,
        caption=payload["caption"],
        image=str(image_path(ImageFile(**image), pictures)) if image else None,
        score=round(fused.score, 6),
        ranks=dict(fused.ranks),
        fields=payload["fields"],
        id=fused.id,
        title=payload["title"],
        heading=tuple(payload["heading"]),
        label=payload["label"],
    )
