"""What an estimate needs of an open `Diptych`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diptych.library.runtime import Runtime
from diptych.models.price_list import PriceList
from diptych.pipeline.estimate import EstimateContext
from extractors.types import Extraction, Source


def estimate_inputs(runtime: Runtime) -> EstimateContext:
    """What an estimate needs; a store that does not exist is not created."""
    workers, options = runtime.workers(), replace(runtime.options, pages=None)

    def extract(source: Source, pictures: Path) -> Extraction:
        with runtime.places.opened(source) as local:
            return workers.extract(local, options, pictures)

    return EstimateContext(
        store=runtime.find_store(),
        spaces=runtime.spaces,
        captioner=runtime.captioner,
        ledger=runtime.ledger,
        prices=PriceList(runtime.settings),
        language=runtime.language,
        extract=extract,
        workers=runtime.settings.workers,
    )
