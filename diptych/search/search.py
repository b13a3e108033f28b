"""Searches both collections and merges the results into one ranked list; each hit keeps the ranks that explain it.

All kinds of search take the same path: `encode_queries`, then `select_points`, which ranks the candidates band by band.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from diptych.errors import QueryError, StoreBusy
from diptych.rerankers.registry import Reranker
from diptych.search.hits import Hit, RankedPoint, Results, make_hits
from diptych.search.paging import check_page, stable_order, with_minimum
from diptych.search.query.query import Query
from diptych.search.query.query_intent import QueryIntent, parse_intent
from diptych.search.query.synonyms import Synonyms
from diptych.search.ranking.candidates import RETRY_SECONDS, STORE_BUSY, Snapshot, agree, load_payloads, read_candidates
from diptych.search.ranking.copy_merging import merge_copies
from diptych.search.ranking.fusion import FusedPoint, Ranks, fuse
from diptych.search.ranking.list_requests import EXPANSION, request_lists, select_named_parts
from diptych.search.ranking.nonsense import resembles
from diptych.search.ranking.page_signals import (
    NAMED,
    PAGE_HEADINGS,
    PAGE_IMAGES,
    PAGE_PHRASES,
    PAGE_SECTIONS,
    PAGE_VECTORS,
    SIGNALS,
    Values,
    find_documents,
    measure_signals,
)
from diptych.search.ranking.part_cache import PartCache
from diptych.search.ranking.picture_likeness import Likeness, measure_likeness
from diptych.search.ranking.ranking_inputs import best_on_pages, make_pages
from diptych.search.ranking.reranking import rerank
from diptych.search.ranking.result_order import RankedPart, explain, order_results
from diptych.search.rows import complete_rows, merge_rows
from diptych.store.languages import AUTO, DEFAULT
from diptych.store.names import NameCache, resolve_names
from diptych.store.register import stored_languages
from diptych.store.spaces import Spaces
from diptych.store.types import VECTORS, Store
from diptych.vectors import Vector
from diptych.where import Compare, Expression, all_of

BAND = 40
"""Hits that are ranked together; further hits come from deeper searches."""
READ_DEPTH = 4
"""Four times as many parts are read as a band has hits. Measured, see docs/measurements/search.md."""
COMPARED_LISTS = {PAGE_VECTORS: ("text.dense", "images.description"), PAGE_IMAGES: ("images.patches",)}
"""Signal -> lists of the parts whose vectors it compares."""
BM25_LISTS = ("text.bm25", "images.bm25")
PICTURE_LISTS = ("images.visual", "images.picture")
"""Lists of pictures similar to the query's image, with its text and without."""
LISTS = ("text.dense", "text.bm25", "images.description", "images.visual", "images.bm25", "images.patches")
WEIGHT_NAMES = (*LISTS, *SIGNALS)
"""Everything that may have a weight: the ranked lists that are fused, and the signals that rank pages."""
DEFAULT_WEIGHTS = {
    PAGE_PHRASES: 3.0, PAGE_HEADINGS: 0.5, PAGE_SECTIONS: 2.0, PAGE_VECTORS: 0.75, PAGE_IMAGES: 2.0, NAMED: 3.0
}  # fmt: skip
"""Default weights, 1 where missing; measured, see docs/measurements/search.md."""


