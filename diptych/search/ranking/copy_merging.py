"""Content that several copies of a document have counts once."""

from collections.abc import Mapping, Sequence

from diptych.search.ranking.ranking_inputs import Part
from diptych.search.ranking.result_order import RankedPart


def merge_copies(order: Sequence[RankedPart], groups: Mapping[str, str]) -> list[RankedPart]:
    """The results without those that a copy of their document has as well; the copy with the first address stays.

    `groups`: document id -> group, for documents that have copies. What only one of them contains stays.
    """
    if not groups:
        return list(order)
    owners: dict[str, str] = {}
    for point in order:
        if point.part.place[0] in groups:
            content = _content(point.part, groups)
            owners[content] = min(owners.get(content, point.part.uri), point.part.uri)
    merged = []
    for point in order:
        if point.part.place[0] not in groups:
            merged.append(point)
        elif owners[content := _content(point.part, groups)] == point.part.uri:
            merged.append(point if point.row else point._replace(content=f"{content} {point.part.page}"))
    return merged


def _content(part: Part, groups: Mapping[str, str]) -> str:
    return f"{groups[part.place[0]]} {part.copied}"
