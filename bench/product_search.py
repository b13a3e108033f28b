"""How often a product is found first by its description or name, on the sample catalogue or the user's own."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.measurement import CATALOGUE, BenchOptions, Measurement
from diptych.library.diptych import Diptych
from diptych.search.query.query import Query
from diptych.search.search import WEIGHT_NAMES
from diptych.settings import load_settings
from diptych.store.terms import analyse
from extractors.types import Source

BASELINE = "BM25 over passages alone"
BASELINE_WEIGHTS = {**dict.fromkeys(WEIGHT_NAMES, 0.0), "text.bm25": 1.0}
MIN_WORDS = 3
"""Words that a description must have without those of the name."""


def catalogue(options: BenchOptions) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as folder:
        settings = load_settings(f"{folder}/store")
        with Diptych.open(settings) as diptych:
            products = diptych.maintenance.find_sources([options.on or CATALOGUE]).sources
            failed = [
                outcome.error for outcome in diptych.maintenance.ingest_sources(products) if outcome.status == "failed"
            ]
            assert not failed, failed
            ours = _count_first(diptych, products)
        baseline_settings = settings.model_copy(update={"weights": BASELINE_WEIGHTS})
        with Diptych.open(baseline_settings) as diptych:
            baseline = _count_first(diptych, products)
    for kind, (found, total) in ours.items():
        name = f"{kind}: product first, of {total}"
        yield Measurement(name, found / total, "share", BASELINE, baseline[kind][0] / total)


def without_name(product: Source) -> str:
    """The description without the words of the name in any form; empty if fewer than `MIN_WORDS` are left."""
    name = set(analyse(product.title).split())
    kept = [word for word in product.description.split() if not set(analyse(word).split()) & name]
    return " ".join(kept) if len(kept) >= MIN_WORDS else ""


QUERY_TEXTS: Mapping[str, Callable[[Source], str]] = {
    "description": lambda product: product.description,
    "description without name": without_name,
    "name": lambda product: product.title,
}


def _count_first(diptych: Diptych, products: Sequence[Source]) -> dict[str, tuple[int, int]]:
    """Kind of query text -> number of products found first, and number of queries."""
    counts = {}
    for name, text_of in QUERY_TEXTS.items():
        asked = [(product.name, text) for product in products if (text := text_of(product)).strip()]
        hits = diptych.search_many([Query(text) for _, text in asked], limit=1)
        found = sum(bool(first) and first[0].document == own for (own, _), first in zip(asked, hits, strict=True))
        if asked:
            counts[name] = found, len(asked)
    return counts
