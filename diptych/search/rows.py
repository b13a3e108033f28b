"""Catalogue rows as one hit each: its texts and pictures are faces of one thing."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from diptych.search.hits import RankedPoint
from diptych.search.ranking.result_order import RankedPart
from diptych.store.register import is_visible, load_records
from diptych.store.types import INDEXED, Store
from diptych.where import Expression, In, all_of
from extractors.formats import is_row


def merge_rows(order: Iterable[RankedPart]) -> list[RankedPart]:
    """Each row once, at the place of its best part."""
    merged: dict[str, RankedPart] = {}
    for point in order:
        row = point.part.place[0] if is_row(point.part.document) else ""
        best = merged.get(row)
        if best is None:
            merged[row or point.id] = point._replace(row=row) if row else point
        else:
            merged[row] = best._replace(others=(*best.others, (point.id, point.part)))
    return list(merged.values())


def complete_rows(points: Sequence[RankedPoint], where: Expression | None, store: Store) -> list[RankedPoint]:
    """The points with all faces of their rows that match `where`: a search may have found only some."""
    rows = tuple(point.row for point in points if point.row)
    if not rows:
        return list(points)
    found = defaultdict(list)
    with store.hold():
        records = load_records(store, rows)
        for collection in (store.text, store.images):
            for face in collection.scroll(all_of(In("document_id", rows), where)):
                if INDEXED in face.payload and is_visible(face.payload, face.id, records):
                    found[face.payload["document_id"]].append((face.id, face.payload))
    return [
        point._replace(
            others=tuple(face for face in sorted(found[point.row], key=lambda f: f[0]) if face[0] != point.fused.id)
        )
        if point.row
        else point
        for point in points
    ]