@dataclass(frozen=True, slots=True)
class SearchContext:
    """An open store and how to search it."""

    store: Store
    spaces: Spaces
    pictures: Path
    """Folder of the picture store."""
    language: str = DEFAULT
    """In which the store's words are stemmed; `auto`: in the language of each document."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weights that replace those in `DEFAULT_WEIGHTS`; a list of weight 0 is not searched."""
    cache: PartCache = field(default_factory=PartCache)
    synonyms: Sequence[Synonyms] = ()
    names: NameCache = field(default_factory=NameCache)
    reranker: Reranker | None = None
    rerank_pages: int = BAND
    problem: str = ""
    """Why files of pictures may be missing; with every result."""

    def resolve(self, where: Expression | None) -> Expression | None:
        """The filter with document names as ids. Raises `QueryError` for an ambiguous name."""
        return resolve_names(where, self.names.finder(self.store)) if where else None

    @property
    def languages(self) -> Sequence[str]:
        """Of the stored documents."""
        return stored_languages(self.store) if self.language == AUTO else (self.language,)

    def uses(self, name: str) -> bool:
        """Whether a list or signal has a weight above 0."""
        return bool({**DEFAULT_WEIGHTS, **self.weights}.get(name, 1.0))


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    query: Query
    intent: QueryIntent
    vectors: Mapping[str, Vector]
    """Vector name -> the query's vector in its space."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What was found for a query, before weights are applied."""

    snapshot: Snapshot
    signals: Mapping[str, Values]
    labels: frozenset[str]
    """Labels of figures and tables that the query names."""
    likeness: Likeness
    """How much each picture looks like that of the query; empty for a query without one."""

    def rank(self, weights: Mapping[str, float], limit: int | None = None) -> list[RankedPart]:
        """At most `limit` parts, best first, without their ranks; `weights` replace those in `DEFAULT_WEIGHTS`."""
        weights = {**DEFAULT_WEIGHTS, **weights}
        labels = self.labels if weights.get(NAMED, 1.0) else frozenset[str]()
        fused, parts = fuse(self.snapshot.lists, weights), self.snapshot.parts
        order = order_results(fused, parts, self.signals, weights, labels, self.likeness)
        return [RankedPart(FusedPoint(id_, score, {}), parts[id_]) for id_, score in islice(order.items(), limit)]

    def explain(self, results: Sequence[RankedPart], uses: Callable[[str], bool]) -> list[RankedPart]:
        """The results with their ranks in the lists, and by the signals, that `uses` names."""
        lists = {name: ranks for name, ranks in self.snapshot.lists.items() if uses(name)}
        return explain(results, lists, {name: values for name, values in self.signals.items() if uses(name)})


def search(queries: Sequence[Query], context: SearchContext, limit: int, offset: int = 0) -> list[Results[Hit]]:
    """For each query, at most `limit` hits after the first `offset`, best first. Texts are encoded in one batch.

    The order of hits does not depend on `limit`. Raises `QueryError` for an empty query, and `StoreError` if the store
    cannot answer.
    """
    for query in queries:
        check_page(query, limit, offset)
    return search_encoded(encode_queries(queries, context), context, limit, offset)


def search_encoded(
    queries: Sequence[EncodedQuery], context: SearchContext, limit: int, offset: int = 0
) -> list[Results[Hit]]:
    """As `search`, for queries that `encode_queries` has encoded."""

    def page(query: EncodedQuery) -> Results[RankedPoint]:
        size = query.query.page_size(limit)
        return find_hits(query, context, lambda order: list(islice(order, offset, offset + size)), size)

    results = []
    for query in queries:
        points = page(query)
        hits = make_hits(points, context.pictures, offset + 1, query.intent.page_numbers)
        problem = "; ".join(filter(None, [query.query.problem, points.problem, context.problem]))
        results.append(Results(hits, resembles=points.resembles, problem=problem))
    return results


def encode_queries(queries: Sequence[Query], context: SearchContext) -> list[EncodedQuery]:
    """Encode all queries together, for the lists that `context` uses. Raises `QueryError` for an empty query."""
    for query in queries:
        if not query.text.strip() and not query.image:
            raise QueryError("the query is empty: enter some words or give an image")
    intents = [parse_intent(query.text, context.languages, context.synonyms) for query in queries]
    inputs = [(intent.text, query.image_file) for intent, query in zip(intents, queries, strict=True)]
    return list(map(EncodedQuery, queries, intents, context.spaces.encode_queries(inputs, used_vectors(context))))


def used_vectors(context: SearchContext) -> set[str]:
    """Names of the vectors that are searched."""
    names = {vector for name, vectors in VECTORS.items() for vector in vectors if context.uses(f"{name}.{vector}")}
    return names & context.spaces.models.keys()


def find_hits(
    query: EncodedQuery,
    context: SearchContext,
    select: Callable[[Iterator[RankedPart]], list[RankedPart]],
    page_size: int = 10,
) -> Results[RankedPoint]:
    """`select_points`, with all texts and pictures of the catalogue rows among them; none for nonsense."""
    problems: list[str] = []
    points = select_points(query, context, select, page_size, problems)
    asked = query.query
    in_words_alone = asked.text.strip() and not asked.image and asked.filter == asked.scope
    has_stored_word = any(name in BM25_LISTS for point in points for name in point.fused.ranks)
    makes_sense = has_stored_word or not in_words_alone
    scope = context.resolve(asked.scope)
    if not (makes_sense or resembles(query.intent, query.vectors, context.store, context.spaces, context.names, scope)):
        return Results(resembles=False)
    rows = complete_rows(points, context.resolve(asked.filter), context.store)
    return Results(rows, problem=next(iter(problems), ""))


