"""Orders passages and pictures in one list: best pages first, and on each page the parts that were found best."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from diptych.search.ranking.fusion import FusedPoint, Ranks
from diptych.search.ranking.page_signals import Values
from diptych.search.ranking.picture_likeness import Likeness
from diptych.search.ranking.ranking_inputs import Part, Place
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
Scores = dict[str, float]
"""Id of a part -> its score; the best first, where it matters."""
_WHOLE_AND_PART = {"figure": "panel", "panel": "figure"}
"""A figure and its panels show the same: the best of them is kept, or several panels without the figure."""
CLOSE_SHARE = 0.9
"""If another document reaches this share of the best document's score, the query is not about one document only."""
DOCUMENT_PENALTY = 0.1
"""In that case, subtracted for every further page of a document, as a share of the best score. Where one document is
clearly ahead, it is almost always the one that is meant, so nothing is subtracted. Measured, see
docs/measurements/search.md."""


class RankedPart(NamedTuple):
    """A passage or picture with its score and ranks, or the best part of a catalogue row."""

    fused: FusedPoint
    part: Part
    row: str = ""
    """Document id of the row."""
    others: tuple[tuple[str, Part], ...] = ()
    """Ids and other parts of the row."""
    content: str = ""
    """Equal for the same content in copies of a document."""

    @property
    def id(self) -> str:
        return self.fused.id

    @property
    def key(self) -> str:
        """Equal for parts of the same hit."""
        return self.row or self.content or self.id

    @property
    def parts(self) -> dict[str, Part]:
        """All of them by id."""
        return {self.id: self.part, **dict(self.others)}

    @property
    def modalities(self) -> frozenset[str]:
        return frozenset(part.modality for part in self.parts.values())


def order_results(
    fused: Mapping[str, float],
    parts: Mapping[str, Part],
    signals: Mapping[str, Values],
    weights: Mapping[str, float],
    labels: frozenset[str] = frozenset(),
    likeness: Likeness | None = None,
) -> Scores:
    """The parts of `fused` (id -> score, best first), scored by the signals of their pages, best first.

    `weights` are those of signals, 1 where missing; `labels` are named in the query; `likeness` is that of pictures to
    the query's picture. Ties are broken by id.
    """
    if not fused:
        return {}
    page_scores: dict[Place, float] = defaultdict(float)
    for name, values in signals.items():
        if weight := weights.get(name, 1.0):
            for place, value in values.items():
                page_scores[place] += weight * value
    greatest = next(iter(fused.values()))
    scores: Scores = {}
    for id_, score in fused.items():
        part = parts[id_]
        own = PART_WEIGHT * score / greatest + (LABEL_BONUS * _is_named(part, labels) if labels else 0.0)
        scores[id_] = page_scores.get(part.place, 0.0) + own
    scores = _by_score(_add_likeness(scores, parts, likeness) if likeness else scores)
    # Without signals, all fused scores are close to each other and say nothing about documents.
    return _spread(scores, parts, _document_penalty(scores, parts) if page_scores else 0.0)


def explain(
    results: Iterable[RankedPart], lists: Mapping[str, Ranks], signals: Mapping[str, Values]
) -> list[RankedPart]:
    """The results with the ranks that explain them: their own in `lists`, and those of their pages by `signals`.

    Pages with equal values share a rank. A catalogue row has the best ranks of its parts.
    """
    ascending = {name: sorted(values.values()) for name, values in signals.items()}
    explained = []
    for result in results:
        ranks: dict[str, int] = {}
        for id_, part in result.parts.items():
            own = [(name, of_list[id_]) for name, of_list in lists.items() if id_ in of_list]
            own += [
                (name, 1 + len(values) - bisect_right(ascending[name], values[part.place]))
                for name, values in signals.items()
                if part.place in values
            ]
            for name, rank in own:
                ranks[name] = min(rank, ranks.get(name, rank))
        explained.append(result._replace(fused=result.fused._replace(ranks=ranks)))
    return explained


def _add_likeness(scores: Scores, parts: Mapping[str, Part], likeness: Likeness) -> Scores:
    """Add the likeness of the best picture of a part's page, and the part's own."""
    pages: dict[Place, float] = defaultdict(float)
    for id_, value in likeness.items():
        pages[parts[id_].place] = max(value, pages[parts[id_].place])
    weight = LIKENESS_WEIGHT * max(scores.values())
    return {
        id_: score + weight * (pages[parts[id_].place] + PART_WEIGHT * likeness.get(id_, 0.0))
        for id_, score in scores.items()
    }


def _is_named(part: Part, labels: frozenset[str]) -> bool:
    return part.label in labels or (part.kind == "figure" and figure_label(part.label) in labels)


def _by_score(scores: Scores) -> Scores:
    return {id_: scores[id_] for _, id_ in sorted((-round(score, 9), id_) for id_, score in scores.items())}


def _spread(scores: Scores, parts: Mapping[str, Part], document_penalty: float) -> Scores:
    """Apply the penalties, and drop parts that an earlier part of their page shows: equal content, a figure's panel."""
    figures: set[tuple[Place, str, str | None]] = set()
    pages: dict[str, dict[int, int]] = defaultdict(dict)
    shown: dict[tuple[Place, str], list[str]] = defaultdict(list)
    copies: dict[tuple[str, str], int] = defaultdict(int)
    spread: Scores = {}
    for id_, score in scores.items():
        place, modality, label, content, stems, kind = parts[id_][:6]
        before = shown[place, modality]
        if before and content and any(content in other for other in before):
            continue
        if label:
            figure = figure_label(label)
            if (place, figure, _WHOLE_AND_PART.get(kind)) in figures:
                continue
            figures.add((place, figure, kind))
        document, page = place
        earlier_pages = pages[document].setdefault(page, len(pages[document]))
        # Equal words about another photo are not a copy.
        identity = stems, content if modality == "image" else ""
        penalty = REPEAT_PENALTY * (len(before) + copies[identity]) + document_penalty * earlier_pages
        spread[id_] = score - penalty
        before.append(content)
        copies[identity] += bool(stems)
    return _by_score(spread)


def _document_penalty(scores: Scores, parts: Mapping[str, Part]) -> float:
    """`scores`: best first."""
    (best, best_score), *others = scores.items()
    document = parts[best].place[0]
    other = next((score for id_, score in others if parts[id_].place[0] != document), None)
    return DOCUMENT_PENALTY * best_score if other is not None and other >= CLOSE_SHARE * best_score else 0.0
