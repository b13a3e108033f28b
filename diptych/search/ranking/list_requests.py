"""The ranked lists that a query asks the store for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from diptych.search.query.query_intent import QueryIntent
from diptych.search.ranking.candidates import PAGES
from diptych.search.ranking.page_signals import NAMED, SIGNALS
from diptych.store.register import DocumentRecord
from diptych.store.spaces import PICTURE_VECTOR
from diptych.store.types import INDEXED, PAGE_WORDS, VECTORS, VISUAL_VECTOR, RankedListRequest
from diptych.vectors import Vector
from diptych.where import PRINTED_LABEL, PRINTED_PAGE, And, Compare, Expression, In, Or, all_of, values_of
from extractors.layout.labels import with_panels

LIST_DEPTH = 2
"""Each ranked list is this many times as deep as the band, so that a hit of two lists is found in both."""
EXPANSION = "+{}"
"""What follows the name of a BM25 list that searches for the words of an expansion: `text.bm25+0`."""
NAMED_PARTS = "{}.named"
"""Name of the list with the parts that a query names: they count however little its words fit them."""


def request_lists(
    collection: str,
    intent: QueryIntent,
    vectors: Mapping[str, Vector],
    where: Expression | None,
    named: Expression | None,
    uses: Callable[[str], bool],
    size: int,
) -> Iterator[tuple[str, RankedListRequest]]:
    """(name, request) of the lists for a band of `size` hits, as far as `uses` them.

    `vectors`: those of the query, by name; `named`: the parts that the query names.
    """
    depth = LIST_DEPTH * size
    by_meaning = [vector for vector in VECTORS[collection] if vector in vectors and uses(f"{collection}.{vector}")]
    lists = {
        f"{collection}.{vector}": RankedListRequest(depth, vector, vector=vectors[vector], where=where)
        for vector in by_meaning
    }
    words = {"": " ".join(intent.words)}
    words |= {EXPANSION.format(number): " ".join(one.words) for number, one in enumerate(intent.expansions)}
    words = {suffix: stems for suffix, stems in words.items() if stems}
    if uses(f"{collection}.bm25"):
        for suffix, stems in words.items():
            lists[f"{collection}.bm25{suffix}"] = RankedListRequest(depth, INDEXED, words=stems, where=where)
    if lists and named and uses(NAMED):
        first = next(iter(lists.values()))
        yield NAMED_PARTS.format(collection), replace(first, limit=size, where=all_of(where, named))
    yield from lists.items()
    if collection == "images" and PICTURE_VECTOR in vectors and uses("images.visual"):
        alone = vectors[PICTURE_VECTOR]
        yield "images.picture", RankedListRequest(depth, VISUAL_VECTOR, vector=alone, where=where)
    if collection == "text" and any(map(uses, SIGNALS)):
        for suffix, stems in words.items():
            yield f"{PAGES}{suffix}", RankedListRequest(size, PAGE_WORDS, words=stems, where=where)


def select_named_parts(
    intent: QueryIntent, where: Expression | None, records: Callable[[], Iterable[DocumentRecord]]
) -> Expression | None:
    """A filter for the figures and tables that a query names, and for pages by number or position; None if none.

    Last pages are those of the documents in `where`: `records` returns what is known of all documents.
    """
    positions = sorted(intent.page_numbers | {position for position in intent.positions if position > 0})
    named: list[Expression] = [In("page", tuple(positions))] if positions else []
    if intent.page_numbers:
        named.append(In(PRINTED_PAGE, tuple(sorted(intent.page_numbers))))
    if -1 in intent.positions and where and (documents := values_of(where, "document_id")):
        named += [
            And((Compare("document_id", "=", record.id), Compare("page", "=", record.pages)))
            for record in records()
            if record.id in documents
        ]
    if intent.labels:
        named.append(In(PRINTED_LABEL, tuple(sorted(chain.from_iterable(map(with_panels, intent.labels))))))
    return Or(tuple(named)) if named else None