def select_points(
    query: EncodedQuery,
    context: SearchContext,
    select: Callable[[Iterator[RankedPart]], list[RankedPart]],
    page_size: int,
    problems: list[str],
) -> list[RankedPoint]:
    """What `select` takes from all results, best first; starts again if a document that was found changes in between.

    `page_size` is the number of hits among which the query's `least` and `exact` must hold. Adds to `problems`.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        snapshots: list[Snapshot] = []
        selected = select(_ranked_points(query, context, page_size, snapshots, problems))
        payloads = load_payloads({one.id: one.part for one in selected}, snapshots, context.store)
        # What no longer exists was replaced after it was found.
        if len(payloads) == len(selected) and agree(snapshots, context.store):
            return [RankedPoint(one.fused, payloads[one.id], one.row) for one in selected]
        if time.monotonic() > deadline:
            raise StoreBusy(STORE_BUSY)


def _ranked_points(
    query: EncodedQuery, context: SearchContext, page_size: int, snapshots: list[Snapshot], problems: list[str]
) -> Iterator[RankedPart]:
    """Every result, best first; adds what was read to `snapshots`."""

    def ranked(query: EncodedQuery, reranker: Reranker | None) -> Iterator[RankedPart]:
        def band(size: int) -> tuple[list[RankedPart], bool]:
            found = find_candidates(query, context, size)
            snapshots.append(found.snapshot)
            order = found.rank(context.weights)
            order = order if query.query.split_rows or query.query.exact else merge_rows(order)
            order = order if query.query.copies else merge_copies(order, found.snapshot.copies)
            order = found.explain(order[:size], context.uses)
            if reranker and order and size == BAND and query.query.text.strip():
                named = found.signals.get(NAMED, {})
                parts = {id_: part for point in order for id_, part in point.parts.items()}
                payloads = load_payloads(parts, snapshots, context.store)
                order, problem = rerank(order, payloads, query.query.text, reranker, context.rerank_pages, named)
                problems.extend(filter(None, [problem]))
            return order, found.snapshot.complete and len(order) < size

        return stable_order(band, BAND)

    def of_modality(modality: str) -> Iterator[RankedPart]:
        where = all_of(query.query.filter, Compare("modality", "=", modality))
        return ranked(replace(query, query=replace(query.query, where=where)), None)

    order, required = ranked(query, context.reranker), query.query.required(page_size)
    return with_minimum(order, required, page_size, of_modality, query.query.exact) if required else order


def find_candidates(query: EncodedQuery, context: SearchContext, size: int) -> Candidates:
    """The candidates for the first `size` hits; searches deeper while most of what it finds is hidden."""
    weights = {**DEFAULT_WEIGHTS, **context.weights}
    while True:
        where = context.resolve(query.query.filter)
        named = select_named_parts(query.intent, where, lambda: context.names.records(context.store))
        requests = {
            name: dict(request_lists(name, query.intent, query.vectors, where, named, context.uses, size))
            for name in ("text", "images")
        }
        language = DEFAULT if context.language == AUTO else context.language
        found = read_candidates(context.store, context.cache, requests, weights, READ_DEPTH * size, language)
        if where != context.resolve(query.query.filter):
            continue  # the names in the filter stand for other documents now
        if found.complete or not found.mostly_hidden:
            break
        size *= 4
    pages = make_pages(found.parts.values(), found.pages)
    expanded = [find_documents(expansion, pages) for expansion in query.intent.expansions]
    similarities = {
        signal: best_on_pages([found.scores[name] for name in names if name in found.scores], found.parts)
        for signal, names in COMPARED_LISTS.items()
    }
    likenesses = [found.scores[name] for name in PICTURE_LISTS if query.query.image and name in found.scores]
    return Candidates(
        snapshot=replace(found, lists=_merge_expansions(found, expanded)),
        signals=measure_signals(query.intent, pages, expanded, similarities),
        labels=query.intent.labels,
        likeness=measure_likeness(likenesses),
    )


def _merge_expansions(found: Snapshot, expanded: Sequence[Set[str]]) -> dict[str, Ranks]:
    """The lists, where the parts of `expanded` documents have the BM25 ranks of the expansion, and others their own."""
    lists = dict(found.lists)
    for number, documents in enumerate(expanded):
        own = {id_ for id_, part in found.parts.items() if part.place[0] in documents}
        for name in [name for name in lists if name.endswith(EXPANSION.format(number))]:
            plain, ranks = name.removesuffix(EXPANSION.format(number)), lists.pop(name)
            kept = {id_: rank for id_, rank in lists[plain].items() if id_ not in own}
            lists[plain] = kept | {id_: rank for id_, rank in ranks.items() if id_ in own}
    return lists
