"""Passages and pictures in one list: the pages that answer best first, of each page the parts that were found best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diptych.search.fusion import Fused
from diptych.search.page_signals import Place, Values

PARTS = "parts"
"""The evidence of what was found on a page: its best passage and its best picture, as the ranked lists place them."""
OWN = 0.5
"""How far a part's own place counts beside that of its page."""
ASKED = 0.5
"""The same for the figure or table whose label the question names."""
AGAIN = 1.0
"""What every further passage, and every further picture, of a page gives way by, so that the first hits show more
pages; and what says and shows the same as a part of another page, as in a copy or another edition of a document."""
ALIKE = 0.9
"""From this share of the best document's score on, another document answers as well: the question is not about one."""
FURTHER = 0.1
"""What every further page of a document then gives way by, as a share of the best score. Where one document is ahead,
it is almost always the one that is meant, and nothing gives way; measured, see docs/search.md."""


@dataclass(frozen=True, slots=True)
class Part:
    """A passage or a picture that was found."""

    place: Place
    modality: str
    label: str = ""
    shows: str = ""
    """Its text, or the hash of its pixels: what another part of the page already shows is not shown again."""
    says: str = ""
    """Its words as stems, numbers among them: what says the very same elsewhere gives way."""


def arrange(
    fused: Sequence[Fused],
    parts: Mapping[str, Part],
    values: Mapping[str, Values],
    weights: Mapping[str, float],
    limit: int,
    labels: frozenset[str] = frozenset(),
) -> list[Fused]:
    """At most `limit` parts of `fused`, best first, their scores and ranks those of their pages added; ties go by id.

    `values`: kind of evidence -> values of pages; `weights`: of kinds, 1 where not named; `labels`: asked for by name.
    """
    if not fused:
        return []
    counted = {kind: held for kind, held in values.items() if weights.get(kind, 1.0)}
    scores: dict[Place, float] = defaultdict(float)
    for kind, held in (*counted.items(), (PARTS, _found(fused, parts))):
        for place, value in held.items():
            scores[place] += weights.get(kind, 1.0) * value
    greatest = fused[0].score
    scored = []
    for one in fused:
        part = parts[one.id]
        own = OWN * one.score / greatest + ASKED * (part.label in labels)
        scored.append(Fused(one.id, scores[part.place] + own, one.ranks))
    ranks = {kind: _ranked(held) for kind, held in counted.items()}
    order = _sorted(scored)
    further = _further(order, parts) if any(counted.values()) else 0.0  # fused ranks alone are all near each other
    arranged = []
    for one in _spread(order, parts, further)[:limit]:
        place = parts[one.id].place
        of_page = {kind: held[place] for kind, held in ranks.items() if place in held}
        arranged.append(Fused(one.id, one.score, {**one.ranks, **of_page}))
    return arranged


def _found(fused: Sequence[Fused], parts: Mapping[str, Part]) -> Values:
    """What the best passage and the best picture of each page score together, as a share of the greatest."""
    best: dict[Place, dict[str, float]] = defaultdict(dict)
    for one in fused:  # best first
        part = parts[one.id]
        best[part.place].setdefault(part.modality, one.score)
    sums = {place: sum(scores.values()) for place, scores in best.items()}
    most = max(sums.values())
    return {place: value / most for place, value in sums.items()}


def _ranked(values: Values) -> dict[Place, int]:
    """Ranks by value; equal values share a rank."""
    ranks: dict[Place, int] = {}
    rank, before = 0, -1.0
    for at, (place, value) in enumerate(sorted(values.items(), key=lambda item: -item[1]), start=1):
        rank, before = (rank if value == before else at), value
        ranks[place] = rank
    return ranks


def _sorted(parts: Iterable[Fused]) -> list[Fused]:
    return sorted(parts, key=lambda one: (-round(one.score, 9), one.id))


def _spread(arranged: Sequence[Fused], parts: Mapping[str, Part], further: float) -> list[Fused]:
    """A page's best passage and best picture keep their score, the others give way; nothing is shown twice.

    So does what is said elsewhere already. Each further page of a document gives way by `further`.
    """
    documents: dict[str, list[int]] = defaultdict(list)
    pages: dict[tuple[Place, str], list[str]] = defaultdict(list)
    twins: dict[tuple[str, str], int] = defaultdict(int)
    spread = []
    for one in arranged:
        part = parts[one.id]
        shown = pages[part.place, part.modality]
        if part.shows and any(part.shows in other for other in shown):
            continue
        document, page = part.place
        if page not in documents[document]:
            documents[document].append(page)
        same = part.says, part.shows if part.modality == "image" else ""
        way = AGAIN * (len(shown) + twins[same]) + further * documents[document].index(page)
        spread.append(Fused(one.id, one.score - way, one.ranks))
        shown.append(part.shows)
        twins[same] += bool(part.says)
    return _sorted(spread)


def _further(arranged: Sequence[Fused], parts: Mapping[str, Part]) -> float:
    """What each further page of a document gives way by."""
    first = parts[arranged[0].id].place[0]
    second = next((one for one in arranged if parts[one.id].place[0] != first), None)
    return FURTHER * arranged[0].score if second and second.score >= ALIKE * arranged[0].score else 0.0
