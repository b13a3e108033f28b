"""`diptych estimate`: what a run would embed, caption and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flows.cli import options
from flows.support.progress import display
from flows.support.terminal import json_line, put, say, show

if TYPE_CHECKING:
    from diptych.pipeline.estimate import Cost, Estimate


@click.command(short_help="What a run would embed, caption and cost.")
@options.documents
@options.store
@options.as_json
def estimate(paths: tuple[str, ...], store: str | None, as_json: bool) -> None:
    """Tell what `ingest` or `backfill` would embed, caption and cost; spends nothing and leaves the store as it is.

    Documents that need work are taken apart. What the store or the ledger has already is not counted. Sums are upper
    bounds: models are rarely as wordy as they are allowed to be. --json prints one object: documents, unchanged,
    pages, passages, pictures, captions_known, skipped, embedded_here, models, usd, batch_usd, left_out, unreadable.
    """
    from diptych import Diptych
    from diptych.settings import load_settings

    with Diptych.open(load_settings(store)) as diptych, display() as progress:
        found = diptych.estimate(paths, progress.advance)
    for reason in (*found.left_out, *found.unreadable):
        say(f"left out   {reason}")
    if as_json:
        put(json_line(record(found)))
    else:
        show(*lines(found))


def record(found: Estimate) -> dict[str, Any]:
    """As one JSON object; a price that is unknown is null."""
    return {
        "documents": found.documents,
        "unchanged": found.unchanged,
        "pages": found.pages,
        "passages": found.passages,
        "pictures": found.pictures,
        "captions_known": found.captions_known,
        "skipped": dict(found.skipped),
        "embedded_here": dict(found.embedded_here),
        "models": [_model(cost) for cost in found.costs],
        "usd": found.dollars,
        "batch_usd": found.batch_dollars,
        "left_out": list(found.left_out),
        "unreadable": list(found.unreadable),
    }


def _model(cost: Cost) -> dict[str, Any]:
    price = cost.price
    return {
        "model": cost.model,
        "use": cost.use,
        "items": cost.items,
        "input_tokens": cost.usage.input_tokens,
        "output_tokens": cost.usage.output_tokens,
        "usd": cost.dollars,
        "batch_usd": cost.batch_dollars,
        "likely_usd": cost.likely_dollars,
        "batches": cost.batches,
        "price": price and {"input": price.input, "output": price.output, "source": price.source, "read": price.read},
    }


def lines(found: Estimate) -> list[str]:
    """For people."""
    from diptych.models.meter import format_dollars

    told = [
        f"{found.documents} documents need work, {found.unchanged} are as they were: {found.pages} pages, "
        f"{found.passages} passages, {found.pictures} pictures"
    ]
    if found.captions_known or found.skipped:
        why = "".join(f", {number} {reason}" for reason, number in found.skipped.items())
        told.append(f"captions: {found.captions_known} known{why}")
    told += [f"{name}: {number} texts and pictures to encode here" for name, number in found.embedded_here.items()]
    told += [_line(cost) for cost in found.costs]
    if not found.costs:
        told.append("nothing to pay")
    elif found.dollars is None or found.batch_dollars is None:
        told.append("in all: unknown, because a price is; give it in the setting `prices`")
    else:
        through = (
            f", {format_dollars(found.batch_dollars)} through --batch-api"
            if any(c.batches for c in found.costs)
            else ""
        )
        told.append(f"in all: at most {format_dollars(found.dollars)}{through}")
    return told


def _line(cost: Cost) -> str:
    from diptych.models.meter import format_dollars

    written = f" and {cost.usage.output_tokens:,} out" if cost.usage.output_tokens else ""
    tokens = f"at most {cost.usage.input_tokens:,} tokens in{written}" if cost.usage.input_tokens else "tokens unknown"
    line = f"{cost.model}: {cost.items:,} {cost.use}, {tokens}: "
    if cost.dollars is None or cost.batch_dollars is None:
        return line + "price unknown"
    line += f"at most {format_dollars(cost.dollars)}"
    if cost.likely_dollars is not None:
        line += f", going by earlier captions {format_dollars(cost.likely_dollars)}"
    if cost.batches:
        line += f"; through --batch-api at most {format_dollars(cost.batch_dollars)}"
    else:
        line += "; --batch-api does not make it cheaper, because there are no batches for it"
    return line + (f" (price from {cost.price.source})" if cost.price and cost.price.source else "")
