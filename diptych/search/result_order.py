"""Orders passages and pictures in one list: best pages first, and on each page the parts that were found best."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from diptych.search.fusion import FusedPoint
from diptych.search.likeness import Likeness
from diptych.search.page_signals import Values
from diptych.search.ranking_inputs import Part, Place
from extractors.layout.labels import figure_label

PART_WEIGHT = 0.5
"""Weight of a part's own fused score beside the score of its page."""
LIKENESS_WEIGHT = 4.0
"""Weight of likeness to the query's picture, as a multiple of the best score without it. Words then only decide between
pictures that are almost equally similar, and order what comes after them. Measured, see docs/measurements/search.md."""
LABEL_BONUS = 0.5
"""Added to the figure, panel or table whose label the query names; "figure 3" also names the charts 3a and 3b."""
REPEAT_PENALTY = 1.0
"""Subtracted for every further passage, and every further picture, of a page, so that the first hits show more pages;
also for content that another page repeats, as in a copy or another edition of a document."""
_WHOLE_AND_PART = {"figure": "panel", "panel": "figure"}
"""A figure and its panels show the same: the best of them is kept, or several panels without the figure."""
CLOSE_SHARE = 0.9
"""If another document reaches this share of the best document's score, the query is not about one document only."""
DOCUMENT_PENALTY = 0.1
"""In that case, subtracted for every further page of a document, as a share of the best score. Where one document is
clearly ahead, it is almost always the one that is meant, so nothing is subtracted. Measured, see
docs/measurements/search.md."""


def order_results(
    fused: Sequence[FusedPoint],
    parts: Mapping[str, Part],
    signals: Mapping[str, Values],
    weights: Mapping[str, float],
    limit: int,
    labels: frozenset[str] = frozenset(),
    likeness: Likeness | None = None,
) -> list[FusedPoint]:
    """At most `limit` parts of `fused`, best first, scored and explained by the signals of their pages.

    `weights` are those of signals, 1 where missing; `labels` are named in the query; `likeness` is that of pictures to
    the query's picture. Ties are broken by id.
    """
    if not fused:
        return []
    counted = {name: values for name, values in signals.items() if weights.get(name, 1.0)}
    page_scores: dict[Place, float] = defaultdict(float)
    for name, values in counted.items():
        for place, value in values.items():
            page_scores[place] += weights.get(name, 1.0) * value
    greatest = fused[0].score
    scored = []
    for point in fused:
        part = parts[point.id]
        own = PART_WEIGHT * point.score / greatest + (LABEL_BONUS * _is_named(part, labels) if labels else 0.0)
        scored.append(FusedPoint(point.id, page_scores.get(part.place, 0.0) + own, point.ranks))
    order = _by_score(_by_likeness(scored, parts, likeness) if likeness else scored)
    # Without signals, all fused scores are close to each other and say nothing about documents.
    penalty = _document_penalty(order, parts) if any(counted.values()) else 0.0
    page_ranks = _rank_pages(counted)
    return [
        FusedPoint(point.id, point.score, {**point.ranks, **page_ranks[parts[point.id].place]})
        for point in _spread(order, parts, penalty)[:limit]
    ]


def _by_likeness(points: Sequence[FusedPoint], parts: Mapping[str, Part], likeness: Likeness) -> list[FusedPoint]:
    """Add likeness to the scores: that of the best picture of a part's page, and the part's own."""
    pages: dict[Place, float] = defaultdict(float)
    for id_, value in likeness.items():
        pages[parts[id_].place] = max(value, pages[parts[id_].place])
    weight = LIKENESS_WEIGHT * max(point.score for point in points)
    return [
        FusedPoint(
            point.id,
            point.score + weight * (pages[parts[point.id].place] + PART_WEIGHT * likeness.get(point.id, 0.0)),
            point.ranks,
        )
        for point in points
    ]


def _is_named(part: Part, labels: frozenset[str]) -> bool:
    return part.label in labels or (part.kind == "figure" and figure_label(part.label) in labels)


def _rank_pages(signals: Mapping[str, Values]) -> dict[Place, dict[str, int]]:
    """Page -> its rank by each signal that it has; pages with equal values share a rank."""
    ranks: dict[Place, dict[str, int]] = defaultdict(dict)
    for name, values in signals.items():
        rank, previous = 0, -1.0
        for position, (place, value) in enumerate(sorted(values.items(), key=itemgetter(1), reverse=True), start=1):
            rank, previous = (rank if value == previous else position), value
            ranks[place][name] = rank
    return ranks


def _by_score(points: Iterable[FusedPoint]) -> list[FusedPoint]:
    return sorted(points, key=lambda point: (-round(point.score, 9), point.id))


def _spread(order: Sequence[FusedPoint], parts: Mapping[str, Part], document_penalty: float) -> list[FusedPoint]:
    """Apply the penalties, and drop parts that an earlier part of their page shows: equal content, a figure's panel."""
    figures: set[tuple[Place, str, str | None]] = set()
    pages: dict[str, list[int]] = defaultdict(list)
    shown: dict[tuple[Place, str], list[str]] = defaultdict(list)
    copies: dict[tuple[str, str], int] = defaultdict(int)
    spread = []
    for point in order:
        part = parts[point.id]
        before = shown[part.place, part.modality]
        repeats = part.content and any(part.content in content for content in before)
        figure = part.place, figure_label(part.label)
        if repeats or (*figure, _WHOLE_AND_PART.get(part.kind)) in figures:
            continue
        document, page = part.place
        if page not in pages[document]:
            pages[document].append(page)
        # Equal words about another photo are not a copy.
        identity = part.stems, part.content if part.modality == "image" else ""
        penalty = REPEAT_PENALTY * (len(before) + copies[identity]) + document_penalty * pages[document].index(page)
        spread.append(FusedPoint(point.id, point.score - penalty, point.ranks))
        before.append(part.content)
        if part.label:
            figures.add((*figure, part.kind))
        copies[identity] += bool(part.stems)
    return _by_score(spread)


def _document_penalty(order: Sequence[FusedPoint], parts: Mapping[str, Part]) -> float:
    best = order[0]
    other = next((point for point in order if parts[point.id].place[0] != parts[best.id].place[0]), None)
    return DOCUMENT_PENALTY * best.score if other and other.score >= CLOSE_SHARE * best.score else 0.0
