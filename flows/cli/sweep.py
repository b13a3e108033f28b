"""`diptych sweep`: leftovers out of the store."""

from __future__ import annotations

from dataclasses import asdict

import click

from flows.cli import options
from flows.support import maintenance_text as upkeep
from flows.support.progress import display
from flows.support.terminal import json_line, put, say


@click.command(short_help="Remove what no live document needs.")
@options.store
@options.as_json
def sweep(store: str | None, as_json: bool) -> None:
    """Remove points, pictures and old editions that no live document needs; safe beside a running ingest.

    --json prints one object: points, pictures, editions.
    """
    from diptych import Diptych
    from diptych.settings import load_settings

    with Diptych.open(load_settings(store)) as diptych, display("sweeping"):
        swept = diptych.maintenance.sweep()
    if as_json:
        put(json_line(asdict(swept)))
    say(upkeep.swept(swept))
