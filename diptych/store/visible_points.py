"""Read the points of documents that count, while other processes replace those documents."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from diptych.store.register import (
    DocumentRecord,
    current_payload,
    is_visible,
    load_records,
    read_register,
    register_version,
)
from diptych.store.types import PAGE_WORDS, Collection, Payload, Point, Store
from diptych.where import Expression, In, all_of

Records = Mapping[str, DocumentRecord]


def visible_points(store: Store, collections: Sequence[Collection], where: Expression | None = None) -> list[Point]:
    """The points that count, sorted by id, with the current name of their document.

    All points of a document are of one moment: those of documents that change meanwhile are read again.
    """
    version, points = register_version(store), _read(collections, where)
    now, payloads = read_register(store, _documents(points))
    records: Records = {id_: DocumentRecord.of(payload) for id_, payload in payloads.items()}
    visible = _visible(points, records) if now == version else []
    changed = None if now != version else set[str]()  # unknown which
    while changed is None or changed:
        before = records
        points = _read(collections, where if changed is None else all_of(In("document_id", tuple(changed)), where))
        records = load_records(store, _documents(points) | before.keys())
        changed = {id_ for id_ in records.keys() | before.keys() if records.get(id_) != before.get(id_)}
        visible += _visible((one for one in points if one.payload["document_id"] not in changed), records)
        records = {id_: record for id_, record in records.items() if id_ in changed}
    return sorted(visible, key=lambda point: point.id)


def visible_part(store: Store, id_: str) -> Payload | None:
    """The payload of the passage or picture that has this id; None if none has it, or if it does not count."""
    try:
        uuid.UUID(id_)
    except ValueError:
        return None
    found = (point.payload for collection in (store.text, store.images) for point in collection.retrieve([id_]))
    payload = next((one for one in found if PAGE_WORDS not in one), None)
    return payload if payload and is_visible(payload, id_, load_records(store, [payload["document_id"]])) else None


def _read(collections: Sequence[Collection], where: Expression | None) -> list[Point]:
    return [point for collection in collections for point in collection.scroll(where)]


def _documents(points: Iterable[Point]) -> set[str]:
    return {point.payload["document_id"] for point in points}


def _visible(points: Iterable[Point], records: Records) -> list[Point]:
    return [
        replace(point, payload=current_payload(point.payload, records))
        for point in points
        if is_visible(point.payload, point.id, records)
    ]
