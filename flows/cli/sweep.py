"""`diptych sweep`: remove unused data from the store."""

from __future__ import annotations

from dataclasses import asdict

import click

from flows.cli import options
from flows.support.maintenance_text import describe_sweep
from flows.support.progress import progress_display
from flows.support.terminal import print_json, print_message


@click.command(short_help="Remove data that no document uses.")
@options.store
@options.as_json
def sweep(store: str | None, as_json: bool) -> None:
    """Remove points, pictures and old editions that no document uses. Safe while documents are being ingested.

    --json prints one object: points, pictures, editions.
    """
    with options.open_store(store) as diptych, progress_display("sweeping"):
        swept = diptych.maintenance.sweep()
    if as_json:
        print_json(asdict(swept))
    print_message(describe_sweep(swept))
