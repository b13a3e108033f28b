"""Hits: the search results that users see."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from diptych.search.place_wording import describe_place
from diptych.search.ranking.fusion import FusedPoint
from diptych.store.types import Payload
from extractors.addresses import local_path
from extractors.pictures.store import image_path
from extractors.table_grid import table_from_json, table_html
from extractors.types import ImageFile

T = TypeVar("T")
MAX_SNIPPET = 400
"""Characters of a picture's words and context that serve as its text."""


@dataclass(frozen=True, slots=True)
class Face:
    """A text or a picture of a catalogue row."""

    id: str
    modality: str
    kind: str
    text: str
    caption: str
    image: str | None
    """Path of the image file."""
    model_caption: str = ""
    """What a vision model says about a picture; not words of the document."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage, a picture, or a catalogue row: its best text and its best picture, under the id of the better one."""

    rank: int
    modality: str
    kind: str
    source: str
    """Path of the file, or its URI if it is not on this machine; a catalogue row ends in its `#id`."""
    document: str
    page: int | None
    """1 in a file without pages."""
    bbox: list[float] | None
    text: str
    caption: str
    image: str | None
    """Path of the image file."""
    score: float
    ranks: Mapping[str, int]
    """Ranked list -> rank in it: `text.dense`, `text.bm25`, `images.description`, `images.visual`, `images.picture`
    (without the words of the query), `images.bm25`, `images.patches`, `text.named` and `images.named` (among the
    pages, figures and tables that the query names); and of the hit's page: `reranker`, and each signal (`pages.bm25`,
    `named` and the others in `page_signals.SIGNALS`)."""
    fields: Mapping[str, Any]
    id: str = ""
    title: str = ""
    heading: tuple[str, ...] = ()
    label: str = ""
    folio: int | None = None
    """The printed page number, if it differs from `page`."""
    named_page: Literal["", "printed", "position"] = ""
    """Which of the two numbers the query names, if they differ: the printed number, or the position in the file."""
    place: str = ""
    """Where it is in the document, for people: see `describe_place`."""
    model_caption: str = ""
    """What a vision model says about a picture; not words of the document."""
    table: Mapping[str, Any] | None = None
    """The grid of a table, see `extractors.table_grid.table_json`; `text` is its Markdown."""
    faces: tuple[Face, ...] = ()
    """The texts and pictures of a catalogue row, the one that was found best first; empty for other hits."""
    document_id: str = ""

    @property
    def table_html(self) -> str:
        """The table as HTML with spans, levels of headers and row groups; empty for other hits."""
        return table_html(table_from_json(self.table), self.caption) if self.table else ""

    @property
    def full_text(self) -> str:
        """Caption, text and model caption, as far as there are any."""
        return "\n".join(dict.fromkeys(filter(None, (self.caption, self.text, self.model_caption))))

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return values | {"table_html": self.table_html}


class Results(list[T]):
    """What a query found, best first."""

    def __init__(self, found: Iterable[T] = (), *, resembles: bool = True, problem: str = "") -> None:
        super().__init__(found)
        self.problem = problem
        """Why the image was not searched with, or the reranker did not order the hits; empty if all went as asked."""
        self.resembles = resembles
        """Whether anything in the store resembles the query; if not, the list is empty."""


class RankedPoint(NamedTuple):
    """A stored passage or picture with its score and ranks, or the best part of a catalogue row with all the others."""

    fused: FusedPoint
    payload: Payload
    row: str = ""
    """Document id of the row."""
    others: tuple[tuple[str, Payload], ...] = ()
    """Ids and payloads of the other parts of the row."""


def make_hits(
    points: Iterable[RankedPoint], pictures: Path, first: int = 1, page_numbers: Set[int] = frozenset()
) -> list[Hit]:
    """Hits with ranks from `first` on; `pictures` is the folder of the picture store.

    `page_numbers` are named in the query.
    """
    return [make_hit(rank, point, pictures, page_numbers) for rank, point in enumerate(points, start=first)]


def make_hit(rank: int, point: RankedPoint, pictures: Path, page_numbers: Set[int] = frozenset()) -> Hit:
    payload = point.payload
    page, folio = payload["page"], max(payload.get("folio", 0), 0) or None  # pages before page 1 have no number
    faces = [_make_face(id_, part, pictures) for id_, part in ((point.fused.id, payload), *point.others)]
    named: Literal["", "printed", "position"] = (
        "" if not folio else "printed" if folio in page_numbers else "position" if page in page_numbers else ""
    )
    heading, paged = tuple(payload["heading"]), payload.get("paged", True)
    text, picture = (next((one for one in faces if one.modality == name), faces[0]) for name in ("text", "image"))
    return Hit(
        rank=rank,
        modality=payload["modality"],
        kind=payload["kind"],
        source=local_path(payload["uri"]),
        document=payload["document"],
        page=page,
        bbox=payload["bbox"] and [*payload["bbox"]],  # payloads are kept for other queries
        text=text.text,
        caption=picture.caption,
        image=picture.image,
        score=round(point.fused.score, 6),
        ranks=dict(point.fused.ranks),
        fields={**payload["fields"]},
        id=point.fused.id,
        title=payload["title"],
        heading=heading,
        label=payload["label"],
        folio=folio,
        named_page=named,
        place=describe_place(payload["document"], page, folio, paged=paged, heading=heading, named=named),
        model_caption=picture.model_caption,
        table=payload.get("table"),
        faces=tuple(faces) if point.row else (),
        document_id=payload["document_id"],
    )


def _make_face(id_: str, payload: Payload, pictures: Path) -> Face:
    image = payload.get("image")
    words = " ".join([payload.get("words", ""), *payload.get("context", [])]).strip()
    return Face(
        id=id_,
        modality=payload["modality"],
        kind=payload["kind"],
        text=payload.get("text") or words[:MAX_SNIPPET],
        caption=payload["caption"],
        image=str(image_path(ImageFile(**image), pictures)) if image else None,
        model_caption=payload.get("model_caption", ""),
    )
