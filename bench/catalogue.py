"""Does a product's description find its product first? On the sample catalogue, or on one's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.measure import Given, Measure
from bench.samples import CATALOGUE
from diptych.library.diptych import Diptych
from diptych.search.query import Query
from diptych.search.search import LISTS
from diptych.settings import load_settings
from diptych.store.terms import analyse
from extractors.types import Source

PEER = "BM25 over passages alone"
ALONE = {**dict.fromkeys(LISTS, 0.0), "text.bm25": 1.0}
"""Weights of the floor."""
SHORTEST = 3
"""Words that a description has to have left once those of the name are out."""


def catalogue(given: Given) -> Iterator[Measure]:
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as folder:
        settings = load_settings(f"{folder}/store")
        with Diptych.open(settings) as library:
            products = library.maintenance.find_sources([given.on or CATALOGUE]).sources
            failed = [
                outcome.error for outcome in library.maintenance.ingest_sources(products) if outcome.status == "failed"
            ]
            assert not failed, failed
            ours = _first(library, products)
        alone = settings.model_copy(update={"weights": ALONE})
        with Diptych.open(alone) as library:
            least = _first(library, products)
    for asked, (found, of) in ours.items():
        name = f"{asked}: product first, of {of}"
        yield Measure(name, found / of, "share", PEER, least[asked][0] / of)


def without_name(product: Source) -> str:
    """The description less every word of the name, whatever its ending; empty when hardly anything is left."""
    name = set(analyse(product.title).split())
    kept = [word for word in product.description.split() if not set(analyse(word).split()) & name]
    return " ".join(kept) if len(kept) >= SHORTEST else ""


ASKED: Mapping[str, Callable[[Source], str]] = {
    "description": lambda product: product.description,
    "description without name": without_name,
    "name": lambda product: product.title,
}


def _first(library: Diptych, products: Sequence[Source]) -> dict[str, tuple[int, int]]:
    """What is asked -> products that were found first, and products that were asked for."""
    counts = {}
    for name, text_of in ASKED.items():
        asked = [(product.name, text) for product in products if (text := text_of(product)).strip()]
        hits = library.search_many([Query(text) for _, text in asked], limit=1)
        found = sum(bool(first) and first[0].document == own for (own, _), first in zip(asked, hits, strict=True))
        if asked:
            counts[name] = found, len(asked)
    return counts
