"""The optional last step of a search: a reranker orders the best pages anew."""

from collections import Counter
from collections.abc import Mapping, Sequence

from diptych.errors import ModelError, SettingsError
from diptych.rerankers.registry import MAX_CHARACTERS, PageContent, Reranker
from diptych.search.ranking.page_signals import Values
from diptych.search.ranking.ranking_inputs import Place
from diptych.search.ranking.result_order import RankedPart
from diptych.store.points import text_to_encode
from diptych.store.types import Payload

RERANKER = "reranker"
"""Under which `ranks` show the rank of a hit's page."""


def rerank(
    order: Sequence[RankedPart],
    payloads: Mapping[str, Payload],
    query: str,
    reranker: Reranker,
    pages: int,
    named: Values,
) -> tuple[list[RankedPart], str]:
    """(the parts with the best `pages` pages ordered anew, why they are not).

    `payloads`: those of the parts. The first passage and the first picture of every page come first, as before; so do
    pages that the query names.
    """
    by_page: dict[Place, list[RankedPart]] = {}
    for point in order:
        by_page.setdefault(point.part.place, []).append(point)
    best = list(by_page)[:pages]
    contents = [_page_content(place, by_page[place], payloads) for place in best]
    try:
        scores = dict(zip(best, reranker.score(query, contents), strict=True))
    except (ModelError, SettingsError) as error:
        return list(order), f"the hits are not reranked: {error}"
    ranked = sorted(best, key=lambda place: (-named.get(place, 0.0), -scores[place]))
    ranks = {place: rank for rank, place in enumerate([*ranked, *list(by_page)[pages:]], start=1)}
    return _order_parts(order, ranks, len(best)), ""


def _order_parts(order: Sequence[RankedPart], ranks: Mapping[Place, int], reranked: int) -> list[RankedPart]:
    repeats = Counter[tuple[Place, str]]()
    keyed = []
    for position, point in enumerate(order):
        place = point.part.place
        key = place, point.part.modality
        if ranks[place] <= reranked:
            fused = point.fused._replace(ranks={**point.fused.ranks, RERANKER: ranks[place]})
            point = point._replace(fused=fused)
        keyed.append(((repeats[key], ranks[place], position), point))
        repeats[key] += 1
    return [point for _, point in sorted(keyed, key=lambda item: item[0])]


def _page_content(place: Place, points: Sequence[RankedPart], payloads: Mapping[str, Payload]) -> PageContent:
    texts = dict.fromkeys(text_to_encode(payloads[id_]) for point in points for id_ in point.parts if id_ in payloads)
    return PageContent(*place, "\n".join(filter(None, texts))[:MAX_CHARACTERS])
