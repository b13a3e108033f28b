"""`diptych like`: what says or shows the same as a hit."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support.hit_tables import tell_hits
from flows.support.no_hits import found_nothing
from flows.support.terminal import say


@click.command(short_help="More like a hit: similar passages, pictures, products.")
@click.argument("hit_id")
@options.where
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Most hits.")
@options.as_json
@options.store
def like(hit_id: str, where: str | None, limit: int, as_json: bool, store: str | None) -> None:
    """Print what is most like a hit of `diptych query`, named by its id: by meaning, by looks, by words.

    A product is compared by its words and its photo together. Nothing is encoded, nothing is paid.
    """
    from diptych import Diptych
    from diptych.settings import load_settings
    from diptych.where import parse_where

    condition = parse_where(where) if where else None
    with Diptych.open(load_settings(store)) as diptych:
        hits = [hit.as_dict() for hit in diptych.like(hit_id, limit, condition)]
        why = "" if hits else found_nothing(diptych, condition)
    tell_hits(hits, as_json)
    if why:
        say(why)
