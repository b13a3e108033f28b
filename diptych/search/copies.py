"""Content that several copies of a document have counts once."""

from collections.abc import Mapping, Sequence

from diptych.search.hits import RankedPoint
from diptych.store.types import Payload


def merge_copies(order: Sequence[RankedPoint], groups: Mapping[str, str]) -> list[RankedPoint]:
    """The results without those that a copy of their document has as well; the copy with the first address stays.

    `groups`: document id -> group, for documents that have copies. What only one of them contains stays.
    """
    owners: dict[str, str] = {}
    for point in order:
        if point.payload["document_id"] in groups:
            content = _content(point.payload, groups)
            owners[content] = min(owners.get(content, point.payload["uri"]), point.payload["uri"])
    merged = []
    for point in order:
        if point.payload["document_id"] not in groups:
            merged.append(point)
        elif owners[content := _content(point.payload, groups)] == point.payload["uri"]:
            place = f"{content} {point.payload['page']}"
            merged.append(point if point.row else point._replace(content=place))
    return merged


def _content(payload: Payload, groups: Mapping[str, str]) -> str:
    image = payload.get("image") or {}
    return f"{groups[payload['document_id']]} {payload['modality']} {payload['content_hash']} {image.get('sha256', '')}"
