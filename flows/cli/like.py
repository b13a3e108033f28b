"""`diptych like`: find what is similar to a hit."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support.search_results import explain_no_hits, parse_filter, print_hits
from flows.support.terminal import print_message


@click.command(short_help="Find passages, pictures or products similar to a hit.")
@click.argument("hit_id")
@options.where
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Maximum hits.")
@options.as_json
@options.store
def like(hit_id: str, where: str | None, limit: int, as_json: bool, store: str | None) -> None:
    """Find what is most similar to a hit of `diptych query` in meaning, looks and words. HIT_ID is shown with the hit.

    A product is compared by its text and its photo together. Nothing is encoded, and nothing is paid for.
    """
    condition = parse_filter(where)
    with options.open_store(store) as diptych:
        hits = [hit.as_dict() for hit in diptych.like(hit_id, limit, condition)]
        nothing = "" if hits else explain_no_hits(diptych, condition)
    print_hits(hits, as_json)
    if nothing:
        print_message(nothing)
