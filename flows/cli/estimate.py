"""`diptych estimate`: what a run would embed, caption and cost."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from flows.cli import options
from flows.output.progress import progress_display
from flows.output.terminal import print_json, print_message, print_output
from flows.output.wording import format_time, pluralize

if TYPE_CHECKING:
    from diptych.pipeline.estimate import Cost, Estimate


@click.command()
@options.paths
@options.store
@options.as_json
@options.patterns
def estimate(paths: tuple[str, ...], store: str | None, as_json: bool, patterns: options.Patterns) -> None:
    """Show what `ingest` or `backfill` would embed, caption and cost. Spends nothing; the store is not changed.

    New and changed documents are extracted. Anything already in the store or the ledger is not counted. Costs are upper
    bounds, since models rarely use all the tokens they may. --json prints one object: documents, unchanged, pages,
    passages, pictures, captions_known, skipped, embedded_here, models, usd, batch_usd, left_out, unreadable.
    """
    with options.open_store(store, None, patterns) as diptych, progress_display() as progress:
        result = diptych.estimate(paths, progress.advance)
    for reason in (*result.left_out, *result.unreadable):
        print_message(f"left out   {reason}")
    if as_json:
        print_json(estimate_record(result))
    else:
        print_output(*estimate_lines(result))


def estimate_record(result: Estimate) -> dict[str, Any]:
    """The JSON record; unknown prices are null."""
    counts = ("documents", "unchanged", "pages", "passages", "pictures", "captions_known")
    return {name: getattr(result, name) for name in counts} | {
        "skipped": dict(result.skipped),
        "embedded_here": dict(result.embedded_here),
        "page_vectors": result.page_vectors and asdict(result.page_vectors),
        "models": [_cost_record(cost) for cost in result.costs],
        "usd": result.dollars,
        "batch_usd": result.batch_dollars,
        "left_out": list(result.left_out),
        "unreadable": list(result.unreadable),
    }


def _cost_record(cost: Cost) -> dict[str, Any]:
    price = cost.price
    return {
        "model": cost.model,
        "use": cost.use,
        "items": cost.items,
        "input_tokens": cost.usage.input_tokens,
        "output_tokens": cost.usage.output_tokens,
        "usd": cost.dollars,
        "batch_usd": cost.batch_dollars,
        "batches": cost.batches,
        "price": price and {"input": price.input, "output": price.output, "source": price.source, "read": price.read},
    }


def estimate_lines(result: Estimate) -> list[str]:
    from diptych.models.meter import format_dollars

    lines = [
        f"{pluralize(result.documents, 'document')} to process, {result.unchanged} unchanged: "
        f"{pluralize(result.pages, 'page')}, {pluralize(result.passages, 'passage')}, "
        f"{pluralize(result.pictures, 'picture')}"
    ]
    if result.captions_known or result.skipped:
        skipped = "".join(f", {count} {reason}" for reason, count in result.skipped.items())
        lines.append(f"captions: {result.captions_known} known{skipped}")
    lines += [f"{name}: {count} texts and pictures to encode here" for name, count in result.embedded_here.items()]
    if pages := result.page_vectors:
        size, seconds = pages.pages * pages.bytes_per_page, pages.pages * pages.seconds_per_page
        lines.append(
            f"{pages.encoder}: {pages.pages} pages to encode here, {pages.bytes_per_page / 1000:.0f} kB and "
            f"{pages.seconds_per_page:.1f} s each, {size / 1e6:.0f} MB and {format_time(seconds)} in all"
        )
    lines += [_cost_line(cost) for cost in result.costs]
    if not result.costs:
        lines.append("nothing to pay")
    elif result.dollars is None or result.batch_dollars is None:
        lines.append("in total: unknown, because a price is unknown; add it to the setting `prices`")
    else:
        batches = any(cost.batches for cost in result.costs)
        through_batches = f", {format_dollars(result.batch_dollars)} with --batch-api" if batches else ""
        lines.append(f"in total: at most {format_dollars(result.dollars)}{through_batches}")
    return lines


def _cost_line(cost: Cost) -> str:
    from diptych.models.meter import format_dollars

    output = f" and {cost.usage.output_tokens:,} out" if cost.usage.output_tokens else ""
    tokens = f"at most {cost.usage.input_tokens:,} tokens in{output}" if cost.usage.input_tokens else "tokens unknown"
    line = f"{cost.model}: {cost.items:,} {cost.use}, {tokens}: "
    if cost.dollars is None or cost.batch_dollars is None:
        return line + "price unknown"
    line += f"at most {format_dollars(cost.dollars)}"
    if cost.batches:
        line += f"; with --batch-api at most {format_dollars(cost.batch_dollars)}"
    else:
        line += "; --batch-api costs the same, because this model has no batch endpoint"
    return line + (f" (price from {cost.price.source})" if cost.price and cost.price.source else "")
